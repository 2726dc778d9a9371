/** Appending to the SQLite log: appends that wait at the same moment share one transaction. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { RECORD_BYTES_MAX } from '../model/observation.ts';
import type { AppendedRange, NewRecord } from './log.ts';
import { choosePartition } from './partition.ts';
import { type LogFile, PARTITION_SPAN } from './sqlite-database.ts';
import { retryBusy } from './sqlite-errors.ts';
import { takeGroup, type WaitingAppend } from './waiting-append.ts';

export interface Appender {
  append(records: readonly NewRecord[]): Promise<readonly AppendedRange[]>;
  /** Resolves when nothing waits any more. */
  settle(): Promise<void>;
}

export interface AppenderOptions {
  readonly file: LogFile;
  readonly bytesMax: number;
  readonly clock: () => Date;
  /** Removes what may go until at most so many bytes are used, or nothing more may go. */
  readonly makeRoom: (bytesTarget: number) => Promise<unknown>;
  readonly onAppended: () => void;
}

interface Waiting extends WaitingAppend {
  readonly bytes: number;
}

/** What became of an append: its ranges, or LOG_FULL when it did not fit. */
type Outcome = readonly AppendedRange[] | IsobarError;

/** Records that share a transaction at most; one append alone may be larger. */
const GROUP_RECORDS_MAX = 2_000;
/** What a record takes in the file beside its key and value. */
const RECORD_OVERHEAD_BYTES = 24;
/** A record a little larger than half a page has the page for itself. */
const PAGE_WASTE_MAX = 2;
/** When room has to be made, it is made down to this part of the limit, not for each append. */
const ROOM_TARGET = 0.8;

export function openAppender(options: AppenderOptions): Appender {
  const { file, bytesMax } = options;
  const { path } = file;
  const commit = openCommit(options);
  const waiting: Waiting[] = [];
  let flushing: Promise<void> | null = null;

  async function append(records: readonly NewRecord[]): Promise<readonly AppendedRange[]> {
    file.assertOpen();
    const bytes = measureRecords(records);
    if (records.length === 0) return [];
    return new Promise((resolve, reject) => {
      waiting.push({ records, bytes, resolve, reject });
      flushing ??= flush().finally(() => {
        flushing = null;
      });
    });
  }

  async function flush(): Promise<void> {
    await nextTurn();
    while (waiting.length > 0) {
      const group = takeGroup(waiting, GROUP_RECORDS_MAX);
      try {
        await makeRoomFor(group);
        const outcomes = await retryBusy(path, () => commit(group));
        reachFaultPoint('append.after-commit');
        options.onAppended();
        for (const [index, { resolve, reject }] of group.entries()) {
          const outcome = outcomes[index] ?? [];
          if (outcome instanceof IsobarError) reject(outcome);
          else resolve(outcome);
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      await nextTurn();
    }
  }

  async function makeRoomFor(group: readonly Waiting[]): Promise<void> {
    const needed = PAGE_WASTE_MAX * group.reduce((sum, { bytes }) => sum + bytes, 0);
    const used = await retryBusy(path, file.usedBytes);
    if (used + needed <= bytesMax) return;
    await options.makeRoom(Math.min(bytesMax * ROOM_TARGET, bytesMax - needed));
  }

  return { append, settle: async () => void (await flushing) };
}

/** Writes a group of appends in one transaction. */
function openCommit(options: AppenderOptions): (group: readonly Waiting[]) => Outcome[] {
  const { file, bytesMax, clock } = options;
  const { path, db, partitionCount } = file;
  const insertRecord = db.prepare('INSERT INTO records VALUES (?, ?, ?, ?)');
  const updateNext = db.prepare('UPDATE partitions SET next = ? WHERE partition = ?');

  function commit(group: readonly Waiting[]): Outcome[] {
    return file.transaction(() => {
      const nexts: number[] = [];
      for (let partition = 0; partition < partitionCount; partition++) {
        nexts.push(file.offsets(partition).next);
      }
      const before = [...nexts];
      const outcomes = group.map((one) => insertIfItFits(one, nexts));
      for (const [partition, next] of nexts.entries()) {
        if (next !== before[partition]) updateNext.run(next, partition);
      }
      reachFaultPoint('append.before-commit');
      return outcomes;
    });
  }

  /** All records of one append, or none and LOG_FULL. */
  function insertIfItFits(one: Waiting, nexts: number[]): Outcome {
    const usedBefore = file.usedBytes();
    if (usedBefore + one.bytes > bytesMax) return full(usedBefore);
    const nextsBefore = [...nexts];
    db.exec('SAVEPOINT one_append');
    const ranges = insert(one.records, nexts);
    // How well records fill the pages is known only now.
    const fits = file.usedBytes() <= bytesMax;
    if (!fits) {
      db.exec('ROLLBACK TO one_append');
      nexts.splice(0, nexts.length, ...nextsBefore);
    }
    db.exec('RELEASE one_append');
    return fits ? ranges : full(usedBefore);
  }

  /** Moves `nexts` on. */
  function insert(records: readonly NewRecord[], nexts: number[]): readonly AppendedRange[] {
    const before = [...nexts];
    const time = clock().getTime();
    for (const { key, value } of records) {
      const partition = choosePartition(key, partitionCount);
      const offset = nexts[partition] ?? 0;
      insertRecord.run(partition * PARTITION_SPAN + offset, time, key, value);
      nexts[partition] = offset + 1;
    }
    return nexts.flatMap((next, partition) => {
      const first = before[partition] ?? 0;
      if (next === first) return [];
      return [{ partition, first: BigInt(first), last: BigInt(next - 1) }];
    });
  }

  function full(used: number): IsobarError {
    const text = `${path}: ${used} of ${bytesMax} bytes are used by what may not be removed yet`;
    return new IsobarError('LOG_FULL', text, { details: { bytes: used, bytesMax } });
  }

  return commit;
}

/** Bytes that the records take in the file; throws RECORD_TOO_LARGE. */
function measureRecords(records: readonly NewRecord[]): number {
  let bytes = 0;
  for (const { key, value } of records) {
    if (value.byteLength > RECORD_BYTES_MAX) {
      throw new IsobarError(
        'RECORD_TOO_LARGE',
        `record of ${key}: ${value.byteLength} bytes, at most ${RECORD_BYTES_MAX} are taken`,
      );
    }
    bytes += value.byteLength + key.length + RECORD_OVERHEAD_BYTES;
  }
  return bytes;
}
