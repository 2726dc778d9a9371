/** What is common to all SQLite files: opening them, what SQLite's errors mean, and waiting for other processes. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ErrorCode, IsobarError, translateFileError } from './errors.ts';
import { assertRegularOrMissing } from './regular-file.ts';
import { pause } from './waiting.ts';

/** SQLite's own waiting stops the whole process, so it is short; `retryBusy` waits beside it. */
const BUSY_TIMEOUT_MS = 50;
const RETRY_MS = 20;
/** How long an attempt is repeated while another process holds the file. */
const BUSY_MS_MAX = 10_000;

/** SQLite's primary result code; null for an error that is not SQLite's. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** SQLITE_BUSY, SQLITE_LOCKED. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 5 || code === 6;
}

/** SQLITE_CORRUPT, SQLITE_NOTADB, and SQLITE_ERROR: mostly no such table or column. */
export function isDamaged(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 11 || code === 26 || code === 1;
}

/** Runs `attempt` again while another process holds the file. */
export async function retryBusy<T>(attempt: () => T, timeoutMs = BUSY_MS_MAX): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await pause(RETRY_MS);
  }
}

export interface SqliteFileOptions {
  readonly path: string;
  /** `FULL`: a commit survives a power cut. `NORMAL`: it survives the end of the process. */
  readonly synchronous: 'FULL' | 'NORMAL';
  readonly schema: string;
  readonly corrupt: ErrorCode;
}

/** Opens the file, and makes it when there is none; several processes may do so at once. */
export function openSqliteFile(options: SqliteFileOptions): DatabaseSync {
  const { path, corrupt } = options;
  assertRegularOrMissing(path);
  const deadline = performance.now() + BUSY_MS_MAX;
  for (;;) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      return openOnce(options);
    } catch (error) {
      // Who turns the journal of a new file to WAL is refused at once while others do, without the
      // waiting that SQLite has elsewhere.
      if (!isBusy(error) || performance.now() >= deadline) {
        throw translateSqliteError(error, path, corrupt);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function openOnce({ path, synchronous, schema }: SqliteFileOptions): DatabaseSync {
  // Making the file needs its lock for a moment, hence the longer waiting.
  const db = new DatabaseSync(path, { timeout: BUSY_MS_MAX });
  try {
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
    db.exec(`BEGIN IMMEDIATE; ${schema}; COMMIT; PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** All of `work` or nothing of it. */
export function transact<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Commits all of `work`, or nothing of it; runs it again while another process holds the file. Rejects
 * with an error of ours.
 */
export async function commit<T>(
  {
    db,
    path,
    corrupt,
  }: { readonly db: DatabaseSync } & Pick<SqliteFileOptions, 'path' | 'corrupt'>,
  work: () => T,
): Promise<T> {
  try {
    return await retryBusy(() => transact(db, work));
  } catch (error) {
    throw translateSqliteError(error, path, corrupt);
  }
}

/**
 * What `open` makes of the file. One that is damaged is of no further use: it is removed, and a new one
 * is made, with a warning.
 */
export function openOrReplace<T>(
  path: string,
  open: (path: string) => T,
  warn: (problem: string) => void,
): T {
  try {
    return open(path);
  } catch (error) {
    const translated = translateSqliteError(error, path, 'INTERNAL');
    if (translated.code !== 'INTERNAL') throw translated;
    warn(translated.message);
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    return open(path);
  }
}

/**
 * What SQLite says → what we say:
 *
 *     SQLITE_FULL (13)                                                     DISK_FULL
 *     SQLITE_CORRUPT (11), SQLITE_NOTADB (26), no such table, column (1)   `corrupt`
 *     SQLITE_BUSY (5), SQLITE_LOCKED (6)                                   DATA_IN_USE
 *     SQLITE_PERM (3), SQLITE_READONLY (8), SQLITE_IOERR (10), all others  DATA_UNWRITABLE
 */
export function translateSqliteError(
  error: unknown,
  path: string,
  corrupt: ErrorCode,
): IsobarError {
  const code = sqliteCode(error);
  if (code === null || !(error instanceof Error)) {
    return translateFileError(error, path, 'DATA_UNWRITABLE');
  }
  const ours = isDamaged(error) ? corrupt : CODES.get(code);
  const text = `${path}: ${error.message}`;
  return new IsobarError(ours ?? 'DATA_UNWRITABLE', text, { cause: error, details: { path } });
}

const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [13, 'DISK_FULL'],
  [5, 'DATA_IN_USE'],
  [6, 'DATA_IN_USE'],
]);
