/**
 * The tail: follows the end of the log once for all viewers, and knows the newest observation of
 * each city that has not landed yet.
 */
import { asIsobarError, isErrorCode } from '../errors.ts';
import type { LogRecord } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import { compareTimes } from '../model/iso-time.ts';
import { pause } from '../waiting.ts';
import type { LogTail } from './context.ts';
import type { Newest } from './picture.ts';
import { parseTailRecord } from './tail-record.ts';

export interface TailEvent {
  readonly partition: number;
  readonly offset: bigint;
  /** Null for a record that makes no observation. */
  readonly observation: Newest | null;
}

export interface Tail {
  /** Offset of the next record to come, for each partition. */
  readonly next: readonly bigint[];
  /** The newest observation of the city that is not in the table of `landed`. */
  newest(cityId: string, landed: (partition: number) => number | null): Newest | null;
  /** Ids of all cities that came by. */
  cityIds(): Iterable<string>;
  /** What lies in the log from these offsets on, up to `next`; null when that is more than
   *  `recordsMax`, or no longer or not yet in the log. */
  readSince(from: readonly bigint[], recordsMax: number): Promise<TailEvent[] | null>;
  /** Follows until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export interface TailOptions {
  readonly log: LogTail;
  readonly logger: Logger;
  /** Where to begin: the first offset that has not landed, or null when nothing has. */
  firstWaiting(partition: number): bigint | null;
  /** Called with what has just come, in the order of its partition. */
  onEvents(events: readonly TailEvent[]): void;
  /** Called when so much came at once that a part was left out. */
  onSkip(): void;
  readonly retryMs?: number;
}

/** At the start as much is read back, and no more than that at once later on. */
const BACKLOG_MAX = 2_000n;
/** After leaving something out it goes on this far from the end. */
const KEPT = 500n;
const READ_LIMITS = { records: 500, bytes: 4 * 1024 * 1024 };
const RETRY_MS = 1_000;

interface Waiting {
  readonly event: TailEvent;
  readonly observation: Newest;
}

export async function openTail(options: TailOptions): Promise<Tail> {
  const { log, logger } = options;
  const next: bigint[] = [];
  const waiting = new Map<string, Waiting>();

  /** Where to begin in each partition that was not followed before: some may be added later. */
  async function findPartitions(): Promise<void> {
    while (next.length < log.partitionCount) {
      const range = await log.range(next.length);
      const from = options.firstWaiting(next.length) ?? range.first;
      const newest = max(range.first, max(from, range.next - BACKLOG_MAX));
      next.push(from > range.next ? range.next : newest);
    }
  }

  function keep(event: TailEvent): void {
    const { observation } = event;
    if (observation === null) return;
    const known = waiting.get(observation.city_id);
    if (known === undefined || beats(observation, known.observation)) {
      waiting.set(observation.city_id, { event, observation });
    }
  }

  async function readPartition(partition: number, signal?: AbortSignal): Promise<TailEvent[]> {
    const records = await log.read(partition, next[partition] ?? 0n, READ_LIMITS, signal);
    const last = records.at(-1);
    if (last !== undefined) next[partition] = last.offset + 1n;
    const events = records.map((record) => parse(partition, record));
    for (const event of events) keep(event);
    return events;
  }

  /** Moves on to what is kept of the log, or to its end when too much waits. */
  async function skip(partition: number): Promise<boolean> {
    const { first, next: end } = await log.range(partition);
    const at = next[partition] ?? 0n;
    if (at >= first && end - at <= BACKLOG_MAX) return false;
    next[partition] = max(first, end - KEPT);
    return true;
  }

  async function pass(signal: AbortSignal): Promise<void> {
    await findPartitions();
    for (const partition of next.keys()) {
      if (await skip(partition)) options.onSkip();
      while (!signal.aborted) {
        const events = await readPartition(partition, signal);
        if (events.length === 0) break;
        options.onEvents(events);
        if (await skip(partition)) options.onSkip();
      }
    }
  }

  async function read(from: readonly bigint[]): Promise<TailEvent[]> {
    const events: TailEvent[] = [];
    for (const partition of next.keys()) {
      const end = next[partition] ?? 0n;
      for (let at = from[partition] ?? 0n; at < end; ) {
        const records = await log.read(partition, at, READ_LIMITS);
        const last = records.at(-1);
        if (last === undefined) break;
        for (const record of records) {
          if (record.offset < end) events.push(parse(partition, record));
        }
        at = last.offset + 1n;
      }
    }
    return events;
  }

  await findPartitions();
  for (const partition of next.keys()) {
    // The part of the past that has not landed; no listener is attached yet.
    while ((await readPartition(partition)).length > 0);
  }

  return {
    next,
    newest(cityId, landed) {
      const entry = waiting.get(cityId);
      if (entry === undefined) return null;
      const last = landed(entry.event.partition);
      if (last === null || entry.event.offset > BigInt(last)) return entry.observation;
      waiting.delete(cityId);
      return null;
    },
    cityIds: () => waiting.keys(),
    async readSince(from, recordsMax) {
      let missed = 0n;
      for (const partition of next.keys()) {
        const at = from[partition];
        const range = await log.range(partition);
        if (at === undefined || at < range.first || at > range.next) return null;
        missed += max(0n, (next[partition] ?? 0n) - at);
      }
      if (missed > BigInt(recordsMax)) return null;
      try {
        return await read(from);
      } catch (error) {
        if (isErrorCode(error, 'LOG_GAP')) return null;
        throw error;
      }
    },
    async run(signal) {
      while (!signal.aborted) {
        try {
          for await (const _ of log.follow(signal)) await pass(signal);
          // A log that was closed ends without an error; then there is nothing left to follow.
          return;
        } catch (error) {
          if (signal.aborted) return;
          logger.warn(`following the log: ${asIsobarError(error).message}`);
          await pause(options.retryMs ?? RETRY_MS, signal);
        }
      }
    },
  };
}

function parse(partition: number, record: LogRecord): TailEvent {
  return { partition, offset: record.offset, observation: parseTailRecord(record.value) };
}

/** Whether it is newer, or a later word on the same observation. */
export function beats(a: Newest, b: Newest): boolean {
  const order = compareTimes(a.observed_at, b.observed_at);
  return order > 0 || (order === 0 && a.version > b.version);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
