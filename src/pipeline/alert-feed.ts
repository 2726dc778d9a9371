/** The observations that come to the log, for the alerts: followed for as long as the log answers. */
import type { Observed } from '../alerts/alert-loop.ts';
import { openTail, type Tail, type TailEvent } from '../api/tail.ts';
import { asIsobarError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import { backoff, pause } from '../waiting.ts';
import { valuesOf } from './alert-facts.ts';

export interface AlertFeed {
  /** What has not landed yet; nothing while the log cannot be read. */
  waiting(): Promise<readonly Observed[]>;
  stop(): Promise<void>;
}

export interface AlertFeedOptions {
  readonly log: Log;
  /** Of each partition: the first offset that has not landed. */
  readonly from: readonly bigint[];
  readonly onObserved: (observed: readonly Observed[]) => void;
  /** Some were left out. */
  readonly onGap: () => void;
  readonly logger: Logger;
}

/** Records that have not landed are read back up to this many. */
const BACKLOG_MAX = 100_000;
const RETRY_MS = { least: 1_000, most: 30_000 };

export async function startAlertFeed(options: AlertFeedOptions): Promise<AlertFeed> {
  const { log, from, logger } = options;
  const stop = new AbortController();
  let tail: Tail | null = null;
  let failures = 0;
  /** What waited could not be read: it is once the log answers again. */
  let missed = false;

  async function open(): Promise<boolean> {
    try {
      tail = await openTail({
        log,
        logger,
        firstWaiting: (partition) => from[partition] ?? null,
        onEvents(events) {
          options.onObserved(observedOf(events));
          if (missed) options.onGap();
          missed = false;
        },
        onSkip: options.onGap,
      });
      return true;
    } catch (error) {
      failures += 1;
      const { code, message } = asIsobarError(error);
      if (failures === 1) logger.warn({ code }, `reading observations for alerts: ${message}`);
      return false;
    }
  }

  async function follow(): Promise<void> {
    while (tail === null && !stop.signal.aborted) {
      await pause(backoff(RETRY_MS, failures), stop.signal);
      if (await open()) options.onGap();
    }
    await tail?.run(stop.signal);
  }

  await open();
  const following = follow();
  return {
    async waiting() {
      try {
        const events = await tail?.readSince(from, BACKLOG_MAX);
        return observedOf(events ?? []);
      } catch (error) {
        const { code, message } = asIsobarError(error);
        logger.warn({ code }, `reading what waits, for alerts: ${message}`);
        missed = true;
        return [];
      }
    },
    async stop() {
      stop.abort();
      await following;
    },
  };
}

function observedOf(events: readonly TailEvent[]): Observed[] {
  return events.flatMap(({ observation }) => {
    if (observation === null) return [];
    const { city_id: cityId, city: name, observed_at } = observation;
    return [
      { cityId, name, point: { at: Date.parse(observed_at), values: valuesOf(observation) } },
    ];
  });
}
