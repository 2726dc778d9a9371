/** What has landed leaves the SQLite log: when it is old enough, or when its room is needed. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from './log.ts';
import type { LogFile } from './sqlite-database.ts';
import { retryBusy } from './sqlite-errors.ts';

export interface Retention extends Pick<Log, 'landed' | 'trim'> {
  /** Removes landed records, the oldest of all partitions first, until so few bytes are used. */
  makeRoom(bytesTarget: number): Promise<number>;
}

export interface RetentionOptions {
  readonly file: LogFile;
  readonly ageMaxMs: number;
  readonly bytesMax: number;
  readonly clock: () => Date;
}

/** Nothing else in the process runs while a batch is removed. */
const BATCH_MS = 10;
/** Above the first part of the size limit, landed records go before their age; to the second. */
const FULL_ABOVE = 0.9;
const ROOM_TARGET = 0.8;

export function openRetention(options: RetentionOptions): Retention {
  const { file, bytesMax } = options;
  const { path, db, partitionCount } = file;
  const updateLanded = db.prepare('UPDATE partitions SET landed = ? WHERE partition = ?');
  const selectTime = db.prepare('SELECT time FROM records WHERE id = ?');
  const removeSome = openRemoval(file);

  async function landed(partition: number, nextOffset: bigint): Promise<void> {
    file.base(partition);
    await retryBusy(path, () => {
      if (nextOffset <= file.offsets(partition).landed) return;
      file.transaction(() => {
        const now = file.offsets(partition);
        // What is not there yet cannot have landed from this log.
        const upTo = Math.min(Number(nextOffset), now.next);
        if (upTo > now.landed) updateLanded.run(upTo, partition);
      });
    });
  }

  async function trim(): Promise<number> {
    const oldest = options.clock().getTime() - options.ageMaxMs;
    let removed = 0;
    for (let partition = 0; partition < partitionCount; partition++) {
      for (;;) {
        const count = await removeSome(partition, oldest);
        if (count === 0) break;
        removed += count;
      }
    }
    const used = await retryBusy(path, file.usedBytes);
    if (used <= bytesMax * FULL_ABOVE) return removed;
    return removed + (await makeRoom(bytesMax * ROOM_TARGET));
  }

  async function makeRoom(bytesTarget: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const partition = await retryBusy(path, () =>
        file.usedBytes() <= bytesTarget ? null : oldestLanded(),
      );
      if (partition === null) return removed;
      removed += await removeSome(partition, Number.MAX_SAFE_INTEGER);
    }
  }

  function oldestLanded(): number | null {
    let oldest: { partition: number; time: number } | null = null;
    for (let partition = 0; partition < partitionCount; partition++) {
      const { first, landed: end } = file.offsets(partition);
      if (first >= end) continue;
      const time = Number(selectTime.get(file.base(partition) + first)?.time);
      if (oldest === null || time < oldest.time) oldest = { partition, time };
    }
    return oldest?.partition ?? null;
  }

  return { landed, trim, makeRoom };
}

/** Removes a batch of the oldest records that have landed and came before `olderThan`. */
type RemoveSome = (partition: number, olderThan: number) => Promise<number>;

function openRemoval(file: LogFile): RemoveSome {
  const { path, db } = file;
  const updateFirst = db.prepare('UPDATE partitions SET first = ? WHERE partition = ?');
  const selectYounger = db.prepare(
    'SELECT min(id) AS id FROM records WHERE id >= ? AND id < ? AND time >= ?',
  );
  const deleteRecords = db.prepare('DELETE FROM records WHERE id >= ? AND id < ?');
  let batchRecords = 500;

  async function removeSome(partition: number, olderThan: number): Promise<number> {
    await nextTurn();
    return retryBusy(path, () => {
      const { first, landed: end } = file.offsets(partition);
      if (first >= end) return 0;
      const started = performance.now();
      const count = file.transaction(() => removeBatch(partition, olderThan));
      // Records differ in size a thousandfold: what took too long is done in smaller steps.
      if (performance.now() - started > BATCH_MS) {
        batchRecords = Math.max(10, Math.floor(batchRecords / 2));
      } else if (count === batchRecords) {
        batchRecords = Math.min(5_000, batchRecords * 2);
      }
      return count;
    });
  }

  function removeBatch(partition: number, olderThan: number): number {
    const base = file.base(partition);
    const { first, landed: end } = file.offsets(partition);
    const last = Math.min(first + batchRecords, end);
    const younger = selectYounger.get(base + first, base + last, olderThan)?.id ?? null;
    const newFirst = younger === null ? last : Number(younger) - base;
    if (newFirst <= first) return 0;
    deleteRecords.run(base + first, base + newFirst);
    updateFirst.run(newFirst, partition);
    return newFirst - first;
  }

  return removeSome;
}
