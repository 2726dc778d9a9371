import type { IsobarError } from '../errors.ts';

/**
 * The log: records wait here, in order, until they are landed.
 *
 * A log has a fixed number of partitions; records of one key share one and keep their order in it.
 * Offsets start at 0 in every partition, only grow, and mean something only together with the
 * log's id. Retention removes the oldest records first and never one that has not landed: those
 * that are old enough, and younger ones when the log is about to reach its size limit. Any number
 * of processes may have it open. A partition that does not exist is refused with
 * PARAMETER_INVALID; after closing, everything is refused with LOG_UNAVAILABLE.
 */
export interface Log extends AsyncDisposable {
  /** Names this log for ever; a log made anew has another id. */
  readonly id: string;

  /** How many partitions there are, numbered from 0. */
  readonly partitionCount: number;

  /**
   * Resolves once the records would survive a crash of this machine, with the offsets they got.
   * Rejects with RECORD_TOO_LARGE before anything was written; with LOG_FULL at the size limit
   * when nothing that has landed can make room; with DISK_FULL, DATA_UNWRITABLE or LOG_UNAVAILABLE
   * when the engine cannot write; then none, some or all were written: append them again, their
   * identity makes that harmless. It takes a few thousand records best: they are written at once.
   *
   * With `mayWait` it resolves too once the records are kept safely in front of a log that cannot
   * be reached; they have no offsets yet, get in by themselves and in order, and `size` counts
   * them. LOG_FULL then means that no more of them are kept.
   */
  append(records: readonly NewRecord[], options?: AppendOptions): Promise<readonly AppendedRange[]>;

  /**
   * At most `limits.records` and `limits.bytes` (of values; but at least one record), in order
   * from `fromOffset`; empty when there is nothing yet, also far beyond the end. Rejects with
   * LOG_GAP when `fromOffset` is below the first offset kept: land what is there only after the
   * loss was accepted.
   */
  read(
    partition: number,
    fromOffset: bigint,
    limits: ReadLimits,
    signal?: AbortSignal,
  ): Promise<readonly LogRecord[]>;

  /** `first` is the oldest offset kept, `next` the offset that the next record gets. */
  range(partition: number): Promise<OffsetRange>;

  /** When the record at this offset was appended, or null when it is not there (any more). */
  timeOf(partition: number, offset: bigint): Promise<Date | null>;

  /**
   * Yields once at the start and then soon after each append, by whichever process; one yield may
   * stand for several appends. Ends without an error when the signal aborts.
   */
  follow(signal: AbortSignal): AsyncIterable<void>;

  /**
   * Says that everything below `nextOffset` has landed, so that retention may remove it. The log
   * remembers it; a lower offset than before changes nothing, one beyond the end means the end.
   */
  landed(partition: number, nextOffset: bigint): Promise<void>;

  /**
   * Applies retention now and resolves with how many records it removed. Where the engine
   * is configured to keep records longer, or for ever, it keeps them: others may read them.
   */
  trim(): Promise<number>;

  /** What an operator wants to know; `full` when the largest record would be refused now. */
  size(): Promise<LogSize>;
}

export interface NewRecord {
  /** The city's id; decides the partition. */
  readonly key: string;
  readonly value: Uint8Array;
}

export interface AppendOptions {
  readonly mayWait?: boolean;
}

export interface LogRecord {
  readonly offset: bigint;
  readonly key: string;
  /** When the log accepted it, by the log's clock. */
  readonly time: Date;
  readonly value: Uint8Array;
}

/** The records of one append that went to one partition got the offsets `first` to `last`. */
export interface AppendedRange {
  readonly partition: number;
  readonly first: bigint;
  readonly last: bigint;
}

export interface ReadLimits {
  readonly records: number;
  readonly bytes: number;
}

export interface OffsetRange {
  readonly first: bigint;
  readonly next: bigint;
}

export interface LogSize {
  readonly bytes: number;
  /** 0 when the log has no limit of its own. */
  readonly bytesMax: number;
  readonly records: bigint;
  readonly full: boolean;
  /** How long a record is kept that does not land; null means until it has landed. */
  readonly keptMs: number | null;
  /** Records that were accepted and wait to get into the log itself; null when none ever do. */
  readonly waiting: WaitingRecords | null;
}

export interface WaitingRecords {
  readonly records: bigint;
  readonly bytes: number;
  readonly bytesMax: number;
  /** When the oldest of them came; null when there is none. */
  readonly since: Date | null;
  /** What keeps them from getting in; null when nothing does. */
  readonly error: IsobarError | null;
}
