/** The tools of one run of the refresh: it reads rows and published files, and writes new ones. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlEngine, SqlSession } from '../sql/engine.ts';
import type { DataFile, Snapshot, Table } from '../table/table.ts';
import { view } from './compute.ts';
import type { ObservedRows } from './observed-rows.ts';
import type { PublishedFile } from './publication.ts';

export interface RunOptions {
  readonly table: Table;
  readonly columns: Columns;
  readonly storage: Storage;
  /** The refresher's own: it remembers what its views stand for. */
  readonly session: SqlSession;
  readonly scratch: string;
  /** Which files the session's engine reads and writes; those of this machine unless said. */
  readonly reach?: SqlEngine['reach'];
}

/** What a refresher knows of its session from one run to the next. */
export interface Memory {
  readonly rows: ObservedRows;
  /** View's name → its text; materialised name → what it was made from. */
  readonly made: Map<string, string>;
  /** Paths of published files whose content this process has written or checked. */
  readonly checked: Set<string>;
}

export interface Run {
  readonly session: SqlSession;
  readonly snapshot: Snapshot;
  readonly signal: AbortSignal | undefined;
  /** Writes the rows of `sql` as a Parquet file of the lake. */
  write(folder: '_data' | '_partials', sql: string): Promise<PublishedFile>;
  /** Writes a text of so many lines. */
  writeLines(text: string, lines: number): Promise<PublishedFile>;
  /**
   * Makes a view of published Parquet files; `columns` is its schema without any file. Rejects
   * with LAKE_MISSING or TABLE_CORRUPT when one is not what was published.
   */
  define(name: string, files: readonly PublishedFile[], columns: Columns): Promise<void>;
  /** Makes a view, unless it has that text already. */
  view(name: string, sql: string): Promise<void>;
  /** Materialises what `make` resolves with, unless `key` says that it is the same as before. */
  once(name: string, key: string, make: () => Promise<string>): Promise<void>;
  /** Makes the view `observations` hold the rows of these months; of all, but without month. */
  observe(months: readonly string[] | null): Promise<void>;
  /** Data files of these months, or of all. */
  filesOf(months: readonly string[] | null): readonly DataFile[];
}

export function startRun(
  options: RunOptions,
  memory: Memory,
  snapshot: Snapshot,
  signal: AbortSignal | undefined,
): Run {
  const { storage, session, scratch, reach = 'machine' } = options;
  const { rows, made, checked } = memory;

  async function write(folder: '_data' | '_partials', sql: string): Promise<PublishedFile> {
    const place = `${ANALYTICS_FOLDER}/${folder}/${randomUUID()}`;
    // In a folder of this machine the storage makes files durable; the engine only writes them.
    const isHere = reach === 'machine' || storage.address(place).startsWith('/');
    if (isHere) return writeHere(folder, sql);
    try {
      return await writeThere(place, sql);
    } catch (error) {
      // What cannot be removed now goes when publications are cleaned.
      await removeFolder(storage, place).catch(() => {});
      throw error;
    }
  }

  /**
   * The engine writes into the lake by itself, under a name of its own. What it wrote is read once,
   * for its checksum: so it is known to be where the storage sees it.
   */
  async function writeThere(place: string, sql: string): Promise<PublishedFile> {
    const count = await session.copyInto(sql, storage.address(place), signal);
    const path = await onlyParquet(storage, place);
    const sha256 = hashOf(await storage.read(path));
    checked.add(path);
    return { path, rows: count, sha256 };
  }

  async function writeHere(folder: '_data' | '_partials', sql: string): Promise<PublishedFile> {
    const name = `${randomUUID()}.parquet`;
    const file = join(scratch, name);
    try {
      const count = await session.copy(sql, file, 'parquet', signal);
      const sha256 = hashOf(await readFile(file));
      const path = `${ANALYTICS_FOLDER}/${folder}/${name}`;
      await storage.putIfAbsent(path, { file });
      checked.add(path);
      return { path, rows: count, sha256 };
    } finally {
      await rm(file, { force: true });
    }
  }

  async function writeLines(text: string, lines: number): Promise<PublishedFile> {
    const bytes = Buffer.from(text);
    const path = `${ANALYTICS_FOLDER}/_data/${randomUUID()}.jsonl`;
    await storage.putIfAbsent(path, bytes);
    return { path, rows: lines, sha256: hashOf(bytes) };
  }

  async function define(name: string, files: readonly PublishedFile[], columns: Columns) {
    const paths: string[] = [];
    for (const file of files) {
      if (!checked.has(file.path)) {
        await readChecked(storage, file);
        checked.add(file.path);
      }
      paths.push(await pathFor(storage, reach, file.path));
    }
    await session.define(name, paths, columns);
  }

  function filesOf(months: readonly string[] | null): readonly DataFile[] {
    if (months === null) return snapshot.files;
    const wanted = new Set(months);
    return snapshot.files.filter((file) => wanted.has(file.month ?? ''));
  }

  let observed: string | null = null;
  return {
    session,
    snapshot,
    signal,
    write,
    writeLines,
    define,
    filesOf,
    async view(name, sql) {
      if (made.get(name) === sql) return;
      await view(session, name, sql);
      made.set(name, sql);
    },
    async once(name, key, make) {
      if (made.get(name) === key) return;
      made.delete(name);
      await session.materialize(name, await make(), signal);
      made.set(name, key);
    },
    async observe(months) {
      const key = months?.join() ?? 'all';
      if (key === observed) return;
      observed = null;
      if (months === null || months.length === 0) await rows.observeOnce(filesOf(months));
      else await rows.observe(filesOf(months), signal);
      observed = key;
    },
  };
}

/** The one file that the engine wrote into this folder of the lake. */
async function onlyParquet(storage: Storage, place: string): Promise<string> {
  const written: string[] = [];
  for await (const { path } of storage.list(place)) {
    if (path.endsWith('.parquet')) written.push(path);
  }
  const [path, ...others] = written;
  if (path !== undefined && others.length === 0) return path;
  const problem = path === undefined ? 'no file' : `${written.length} files`;
  throw new IsobarError('QUERY_FAILED', `${storage.address(place)}: the engine wrote ${problem}`);
}

async function removeFolder(storage: Storage, place: string): Promise<void> {
  for await (const { path } of storage.list(place)) await storage.delete(path);
}

/** Where an engine of this reach finds the file. */
export async function pathFor(
  storage: Storage,
  reach: SqlEngine['reach'],
  path: string,
): Promise<string> {
  return reach === 'lake' ? storage.address(path) : storage.localPath(path);
}

/** The bytes of a published file; rejects with TABLE_CORRUPT when they are not those published. */
export async function readChecked(storage: Storage, file: PublishedFile): Promise<Uint8Array> {
  const bytes = await storage.read(file.path);
  if (hashOf(bytes) === file.sha256) return bytes;
  throw new IsobarError('TABLE_CORRUPT', `${file.path}: its content was changed (sha256)`);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
