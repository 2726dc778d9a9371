/**
 * The files of the SQLite index: `anomalies-00000003.sqlite`, of which the highest number counts.
 * An update is one transaction in it. A replacement is made under another name and linked to the
 * next number when it is complete, so that a file under such a name is never half made.
 *
 *     state    one row: the publication that the file holds, and the digests of its buckets
 *     rows     the anomalies as JSON
 *     columns  what questions look at, one run of bytes for each bucket (columns.ts)
 *     parts, searched   what rows have in common, and a full-text index of its words (sqlite-parts.ts)
 */
import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { IsobarError, isErrorCode } from '../errors.ts';
import { assertRegularOrMissing } from '../regular-file.ts';
import { isDamaged, sqliteCode } from '../sqlite.ts';
import type { IndexState } from './anomaly-index.ts';
import { PARTS } from './sqlite-parts.ts';

const APPLICATION_ID = 0x69736f69; // "isoi"
/** Changes with the tables and with how words are made (words.ts). */
const FORMAT = 2;
const PAGE_BYTES = 8_192;
/** SQLite's own waiting stops the thread; whoever finds the file taken tries again later. */
const BUSY_TIMEOUT_MS = 50;
const CACHE_KIB = 32_768;
const WAL_BYTES_KEPT = 16 * 1024 * 1024;

const FILE = /^anomalies-(\d{8})\.sqlite$/;
const LEFT_OVER =
  /^anomalies-(\d{8})\.sqlite(-wal|-shm)?$|^anomalies-.*\.new(-journal|-wal|-shm)?$/;

const TABLES = `
  CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    digests TEXT NOT NULL,
    rows INTEGER NOT NULL,
    committed_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE rows (
    id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, row TEXT NOT NULL
  ) STRICT;
  CREATE INDEX rows_bucket ON rows (bucket);
  CREATE TABLE columns (
    -- A number means the same bytes for ever: who has read them does not read them again.
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  ${PARTS}`;

/** The number of the newest file; 0 without any. */
export function newestNumber(folder: string): number {
  const numbers = namesIn(folder).map((name) => Number(FILE.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

/** Files that are neither of this number nor of a later one, and drafts of those who died. */
export function leftOvers(folder: string, number: number): string[] {
  return namesIn(folder).filter((name) => {
    const match = LEFT_OVER.exec(name);
    return match !== null && (match[1] === undefined || Number(match[1]) < number);
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

export function fileName(number: number): string {
  return `anomalies-${String(number).padStart(8, '0')}.sqlite`;
}

/** An empty index, in a transaction that `completeFile` ends. */
export function createFile(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    // It counts once it is complete and synced: until then it may be lost.
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
      PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${FORMAT};
      PRAGMA cache_size = -${CACHE_KIB}; BEGIN; ${TABLES}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** After the rows: makes the file one that others may open. */
export function completeFile(db: DatabaseSync): void {
  db.exec(`COMMIT; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`);
}

/** The file, open; null when it is damaged, of another kind or of another format. */
export function openFile(path: string): DatabaseSync | null {
  let db: DatabaseSync | null = null;
  try {
    assertRegularOrMissing(path);
    db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    const application = db.prepare('PRAGMA application_id').get()?.application_id;
    const format = db.prepare('PRAGMA user_version').get()?.user_version;
    if (application === APPLICATION_ID && format === FORMAT) {
      db.exec(`PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB};
               PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}`);
      return db;
    }
    db.close();
    return null;
  } catch (error) {
    if (db?.isOpen) db.close();
    if (isUnusable(error) || isErrorCode(error, 'FILE_NOT_REGULAR')) return null;
    throw error;
  }
}

/** Whether the file has to be replaced: it is damaged, or SQLite cannot open it (SQLITE_CANTOPEN). */
export function isUnusable(error: unknown): boolean {
  const isBroken = error instanceof IsobarError && error.details.damaged === true;
  return isBroken || isDamaged(error) || sqliteCode(error) === 14;
}

/** Null before the first commit, or when the digests are not what a commit writes. */
export function readState(db: DatabaseSync): IndexState | null {
  // Tables are STRICT: SQLite itself keeps numbers numbers and texts texts.
  const row = db.prepare('SELECT * FROM state').get();
  if (row === undefined) return null;
  const digests = parseDigests(String(row.digests));
  if (digests === null) return null;
  return {
    version: Number(row.version),
    sha256: String(row.sha256),
    digests,
    rows: Number(row.rows),
    committedAt: String(row.committed_at),
  };
}

export function writeState(db: DatabaseSync, state: IndexState): void {
  const { version, sha256, digests, rows, committedAt } = state;
  db.prepare('REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)').run(
    version,
    sha256,
    JSON.stringify(digests),
    rows,
    committedAt,
  );
}

function parseDigests(text: string): Record<string, string> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const isText = Object.values(value).every((digest) => typeof digest === 'string');
    return isText ? (value as Record<string, string>) : null;
  } catch {
    return null;
  }
}
