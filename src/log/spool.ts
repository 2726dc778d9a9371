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
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { asIsobarError, IsobarError, isErrorCode, translateFileError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { jitteredBackoff, pauseUnref } from '../waiting.ts';
import type { Log, LogSize, NewRecord, WaitingRecords } from './log.ts';
import { type DrainLock, openDrainLock } from './spool-lock.ts';

export interface SpoolOptions {
  readonly target: Log;
  /** Holds the file of what waits, which is made when something must wait. */
  readonly folder: string;
  /** Opens the log of one partition in which records wait; what has landed there is forgotten. */
  readonly openWaiting: (folder: string) => Promise<Log>;
  readonly ageMaxMs: number;
  readonly clock?: (() => Date) | undefined;
  readonly random?: () => number;
}

const BATCH = { records: 1_000, bytes: 4 * 1024 * 1024 } as const;
const RETRY_MS = { least: 500, most: 5_000 } as const;
/** What an earlier process left begins to drain after this: a command that only looks is faster. */
const LEFTOVERS_MS = 1_000;
const LOOK_MS = 10_000;
/** These are the caller's matter, whether the log can be reached or not. */
const NOT_KEPT = ['RECORD_TOO_LARGE', 'PARAMETER_INVALID'] as const;

export async function openSpool(options: SpoolOptions): Promise<Log> {
  const { target, folder, ageMaxMs } = options;
  const { clock = () => new Date(), random = Math.random } = options;
  const closing = new AbortController();
  let opened: Promise<Log> | null = null;
  /** Records go to the spool: some wait there, or the log could not be reached just now. */
  let isWaiting = false;
  let turn: Promise<unknown> = Promise.resolve();
  let draining: Promise<void> | null = null;
  let failure: IsobarError | null = null;
  let lastSize: LogSize | null = null;

  function waitingLog(): Promise<Log> {
    opened ??= makeFolder(folder)
      .then(() => options.openWaiting(folder))
      .catch((error) => {
        opened = null;
        throw error;
      });
    return opened;
  }

  const append: Log['append'] = async (records, { mayWait = false } = {}) => {
    if (!mayWait || closing.signal.aborted) return target.append(records);
    return takeTurn(() => appendOrPut(records));
  };

  /** One after the other: none overtakes one that fails, nor the last of those that wait. */
  function takeTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  }

  const appendOrPut: Log['append'] = async (records) => {
    if (!isWaiting) {
      try {
        return await target.append(records);
      } catch (error) {
        if (closing.signal.aborted || isErrorCode(error, ...NOT_KEPT)) throw error;
        failure = asIsobarError(error);
      }
    }
    isWaiting = true;
    await put(records);
    return [];
  };

  async function put(records: readonly NewRecord[]): Promise<void> {
    try {
      const log = await openForPut();
      await log.append(records);
    } finally {
      startDraining();
    }
  }

  async function openForPut(): Promise<Log> {
    try {
      const log = await waitingLog();
      await assertYoung(log);
      return log;
    } catch (error) {
      // Where nothing can be kept nothing waits: the next append asks the log itself again.
      if (opened === null) isWaiting = false;
      throw error;
    }
  }

  async function assertYoung(log: Log): Promise<void> {
    const { since } = await countWaiting(log);
    if (since === null || clock().getTime() - since.getTime() <= ageMaxMs) return;
    throw new IsobarError(
      'LOG_FULL',
      `${folder}: records wait since ${since.toISOString()}, at most ${ageMaxMs / 3_600_000} h: ` +
        `${failure?.message ?? 'they are on their way'}`,
    );
  }

  function startDraining(): void {
    if (closing.signal.aborted || !isWaiting) return;
    draining ??= drain().finally(() => {
      draining = null;
    });
  }

  /** Until nothing waits any more, or the spool is closed. */
  async function drain(): Promise<void> {
    let lock: DrainLock | null = null;
    let failures = 0;
    let isBack = false;
    try {
      while (isWaiting && !closing.signal.aborted) {
        try {
          const log = await waitingLog();
          lock ??= openDrainLock(folder);
          const { records } = await countWaiting(log);
          const isLast = records === 0n || (isBack && records <= BATCH.records);
          // New records wait for the last batch, else some would always be on their way. While
          // the log is unreachable, the drain delays no caller.
          if (isLast) await takeTurn(() => drainLast(log, lock));
          else if (lock !== null) await drainBatch(log);
          if (isWaiting && lock === null) await pauseUnref(RETRY_MS.least, closing.signal);
          isBack = lock !== null && records > 0n;
          failures = 0;
        } catch (error) {
          failure = asIsobarError(error);
          failures += 1;
          isBack = false;
          await pauseUnref(jitteredBackoff(RETRY_MS, failures, random), closing.signal);
        }
      }
    } finally {
      lock?.release();
    }
  }

  /** Runs in a turn: this process puts nothing meanwhile. */
  async function drainLast(log: Log, lock: DrainLock | null): Promise<void> {
    if (lock !== null) await drainBatch(log);
    const { records } = await countWaiting(log);
    if (records === 0n) [isWaiting, failure] = [false, null];
  }

  async function drainBatch(log: Log): Promise<void> {
    const { first } = await log.range(0);
    const batch = await log.read(0, first, BATCH, closing.signal);
    const last = batch.at(-1);
    if (last === undefined) return;
    await target.append(batch.map(({ key, value }) => ({ key, value })));
    failure = null;
    reachFaultPoint('spool.drained');
    await log.landed(0, last.offset + 1n);
    await log.trim();
  }

  /** What an earlier process left, or one that died. */
  async function lookForLeftovers(): Promise<void> {
    if (isWaiting || closing.signal.aborted || !existsSync(join(folder, 'log.sqlite'))) return;
    const { records } = await countWaiting(await waitingLog());
    if (records > 0n) isWaiting = true;
  }

  const size: Log['size'] = async () => {
    const waiting = await waitingRecords();
    try {
      lastSize = await target.size();
    } catch (error) {
      // The waiting records are still reported; `range` reports that the log is unreachable.
      if (closing.signal.aborted || (waiting === null && lastSize === null)) throw error;
      lastSize ??= { bytes: 0, bytesMax: 0, records: 0n, full: false, keptMs: null, waiting };
    }
    return { ...lastSize, full: lastSize.full || (waiting?.isFull ?? false), waiting };
  };

  async function waitingRecords(): Promise<(WaitingRecords & { isFull: boolean }) | null> {
    if (opened === null && !existsSync(join(folder, 'log.sqlite'))) return null;
    const log = await waitingLog();
    const { bytes, bytesMax, full } = await log.size();
    const { records, since } = await countWaiting(log);
    const isOld = since !== null && clock().getTime() - since.getTime() > ageMaxMs;
    return { records, bytes, bytesMax, since, error: failure, isFull: full || isOld };
  }

  await lookForLeftovers();
  const leftovers = setTimeout(startDraining, LEFTOVERS_MS);
  leftovers.unref();
  const looking = setInterval(() => {
    // What cannot be looked at now is met again at the next append or status.
    lookForLeftovers().then(startDraining, () => {});
  }, LOOK_MS);
  looking.unref();

  async function close(): Promise<void> {
    clearTimeout(leftovers);
    clearInterval(looking);
    closing.abort();
    await turn;
    await draining;
    const log = await opened?.catch(() => null);
    await log?.[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  }

  let closed: Promise<void> | null = null;
  return {
    id: target.id,
    get partitionCount() {
      return target.partitionCount;
    },
    append,
    read: target.read,
    range: target.range,
    timeOf: target.timeOf,
    follow: target.follow,
    landed: target.landed,
    trim: target.trim,
    size,
    [Symbol.asyncDispose]() {
      closed ??= close();
      return closed;
    },
  };
}

/** Everything in the file waits: what got in was removed. */
async function countWaiting(log: Log): Promise<{ records: bigint; since: Date | null }> {
  const { first, next } = await log.range(0);
  return { records: next - first, since: await log.timeOf(0, first) };
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw translateFileError(error, folder, 'DATA_UNWRITABLE');
  }
}
