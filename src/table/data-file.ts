/** Puts a finished Parquet file into a table's folder and describes it as an `add` action. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Storage } from '../lake/storage.ts';
import { type AddFile, PARTITION_COLUMN } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';

export interface FinishedFile {
  readonly table: DeltaTable;
  readonly storage: Storage;
  /** On this machine; it is consumed. */
  readonly file: string;
  /** `2024-10`, or null in a table without partitions. */
  readonly month: string | null;
  readonly stats: object;
  readonly clock?: (() => Date) | undefined;
}

export async function putDataFile(finished: FinishedFile): Promise<AddFile> {
  const { table, storage, file, month, clock = () => new Date() } = finished;
  const { size } = await stat(file);
  const sha256 = await sha256OfFile(file);
  const name = `part-${randomUUID()}.parquet`;
  const path = month === null ? name : `${PARTITION_COLUMN}=${month}/${name}`;
  await storage.putIfAbsent(`${table.folder}/${path}`, { file });
  return {
    path,
    partitionValues: month === null ? {} : { [PARTITION_COLUMN]: month },
    size,
    modificationTime: clock().getTime(),
    dataChange: true,
    stats: JSON.stringify(finished.stats),
    tags: { 'isobar.sha256': sha256 },
  };
}

/** Hexadecimal digits of the file's SHA-256, read as a stream. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}
