/**
 * The SQLite log's file: making, opening and checking it.
 *
 * Layout, schema 1 (`user_version`), marked with `application_id`:
 *
 *     meta        name → value: log_id (a UUID, made once), partitions
 *     partitions  partition, first, next, landed: offsets; they never go back
 *     records     id = partition × 2^47 + offset, time (ms since 1970), key, value
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { IsobarError, translateFileError } from '../errors.ts';
import { assertRegularOrMissing } from '../regular-file.ts';
import { transact } from '../sqlite.ts';
import { corrupt, retryBusy, translateSqliteError } from './sqlite-errors.ts';

/** The open file, with what appending, reading and retention have in common. */
export interface LogFile {
  readonly path: string;
  readonly id: string;
  readonly partitionCount: number;
  readonly db: DatabaseSync;
  /** All of `work` or nothing of it. Throws as SQLite does, also while another process writes. */
  transaction<T>(work: () => T): T;
  offsets(partition: number): PartitionOffsets;
  /** The id of the partition's offset 0; throws PARAMETER_INVALID for a foreign partition. */
  base(partition: number): number;
  /** Bytes of the pages in use: SQLite keeps the counts, so it costs the same for any size. */
  usedBytes(): number;
  /** Throws LOG_UNAVAILABLE after `close`. */
  assertOpen(): void;
  close(): void;
}

export interface PartitionOffsets {
  readonly first: number;
  readonly next: number;
  readonly landed: number;
}

/** 64 partitions of 2^47 offsets fill exactly the whole numbers that JavaScript holds. */
export const PARTITION_SPAN = 2 ** 47;

const APPLICATION_ID = 0x69736f62; // "isob"
const SCHEMA_VERSION = 1;
const PAGE_BYTES = 8_192;
/** SQLite's own waiting stops the whole process, so it is short; `retryBusy` waits beside it. */
const BUSY_TIMEOUT_MS = 20;

/**
 * Opens the log at this path; makes it when there is none, with this number of partitions.
 * Any number of processes may do so at the same time.
 */
export async function openDatabase(path: string, partitionCount: number): Promise<LogFile> {
  assertRegularOrMissing(path);
  try {
    if (!(await exists(path))) await createDatabase(path, partitionCount);
  } catch (error) {
    throw translateFileError(translateSqliteError(error, path), path, 'LOG_UNAVAILABLE');
  }
  return retryBusy(path, () => openExisting(path));
}

