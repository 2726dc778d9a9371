/** Files that publications name: written once, never changed, and checked by their hash. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlEngine, SqlSession } from '../sql/engine.ts';
import type { PublishedFile } from './publication.ts';

export interface WritingOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly reach: SqlEngine['reach'];
}

/** Writes the rows of `sql` as a Parquet file of the lake. */
export async function writePublished(
  options: WritingOptions,
  folder: '_data' | '_partials',
  sql: string,
  signal?: AbortSignal,
): Promise<PublishedFile> {
  const { storage, reach } = options;
  const place = `${ANALYTICS_FOLDER}/${folder}/${randomUUID()}`;
  // In a folder of this machine the storage makes files durable; the engine only writes them.
  const isHere = reach === 'machine' || storage.address(place).startsWith('/');
  if (isHere) return writeHere(options, `${place}.parquet`, sql, signal);
  try {
    return await writeThere(options, place, sql, signal);
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
async function writeThere(
  { storage, session }: WritingOptions,
  place: string,
  sql: string,
  signal?: AbortSignal,
): Promise<PublishedFile> {
  const count = await session.copyInto(sql, storage.address(place), signal);
  const path = await onlyParquet(storage, place);
  return { path, rows: count, sha256: hashOf(await storage.read(path)) };
}

async function writeHere(
  { storage, session, scratch }: WritingOptions,
  path: string,
  sql: string,
  signal?: AbortSignal,
): Promise<PublishedFile> {
  const file = join(scratch, `${randomUUID()}.parquet`);
  try {
    const count = await session.copy(sql, file, 'parquet', signal);
    const sha256 = hashOf(await readFile(file));
    await storage.putIfAbsent(path, { file });
    return { path, rows: count, sha256 };
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Writes rows that were made in this process as a Parquet file of the lake, in the order of these
 * columns; null without any.
 */
export async function writeRows(
  { storage, session, scratch }: Omit<WritingOptions, 'reach'>,
  columns: Columns,
  rows: readonly object[],
  order: readonly string[],
): Promise<PublishedFile | null> {
  if (rows.length === 0) return null;
  const file = join(scratch, `${randomUUID()}.jsonl`);
  try {
    await writeFile(file, rows.map(lineOf).join(''));
    await session.define('made_rows', [file], columns);
    const sql = `SELECT * FROM made_rows ORDER BY ${order.join(', ')}`;
    return await writePublished({ storage, session, scratch, reach: 'machine' }, '_data', sql);
  } finally {
    await rm(file, { force: true });
  }
}

/** A line of JSON lines. */
export function lineOf(row: object): string {
  return `${JSON.stringify(row)}\n`;
}

/** Writes a text of so many lines. */
export async function writeLines(
  storage: Storage,
  text: string,
  lines: number,
): Promise<PublishedFile> {
  const bytes = Buffer.from(text);
  const path = `${ANALYTICS_FOLDER}/_data/${randomUUID()}.jsonl`;
  await storage.putIfAbsent(path, bytes);
  return { path, rows: lines, sha256: hashOf(bytes) };
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
