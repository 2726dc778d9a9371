/** The tools of one run of the refresh: it reads rows and published files, and writes new ones. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { DataFile, Snapshot, Table } from '../table/table.ts';
import type { Columns, SqlSession } from './engine.ts';
import type { ObservedRows } from './observed-rows.ts';
import type { PublishedFile } from './publication.ts';

export interface RunOptions {
  readonly table: Table;
  readonly columns: Columns;
  readonly storage: Storage;
  /** The refresher's own. */
  readonly session: SqlSession;
  readonly scratch: string;
}

export interface Run {
  readonly session: SqlSession;
  readonly snapshot: Snapshot;
  readonly signal: AbortSignal | undefined;
  /** Writes the rows of `sql` as a Parquet file of the lake. */
  write(folder: '_data' | '_state', sql: string): Promise<PublishedFile>;
  /**
   * Makes a view of published files; `columns` is its schema when there is no file. Rejects with
   * LAKE_MISSING or TABLE_CORRUPT when one is not what was published.
   */
  define(name: string, files: readonly PublishedFile[], columns: Columns): Promise<void>;
  /** Makes the view `observations` hold the rows of these months, or of all. */
  observe(months: readonly string[] | null): Promise<void>;
  /** Data files of these months, or of all. */
  filesOf(months: readonly string[] | null): readonly DataFile[];
}

export function startRun(
  options: RunOptions,
  snapshot: Snapshot,
  rows: ObservedRows,
  /** Paths of published files whose content this process has written or checked. */
  checked: Set<string>,
  signal: AbortSignal | undefined,
): Run {
  const { storage, session, scratch } = options;

  async function write(folder: '_data' | '_state', sql: string): Promise<PublishedFile> {
    const name = `${randomUUID()}.parquet`;
    const file = join(scratch, name);
    try {
      const rows = await session.copy(sql, file, 'parquet', signal);
      const sha256 = hashOf(await readFile(file));
      const path = `${ANALYTICS_FOLDER}/${folder}/${name}`;
      await storage.putIfAbsent(path, { file });
      checked.add(path);
      return { path, rows, sha256 };
    } finally {
      await rm(file, { force: true });
    }
  }

  async function check({ path, sha256 }: PublishedFile): Promise<void> {
    if (checked.has(path)) return;
    if (hashOf(await storage.read(path)) !== sha256) {
      throw new IsobarError('TABLE_CORRUPT', `${path}: its content was changed (sha256)`);
    }
    checked.add(path);
  }

  async function define(name: string, files: readonly PublishedFile[], columns: Columns) {
    const paths: string[] = [];
    for (const file of files) {
      await check(file);
      paths.push(await storage.localPath(file.path));
    }
    await session.define(name, paths, columns);
  }

  function filesOf(months: readonly string[] | null): readonly DataFile[] {
    if (months === null) return snapshot.files;
    const wanted = new Set(months);
    return snapshot.files.filter((file) => wanted.has(file.month ?? ''));
  }

  let observed: string | null = null;
  async function observe(months: readonly string[] | null): Promise<void> {
    const key = months?.join() ?? 'all';
    if (key === observed) return;
    await rows.observe(filesOf(months), signal);
    observed = key;
  }

  return { session, snapshot, signal, write, define, filesOf, observe };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
