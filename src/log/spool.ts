/**
 * The spool: while the log cannot be reached, records that may wait are kept in a file on this
 * machine, in order, and get into the log once it is back; new ones queue behind them.
 *
 *     append ──► nothing waits ──► the log ──► fails ──┐
 *            └─► something waits ──────────────────► spool/log.sqlite ──► drain ──► the log
 *
 * A crash between the log's acknowledgement and the note of it here brings records twice: their
 * identity makes that harmless. Several processes may share the folder; one of them drains.
 */
import { asIsobarError, IsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { jitteredBackoff, pauseUnref } from '../waiting.ts';
import type {
  AppendedRange,
  AppendOptions,
  Log,
  LogSize,
  NewRecord,
  WaitingRecords,
} from './log.ts';
import { SpoolFile } from './spool-file.ts';
import { type DrainLock, openDrainLock } from './spool-lock.ts';

export interface SpoolOptions {
  readonly target: Log;
  /** Holds the file of what waits, which is made when something must wait. */
  readonly folder: string;
  /** Opens the log of one partition in which records wait; what has landed there is forgotten. */
  readonly openWaiting: (folder: string) => Promise<Log>;
  readonly ageMaxMs: number;
  readonly clock?: (() => Date) | undefined;
}

const BATCH = { records: 1_000, bytes: 4 * 1024 * 1024 } as const;
const RETRY_MS = { least: 500, most: 5_000 } as const;
/** Between two looks whether the process that drains has ended. */
const LOCK_MS = 250;
/** What an earlier process left begins to drain after this: a command that only looks is faster. */
const LEFTOVERS_MS = 1_000;
const LOOK_MS = 10_000;
/** These are the caller's matter, whether the log can be reached or not. */
const NOT_KEPT = ['RECORD_TOO_LARGE', 'PARAMETER_INVALID'] as const;

export async function openSpool(options: SpoolOptions): Promise<Log> {
  const { target } = options;
  const spool = new Spool(options);
  await spool.start();
  return {
    id: target.id,
    get partitionCount() {
      return target.partitionCount;
    },
    append: (records, more) => spool.append(records, more),
    read: target.read,
    range: target.range,
    timeOf: target.timeOf,
    follow: target.follow,
    landed: target.landed,
    trim: target.trim,
    size: () => spool.size(),
    [Symbol.asyncDispose]: () => spool.close(),
  };
}

class Spool {
  readonly #options: SpoolOptions;
  readonly #target: Log;
  readonly #file: SpoolFile;
  readonly #closing = new AbortController();
  /** Records go to the spool: some wait there, or the log could not be reached just now. */
  #isWaiting = false;
  #turn: Promise<unknown> = Promise.resolve();
  #draining: Promise<void> | null = null;
  #failure: IsobarError | null = null;
  #lastSize: LogSize | null = null;
  #leftovers: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #closed: Promise<void> | null = null;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#target = options.target;
    this.#file = new SpoolFile(options.folder, options.openWaiting);
  }

  async start(): Promise<void> {
    await this.#lookForLeftovers();
    this.#leftovers = setTimeout(() => this.#startDraining(), LEFTOVERS_MS).unref();
    this.#looking = setInterval(() => {
      // What cannot be looked at now is found at the next append or status.
      this.#lookForLeftovers()
        .then(() => this.#startDraining())
        .catch(() => {});
    }, LOOK_MS).unref();
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async append(
    records: readonly NewRecord[],
    { mayWait = false }: AppendOptions = {},
  ): Promise<readonly AppendedRange[]> {
    if (!mayWait || this.#isClosing) return this.#target.append(records);
    return this.#takeTurn(() => this.#appendOrPut(records));
  }

  /** One after the other: none overtakes one that fails, nor the last of those that wait. */
  #takeTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async #appendOrPut(records: readonly NewRecord[]): Promise<readonly AppendedRange[]> {
    if (!this.#isWaiting) {
      try {
        return await this.#target.append(records);
      } catch (error) {
        if (this.#isClosing || isErrorCode(error, ...NOT_KEPT)) throw error;
        this.#failure = asIsobarError(error);
      }
    }
    this.#isWaiting = true;
    try {
      const log = await this.#openForPut();
      await log.append(records);
    } finally {
      this.#startDraining();
    }
    return [];
  }

  async #openForPut(): Promise<Log> {
    try {
      const log = await this.#file.open();
      const { since } = await this.#file.count();
      if (this.#isOld(since)) throw this.#tooOld(since);
      return log;
    } catch (error) {
      // Where nothing can be kept nothing waits: the next append asks the log itself again.
      if (!this.#file.isOpen) this.#isWaiting = false;
      throw error;
    }
  }

  #isOld(since: Date | null): since is Date {
    const { clock = () => new Date(), ageMaxMs } = this.#options;
    return since !== null && clock().getTime() - since.getTime() > ageMaxMs;
  }

  #tooOld(since: Date): IsobarError {
    const { folder, ageMaxMs } = this.#options;
    return new IsobarError(
      'LOG_FULL',
      `${folder}: records wait since ${since.toISOString()}, at most ${ageMaxMs / 3_600_000} h: ` +
        `${this.#failure?.message ?? 'they are on their way'}`,
    );
  }

  #startDraining(): void {
    if (this.#isClosing || !this.#isWaiting) return;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = null;
    });
  }

  /** Until nothing waits any more, or the spool is closed. */
  async #drain(): Promise<void> {
    const { signal } = this.#closing;
    let lock: DrainLock | null = null;
    let failures = 0;
    let isBack = false;
    try {
      while (this.#isWaiting && !signal.aborted) {
        try {
          const log = await this.#file.open();
          lock ??= openDrainLock(this.#options.folder);
          const { records } = await this.#file.count();
          const isLast = records === 0n || (isBack && records <= BATCH.records);
          // New records wait for the last batch, else some would always be on their way. While
          // the log is unreachable, the drain delays no caller.
          if (isLast) await this.#takeTurn(() => this.#drainLast(log, lock));
          else if (lock !== null) await this.#drainBatch(log);
          if (this.#isWaiting && lock === null) await pauseUnref(LOCK_MS, signal);
          isBack = lock !== null && records > 0n;
          failures = 0;
        } catch (error) {
          this.#failure = asIsobarError(error);
          failures += 1;
          isBack = false;
          await pauseUnref(jitteredBackoff(RETRY_MS, failures), signal);
        }
      }
    } finally {
      lock?.release();
    }
  }

  /** Runs in a turn: this process puts nothing meanwhile. */
  async #drainLast(log: Log, lock: DrainLock | null): Promise<void> {
    if (lock !== null) await this.#drainBatch(log);
    const { records } = await this.#file.count();
    if (records === 0n) [this.#isWaiting, this.#failure] = [false, null];
  }

  async #drainBatch(log: Log): Promise<void> {
    const { first } = await log.range(0);
    const batch = await log.read(0, first, BATCH, this.#closing.signal);
    const last = batch.at(-1);
    if (last === undefined) return;
    await this.#target.append(batch.map(({ key, value }) => ({ key, value })));
    this.#failure = null;
    reachFaultPoint('spool.drained');
    await log.landed(0, last.offset + 1n);
    await log.trim();
  }

  /** What an earlier process left, or one that died. */
  async #lookForLeftovers(): Promise<void> {
    if (this.#isWaiting || this.#isClosing || !this.#file.exists) return;
    const { records } = await this.#file.count();
    if (records > 0n) this.#isWaiting = true;
  }

  async size(): Promise<LogSize> {
    const { waiting, isFull } = await this.#waitingRecords();
    try {
      this.#lastSize = await this.#target.size();
    } catch (error) {
      // The waiting records are still reported; `range` reports that the log is unreachable.
      if (this.#isClosing || (waiting === null && this.#lastSize === null)) throw error;
      this.#lastSize ??= { bytes: 0, bytesMax: 0, records: 0n, full: false, keptMs: null, waiting };
    }
    return { ...this.#lastSize, full: this.#lastSize.full || isFull, waiting };
  }

  async #waitingRecords(): Promise<{ waiting: WaitingRecords | null; isFull: boolean }> {
    if (!this.#file.exists) return { waiting: null, isFull: false };
    const log = await this.#file.open();
    const { bytes, bytesMax, full } = await log.size();
    const { records, since } = await this.#file.count();
    const waiting = { records, bytes, bytesMax, since, error: this.#failure };
    return { waiting, isFull: full || this.#isOld(since) };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#leftovers);
    clearInterval(this.#looking);
    this.#closing.abort();
    await this.#turn;
    await this.#draining;
    await this.#file.close();
    await this.#target[Symbol.asyncDispose]();
  }
}
