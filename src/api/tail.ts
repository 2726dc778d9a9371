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
import type { Newest } from './latest-conditions.ts';
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
  const tail = new LogFollower(options);
  await tail.readBack();
  return tail;
}

class LogFollower implements Tail {
  readonly next: bigint[] = [];
  readonly #options: TailOptions;
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Reads the part of the past that has not landed. */
  async readBack(): Promise<void> {
    await this.#findPartitions();
    for (const partition of this.next.keys()) {
      while ((await this.#readPartition(partition)).length > 0);
    }
  }

  newest(cityId: string, landed: (partition: number) => number | null): Newest | null {
    const entry = this.#waiting.get(cityId);
    if (entry === undefined) return null;
    const last = landed(entry.event.partition);
    if (last === null || entry.event.offset > BigInt(last)) return entry.observation;
    this.#waiting.delete(cityId);
    return null;
  }

  cityIds(): Iterable<string> {
    return this.#waiting.keys();
  }

  /** Where to begin in each partition that was not followed before: some may be added later. */
  async #findPartitions(): Promise<void> {
    while (this.next.length < this.#options.log.partitionCount) {
      const range = await this.#options.log.range(this.next.length);
      const from = this.#options.firstWaiting(this.next.length) ?? range.first;
      const newest = max(range.first, max(from, range.next - BACKLOG_MAX));
      this.next.push(from > range.next ? range.next : newest);
    }
  }

  #keep(event: TailEvent): void {
    const { observation } = event;
    if (observation === null) return;
    const known = this.#waiting.get(observation.city_id);
    if (known === undefined || beats(observation, known.observation)) {
      this.#waiting.set(observation.city_id, { event, observation });
    }
  }

  async #readPartition(partition: number, signal?: AbortSignal): Promise<TailEvent[]> {
    const records = await this.#options.log.read(
      partition,
      this.next[partition] ?? 0n,
      READ_LIMITS,
      signal,
    );
    const last = records.at(-1);
    if (last !== undefined) this.next[partition] = last.offset + 1n;
    const events = records.map((record) => parse(partition, record));
    for (const event of events) this.#keep(event);
    return events;
  }

  /** Moves on to what is kept of the log, or to its end when too much waits. */
  async #skip(partition: number): Promise<boolean> {
    const { first, next: end } = await this.#options.log.range(partition);
    const at = this.next[partition] ?? 0n;
    if (at >= first && end - at <= BACKLOG_MAX) return false;
    this.next[partition] = max(first, end - KEPT);
    return true;
  }

  async #pass(signal: AbortSignal): Promise<void> {
    await this.#findPartitions();
    for (const partition of this.next.keys()) {
      if (await this.#skip(partition)) this.#options.onSkip();
      while (!signal.aborted) {
        const events = await this.#readPartition(partition, signal);
        if (events.length === 0) break;
        this.#options.onEvents(events);
        if (await this.#skip(partition)) this.#options.onSkip();
      }
    }
  }

  async #read(from: readonly bigint[]): Promise<TailEvent[]> {
    const events: TailEvent[] = [];
    for (const partition of this.next.keys()) {
      const end = this.next[partition] ?? 0n;
      for (let at = from[partition] ?? 0n; at < end; ) {
        const records = await this.#options.log.read(partition, at, READ_LIMITS);
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

  async readSince(from: readonly bigint[], recordsMax: number): Promise<TailEvent[] | null> {
    let missed = 0n;
    for (const partition of this.next.keys()) {
      const at = from[partition];
      const range = await this.#options.log.range(partition);
      if (at === undefined || at < range.first || at > range.next) return null;
      missed += max(0n, (this.next[partition] ?? 0n) - at);
    }
    if (missed > BigInt(recordsMax)) return null;
    try {
      return await this.#read(from);
    } catch (error) {
      if (isErrorCode(error, 'LOG_GAP')) return null;
      throw error;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const _ of this.#options.log.follow(signal)) await this.#pass(signal);
        // A log that was closed ends without an error; then there is nothing left to follow.
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.logger.warn(`following the log: ${asIsobarError(error).message}`);
        await pause(this.#options.retryMs ?? RETRY_MS, signal);
      }
    }
  }
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
