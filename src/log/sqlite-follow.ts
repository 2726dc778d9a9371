/** Following the SQLite log: at once within the process, by looking for others' appends. */
import { isBusy } from '../sqlite.ts';
import { translateSqliteError } from './sqlite-errors.ts';

export interface Watch {
  /** Notifies the followers that something was appended. */
  wake(): void;
  follow(signal: AbortSignal): AsyncIterable<void>;
  /** Ends all followers. */
  close(): void;
}

const LOOK_MS = 100;

/** `look` gives a number that grows with every append of whichever process. */
export function openWatch(path: string, look: () => number): Watch {
  const sleepers = new Set<() => void>();
  let followers = 0;
  let timer: NodeJS.Timeout | null = null;
  let seen = look();
  let news = 0;
  let failure: unknown = null;
  let closed = false;

  function rouse(): void {
    for (const rouseOne of sleepers) rouseOne();
  }

  function wake(): void {
    news += 1;
    try {
      seen = look();
    } catch (error) {
      // Then the next look finds it, or fails for good.
      if (!isBusy(error)) failure = translateSqliteError(error, path);
    }
    rouse();
  }

  function lookForOthers(): void {
    try {
      const now = look();
      if (now === seen) return;
      seen = now;
      news += 1;
    } catch (error) {
      if (isBusy(error)) return;
      failure = translateSqliteError(error, path);
    }
    rouse();
  }

  async function* follow(signal: AbortSignal): AsyncIterable<void> {
    followers += 1;
    timer ??= setInterval(lookForOthers, LOOK_MS);
    try {
      for (let notified = -1; !signal.aborted && !closed; ) {
        if (failure !== null) throw failure;
        if (notified === news) {
          await sleepUntilNews(signal);
        } else {
          notified = news;
          yield;
        }
      }
    } finally {
      followers -= 1;
      if (followers === 0 && timer !== null) {
        clearInterval(timer);
        timer = null;
      }
    }
  }

  async function sleepUntilNews(signal: AbortSignal): Promise<void> {
    let rouseOne = () => {};
    await new Promise<void>((resolve) => {
      rouseOne = resolve;
      sleepers.add(rouseOne);
      signal.addEventListener('abort', rouseOne, { once: true });
    });
    sleepers.delete(rouseOne);
    signal.removeEventListener('abort', rouseOne);
  }

  function close(): void {
    closed = true;
    if (timer !== null) clearInterval(timer);
    rouse();
  }

  return { wake, follow, close };
}
