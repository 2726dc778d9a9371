/**
 * Sends what waits in the outbox. Each channel has a queue and a worker of its own, so that one that
 * fails or hangs delays no other; its messages go out one by one, in order. A message that could not
 * be sent is tried again, after a pause that grows, until the channel gives it up: at once when it is
 * refused, else after its time. Its fallback then gets the message.
 *
 * Each message is sent at least once: a process that dies after the sending and before that is marked
 * sends it again, under the same key.
 */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { Logger } from '../logger.ts';
import type { Incident } from '../model/alerts.ts';
import { type Delays, jitteredBackoff, orAborted, pause } from '../waiting.ts';
import type { Channel } from './channel.ts';
import type { OutboxEntry, OutboxStore } from './outbox-store.ts';

export interface OutboxChannel {
  readonly channel: Channel;
  readonly giveUpAfterMs: number;
  /** Name of the channel that gets what this one gives up. */
  readonly fallback: string | null;
}

export interface OutboxOptions {
  readonly store: OutboxStore;
  readonly channels: readonly OutboxChannel[];
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** Address of an incident on the page. */
  readonly urlOf: (incident: Incident) => string | null;
  /** When it aborts, attempts are cancelled and the workers end. */
  readonly signal: AbortSignal;
  readonly clock?: () => Date;
  readonly random?: () => number;
  /** Milliseconds until the next attempt. */
  readonly delays?: Delays;
}

export interface ChannelState {
  readonly name: string;
  readonly type: string;
  /** Since when its attempts fail, ISO 8601, and with what; null while it works. */
  readonly failing: { readonly since: string; readonly problem: string } | null;
}

export interface Outbox {
  /** Says that something was added. */
  wake(): void;
  readonly states: readonly ChannelState[];
  /** Resolves when all workers have ended, after the signal has aborted. */
  readonly ended: Promise<void>;
}

const DELAYS: Delays = { least: 5_000, most: 600_000 };
/** What a receiver may ask for with Retry-After. */
const WAIT_MS_MAX = 3_600_000;
/** Another process may add messages, too. */
const LOOK_MS = 60_000;
/** After the store itself failed. */
const STORE_DELAYS: Delays = { least: 500, most: 30_000 };
/** All that wait, whenever they are due: a later message does not pass an earlier one. */
const EVER = Number.MAX_SAFE_INTEGER;

export function startOutbox(options: OutboxOptions): Outbox {
  const workers = options.channels.map((channel) => startWorker(options, channel, wakeAll));
  function wakeAll(): void {
    for (const worker of workers) worker.wake();
  }
  return {
    wake: wakeAll,
    get states() {
      return workers.map(({ state }) => state());
    },
    ended: Promise.all(workers.map(({ ended }) => ended)).then(() => {}),
  };
}

function startWorker(options: OutboxOptions, own: OutboxChannel, wakeAll: () => void) {
  const { store, signal, clock = () => new Date(), random, delays = DELAYS } = options;
  const { channel, giveUpAfterMs, fallback } = own;
  const { name, type } = channel;
  const health = openHealth(name, options.logger, clock);
  const stored = <T>(ask: () => T | Promise<T>) => askStore(ask, name, options);
  let sleeping = new AbortController();
  const ended = run();

  async function run(): Promise<void> {
    // The caller goes on first, so that it has what it called for.
    await Promise.resolve();
    while (!signal.aborted) {
      sleeping = new AbortController();
      const [entry] = (await stored(() => store.due(name, EVER, 1))) ?? [];
      if (signal.aborted) return;
      if (entry === undefined) await sleep(LOOK_MS);
      else if (waitOf(entry) > 0) await sleep(waitOf(entry));
      else await attempt(entry);
    }
  }

  /** A time far away was written by a clock that was wrong. */
  function waitOf({ nextAt }: OutboxEntry): number {
    const ms = nextAt - clock().getTime();
    return ms > Math.max(WAIT_MS_MAX, delays.most) ? 0 : ms;
  }

  /** Until then, or until something was added. */
  async function sleep(ms: number): Promise<void> {
    await pause(Math.min(ms, LOOK_MS), AbortSignal.any([signal, sleeping.signal]));
  }

  async function attempt(entry: OutboxEntry): Promise<void> {
    const { key, kind, incident } = entry;
    reachFaultPoint('outbox.before-send');
    try {
      const message = { key, kind, incident, url: options.urlOf(incident) };
      await orAborted(channel.send(message, signal), signal);
    } catch (error) {
      if (!signal.aborted) await fail(entry, error);
      return;
    }
    reachFaultPoint('outbox.after-send');
    await stored(() => store.sent(key, clock().getTime()));
    reachFaultPoint('outbox.after-mark');
    health.worked();
  }

  async function fail(entry: OutboxEntry, error: unknown): Promise<void> {
    const { message: problem, details } = asIsobarError(error);
    const now = clock().getTime();
    const isGivenUp = isErrorCode(error, 'CHANNEL_REFUSED') || now - entry.madeAt >= giveUpAfterMs;
    health.failed(problem, isGivenUp);
    if (isGivenUp) {
      await stored(() => store.givenUp(entry.key, now, problem, fallback));
      if (fallback !== null) wakeAll();
      return;
    }
    const wanted = typeof details.retryAfterMs === 'number' ? details.retryAfterMs : 0;
    const wait = Math.max(
      jitteredBackoff(delays, entry.attempts + 1, random),
      Math.min(wanted, WAIT_MS_MAX),
    );
    await stored(() => store.failed(entry.key, Math.ceil(now + wait), problem));
  }

  return {
    wake: () => sleeping.abort(),
    state: (): ChannelState => ({ name, type, failing: health.failing }),
    ended,
  };
}

/** Logs when a channel begins to fail, and when it works again. */
function openHealth(name: string, logger: OutboxOptions['logger'], clock: () => Date) {
  let failing: ChannelState['failing'] = null;
  return {
    get failing() {
      return failing;
    },
    failed(problem: string, isGivenUp: boolean) {
      if (failing === null) {
        const next = isGivenUp ? 'the message is given up' : 'it is tried again';
        logger.warn({ channel: name }, `sending an alert, ${next}: ${problem}`);
      }
      failing = { since: failing?.since ?? clock().toISOString(), problem };
    },
    worked() {
      if (failing === null) return;
      logger.info(
        { channel: name },
        `channel ${name} works again; it failed since ${failing.since}`,
      );
      failing = null;
    },
  };
}

/**
 * What the store gives. It is asked until it answers: what was sent must not be sent again because
 * the disk is full. Undefined when the signal aborts before.
 */
async function askStore<T>(
  ask: () => T | Promise<T>,
  name: string,
  { logger, signal, random }: OutboxOptions,
): Promise<T | undefined> {
  for (let failures = 0; ; ) {
    try {
      return await ask();
    } catch (error) {
      failures += 1;
      if (failures === 1) {
        logger.warn({ channel: name }, `reading the outbox: ${asIsobarError(error).message}`);
      }
      await pause(jitteredBackoff(STORE_DELAYS, failures, random), signal);
      if (signal.aborted) return undefined;
    }
  }
}
