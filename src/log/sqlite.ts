/** The log in one SQLite file, for one machine and any number of its processes. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { RECORD_BYTES_MAX } from '../model/observation.ts';
import type { Log } from './log.ts';
import { openAppender } from './sqlite-append.ts';
import { openDatabase, PARTITION_SPAN } from './sqlite-database.ts';
import { retryBusy } from './sqlite-errors.ts';
import { openWatch } from './sqlite-follow.ts';
import { openReader } from './sqlite-read.ts';
import { openRetention } from './sqlite-retention.ts';

export interface SqliteLogOptions {
  readonly config: Config['log'];
  /** Holds `log.sqlite`; made when there is none. */
  readonly folder: string;
  readonly clock?: (() => Date) | undefined;
}

export async function openSqliteLog(options: SqliteLogOptions): Promise<Log> {
  const { config, clock = () => new Date() } = options;
  const bytesMax = config.size_max_mib * 1024 * 1024;
  const ageMaxMs = config.retention_days * 86_400_000;
  const file = await openDatabase(join(options.folder, 'log.sqlite'), config.partitions);
  const { path, partitionCount } = file;
  const selectTime = file.db.prepare('SELECT time FROM records WHERE id = ?');
  const sumNext = file.db.prepare('SELECT sum(next) AS sum FROM partitions');

  const watch = openWatch(path, () => Number(sumNext.get()?.sum));
  const retention = openRetention({ file, ageMaxMs, bytesMax, clock });
  const { makeRoom } = retention;
  const appender = openAppender({ file, bytesMax, clock, makeRoom, onAppended: watch.wake });

  const range: Log['range'] = async (partition) => {
    file.base(partition);
    const { first, next } = await retryBusy(path, () => file.offsets(partition));
    return { first: BigInt(first), next: BigInt(next) };
  };

  const timeOf: Log['timeOf'] = async (partition, offset) => {
    const base = file.base(partition);
    if (offset < 0n || offset >= BigInt(PARTITION_SPAN)) return null;
    const time = await retryBusy(path, () => {
      file.assertOpen();
      return selectTime.get(base + Number(offset))?.time;
    });
    return time === undefined ? null : new Date(Number(time));
  };

  const size: Log['size'] = () =>
    retryBusy(path, () => {
      let records = 0;
      let removable = 0;
      for (let partition = 0; partition < partitionCount; partition++) {
        const { first, next, landed } = file.offsets(partition);
        records += next - first;
        removable += Math.max(0, landed - first);
      }
      const bytes = file.usedBytes();
      // An append makes room for itself as long as something may go.
      const full = removable === 0 && bytes + RECORD_BYTES_MAX > bytesMax;
      return { bytes, bytesMax, records: BigInt(records), full, keptMs: null, waiting: null };
    });

  async function close(): Promise<void> {
    watch.close();
    await appender.settle();
    file.close();
  }

  return {
    id: file.id,
    partitionCount,
    append: appender.append,
    read: openReader(file).read,
    range,
    timeOf,
    follow: watch.follow,
    landed: retention.landed,
    trim: retention.trim,
    size,
    [Symbol.asyncDispose]: close,
  };
}