function openExisting(path: string): LogFile {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    checkKind(db, path);
    db.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${64 * 1024 * 1024};
             PRAGMA cache_size = -16384`);
    return wrapDatabase(db, path, checkContent(db, path));
  } catch (error) {
    db.close();
    throw error;
  }
}

function wrapDatabase(db: DatabaseSync, path: string, identity: Identity): LogFile {
  const selectPartition = db.prepare('SELECT * FROM partitions WHERE partition = ?');
  const pageCount = db.prepare('PRAGMA page_count');
  const freeCount = db.prepare('PRAGMA freelist_count');
  const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.page_size);

  function assertOpen(): void {
    if (!db.isOpen) throw new IsobarError('LOG_UNAVAILABLE', `${path}: the log was closed`);
  }

  function transaction<T>(work: () => T): T {
    assertOpen();
    return transact(db, work);
  }

  function offsets(partition: number): PartitionOffsets {
    assertOpen();
    const row = selectPartition.get(partition);
    return { first: Number(row?.first), next: Number(row?.next), landed: Number(row?.landed) };
  }

  function base(partition: number): number {
    if (Number.isInteger(partition) && partition >= 0 && partition < identity.partitionCount) {
      return partition * PARTITION_SPAN;
    }
    const text = `${path}: no partition ${partition}; there are ${identity.partitionCount}`;
    throw new IsobarError('PARAMETER_INVALID', text);
  }

  function usedBytes(): number {
    assertOpen();
    const pages = Number(pageCount.get()?.page_count) - Number(freeCount.get()?.freelist_count);
    return pages * pageBytes;
  }

  function close(): void {
    if (db.isOpen) db.close();
  }

  return { path, ...identity, db, transaction, offsets, base, usedBytes, assertOpen, close };
}

type Identity = Pick<LogFile, 'id' | 'partitionCount'>;

function checkKind(db: DatabaseSync, path: string): void {
  const application = db.prepare('PRAGMA application_id').get()?.application_id;
  if (application !== APPLICATION_ID) throw corrupt(path, 'it is not a log of isobar');
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > SCHEMA_VERSION) {
    throw new IsobarError('LOG_NEWER', `${path}: schema ${version}, known are up to 1`);
  }
  if (version < SCHEMA_VERSION) throw corrupt(path, `it has the unknown schema ${version}`);
}

/** Looks at both ends of every partition, not at what lies between: that would take too long. */
function checkContent(db: DatabaseSync, path: string): Identity {
  db.exec('BEGIN');
  try {
    const id = db.prepare("SELECT value FROM meta WHERE name = 'log_id'").get()?.value;
    const count = db.prepare("SELECT value FROM meta WHERE name = 'partitions'").get()?.value;
    if (typeof id !== 'string' || id === '') throw corrupt(path, 'it has no id');
    const ends = db
      .prepare(
        `SELECT partition, first, next, landed,
           coalesce((SELECT min(id) FROM records WHERE id >= partition * ${PARTITION_SPAN}
             AND id < (partition + 1) * ${PARTITION_SPAN}) % ${PARTITION_SPAN}, next) AS low,
           coalesce((SELECT max(id) FROM records WHERE id >= partition * ${PARTITION_SPAN}
             AND id < (partition + 1) * ${PARTITION_SPAN}) % ${PARTITION_SPAN} + 1, next) AS high
         FROM partitions ORDER BY partition`,
      )
      .all();
    if (ends.length === 0 || ends.length !== Number(count)) {
      throw corrupt(path, `it has ${ends.length} partitions instead of ${count}`);
    }
    for (const [index, { partition, first, next, landed, low, high }] of ends.entries()) {
      if (partition === index && first === low && next === high && Number(landed) <= Number(next)) {
        continue;
      }
      throw corrupt(
        path,
        `partition ${partition} should hold ${first} to ${next}, but has ${low} to ${high}`,
      );
    }
    return { id, partitionCount: ends.length };
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}

/**
 * Makes the log under another name and links it to its own when it is complete: of several
 * processes one wins, and a file under the log's name is never half made.
 */
async function createDatabase(path: string, partitionCount: number): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder);
  if (await exists(`${path}-wal`)) {
    // Another process may have made the log, and opened it, since we looked for it.
    if (await exists(path)) return;
    // SQLite would take what stands in there for a part of the new file.
    throw corrupt(path, `it is missing, but ${path}-wal is there: both belong together`);
  }
  const draft = `${path}.${process.pid}-${randomUUID()}.new`;
  try {
    writeSchema(draft, partitionCount);
    await sync(draft);
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await sync(folder);
  } finally {
    for (const end of ['', '-wal', '-shm']) await rm(draft + end, { force: true });
  }
}

function writeSchema(path: string, partitionCount: number): void {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      BEGIN;
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${SCHEMA_VERSION};
      CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE partitions (
        partition INTEGER PRIMARY KEY,
        first INTEGER NOT NULL DEFAULT 0,
        next INTEGER NOT NULL DEFAULT 0,
        landed INTEGER NOT NULL DEFAULT 0
      ) STRICT;
      CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL
      ) STRICT;`);
    const insert = db.prepare('INSERT INTO meta VALUES (?, ?)');
    insert.run('log_id', randomUUID());
    insert.run('partitions', partitionCount);
    for (let partition = 0; partition < partitionCount; partition++) {
      db.prepare('INSERT INTO partitions (partition) VALUES (?)').run(partition);
    }
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

/** Makes the folder, and those above it, so that they survive a crash. */
async function makeFolder(folder: string): Promise<void> {
  // Node's own recursive mkdir calls a read-only disk "no such file or directory".
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    return makeFolder(folder);
  }
  await sync(dirname(folder));
}

async function sync(path: string): Promise<void> {
  // Windows opens no folders, and syncs only what is open for writing.
  if (process.platform === 'win32') return;
  await using handle = await open(path, 'r');
  await handle.sync();
}
