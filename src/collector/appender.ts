/**
 * The appender: records go to the log in the order in which they came, those that wait together
 * in one append. A failure is tried again with the same records until it succeeds; meanwhile
 * `blocked` makes the poller bring no more, so that no more waits than was under way.
 */
import { asIsobarError, type IsobarError, isErrorCode } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import {
  type CollectedRecord,
  formatRecord,
  isInvalidRecord,
  RECORD_BYTES_MAX,
} from '../model/observation.ts';
import { TRACES_LOGGED_MAX, traceIdOf } from '../model/trace.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { jitteredBackoff } from '../waiting.ts';
import type { Clock } from './clock.ts';

export interface Appender {
  /** Resolves with whether the record is in the log; false only after `close`. */
  append(record: CollectedRecord): Promise<boolean>;
  /** What keeps records from getting into the log; null while all is well. */
  readonly blocked: IsobarError | null;
  /** Waits for the append under way; what waits then is tried once more and given up with a word. */
  close(): Promise<void>;
}

interface Waiting {
  value: Uint8Array;
  readonly record: CollectedRecord;
  readonly settle: (appended: boolean) => void;
}

const BATCH_RECORDS_MAX = 1_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const RETRY_MS = { least: 500, most: 30_000 } as const;
const KEPT_CHARACTERS_MAX = 64 * 1024;

export function openAppender(options: {
  readonly log: Pick<Log, 'append'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly tracer?: Tracer | undefined;
  /** Told when `blocked` changes. */
  readonly onChange: () => void;
}): Appender {
  const { log, clock, random, logger, tracer, onChange } = options;
  const closing = new AbortController();
  const waiting: Waiting[] = [];
  let running: Promise<void> | null = null;
  let blocked: IsobarError | null = null;
  let failures = 0;

  async function drain(): Promise<void> {
    // Emptied and marked as done without a pause between: a record that comes then starts anew.
    for (let batch = takeBatch(waiting); batch.length > 0; batch = takeBatch(waiting)) {
      const error = await tryAppend(batch);
      if (error === null) {
        settle(batch.length, true);
        setBlocked(null);
      } else if (isErrorCode(error, 'RECORD_TOO_LARGE') && shorten(batch)) {
        logger.warn(`appending to the log: ${error.message}; the record goes in as invalid`);
      } else {
        setBlocked(error);
        if (closing.signal.aborted) dropWaiting(error);
        else await clock.wait(jitteredBackoff(RETRY_MS, failures, random), closing.signal);
      }
    }
    running = null;
  }

  async function tryAppend(batch: readonly Waiting[]): Promise<IsobarError | null> {
    try {
      const records = batch.map(({ record, value }) => ({ key: record.city_id, value }));
      await log.append(records, { mayWait: true });
      return null;
    } catch (error) {
      return asIsobarError(error);
    }
  }

  function settle(count: number, appended: boolean): void {
    for (const item of waiting.splice(0, count)) item.settle(appended);
  }

  function setBlocked(error: IsobarError | null): void {
    failures = error === null ? 0 : failures + 1;
    if (error?.code === blocked?.code) return;
    if (error === null) logger.info('appending to the log: it takes records again');
    else logger.warn({ code: error.code }, `appending to the log: ${error.message}`);
    blocked = error;
    onChange();
  }

  function dropWaiting(error: IsobarError): void {
    const ids = waiting.slice(0, TRACES_LOGGED_MAX).map(({ record }) => traceIdOf(record));
    logger.error(
      { code: error.code, trace_ids: ids },
      `appending to the log: stopped with ${waiting.length} records that it did not take, ` +
        `of ${[...new Set(waiting.map(({ record }) => record.city_id))].slice(0, 20).join(', ')}`,
    );
    settle(waiting.length, false);
  }

  return {
    append(record) {
      const begun = tracer?.begin('append');
      return new Promise((resolve) => {
        const settle = (appended: boolean) => {
          const attributes = { 'isobar.city_id': record.city_id };
          begun?.end(traceIdOf(record), {
            attributes,
            error: appended ? undefined : blocked?.code,
          });
          resolve(appended);
        };
        waiting.push({ record, value: formatRecord(record), settle });
        running ??= drain();
      });
    },
    get blocked() {
      return blocked;
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** What waits first, as much of it as one append may hold; it stays in the queue. */
function takeBatch(waiting: readonly Waiting[]): readonly Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { value } of waiting) {
    bytes += value.length;
    if (count > 0 && (bytes > BATCH_BYTES_MAX || count >= BATCH_RECORDS_MAX)) break;
    count += 1;
  }
  return waiting.slice(0, count);
}

/** Records that no log takes become invalid ones with the beginning of the answer. */
function shorten(batch: readonly Waiting[]): boolean {
  let shortened = false;
  for (const item of batch) {
    const { record } = item;
    if (item.value.length <= RECORD_BYTES_MAX || isInvalidRecord(record)) continue;
    const { city_id, collected_at, source, response } = record;
    const kept = (response ?? '').slice(0, KEPT_CHARACTERS_MAX / 6);
    const invalid = 'longer than 900 KiB as a record';
    item.value = formatRecord({ invalid, city_id, collected_at, source, response: kept });
    shortened = true;
  }
  return shortened;
}
