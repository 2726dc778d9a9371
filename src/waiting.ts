/** Waiting, for all rooms: pauses, delays that grow after failures, promises with a limit. */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

/** In any unit. */
export interface Delays {
  readonly least: number;
  readonly most: number;
}

/** Exponential back-off: the delay after this many failures in a row (from 1), doubling each time. */
export function backoff({ least, most }: Delays, failures: number): number {
  return Math.min(most, least * 2 ** Math.min(30, Math.max(0, failures - 1)));
}

/** The same with jitter: half of the delay is random, so that many do not try again together. */
export function jitteredBackoff(
  delays: Delays,
  failures: number,
  random: () => number = Math.random,
): number {
  return backoff(delays, failures) * (0.5 + random() / 2);
}

/** Resolves after the time, or early when the signal aborts. Never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(Math.max(0, ms), undefined, signal && { signal }).catch(() => {});
}

/** The same, without keeping the process alive. */
export async function pauseUnref(ms: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, ms), undefined, { signal, ref: false }).catch(() => {});
}

/**
 * For long work on this thread: what it returns, called often, lets other work go on every so many
 * milliseconds, and rejects with the signal's reason once that has aborted.
 */
export function takeTurns(signal?: AbortSignal, ms = 10): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < ms) return;
    await nextTurn();
    signal?.throwIfAborted();
    since = performance.now();
  };
}

export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/**
 * What the promise gives; rejects with the signal's reason as soon as it aborts. What the promise
 * gives after that is ignored.
 */
export async function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  promise.catch(() => {});
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The same; also rejects, with what `late` makes, when the promise takes longer. */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  signal?: AbortSignal,
  late: () => Error = () => new Error('no answer in time'),
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(late()), Math.max(1, ms));
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  try {
    return await orAborted(promise, either);
  } finally {
    clearTimeout(timer);
  }
}
