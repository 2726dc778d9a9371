/** The SQLite index, as its thread works on it: one connection reads, another one writes. */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { IsobarError, translateFileError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import { isBusy, sqliteCode } from '../sqlite.ts';
import {
  type CommittedState,
  type Found,
  type IndexState,
  nothingIndexed,
  nothingToUpdate,
  replacedMeanwhile,
} from './anomaly-index.ts';
import { openRowWriter, type RowWriter } from './sqlite-rows.ts';
import {
  completeFile,
  createFile,
  fileName,
  isUnusable,
  leftOvers,
  newestNumber,
  openFile,
  readState,
  writeState,
} from './sqlite-schema.ts';
import { type FileSearch, openFileSearch } from './sqlite-search.ts';

interface Change {
  readonly db: DatabaseSync;
  readonly writer: RowWriter;
  /** Null for an update. */
  readonly draft: string | null;
  rows: number;
}

interface Reader {
  readonly number: number;
  readonly db: DatabaseSync;
  /** Made for the first question. */
  search: FileSearch | null;
}

export class SqliteStore {
  readonly #folder: string;
  #reader: Reader | null = null;
  #change: Change | null = null;
  /** Number of a file that proved damaged when it was read: it does not count any more. */
  #damaged = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  state(): IndexState | null {
    return this.#guard(() => this.#read(({ db }) => readState(db)));
  }

  search(question: AnomalyQuestion): Found {
    const found = this.#guard(() =>
      this.#read((reader) => {
        const state = readState(reader.db);
        if (state === null) return null;
        reader.search ??= openFileSearch(reader.db);
        return reader.search(state.version, question);
      }),
    );
    if (found !== null) return found;
    throw nothingIndexed(this.#folder);
  }

  begin(kind: 'update' | 'replace'): IndexState | null {
    this.rollback();
    return this.#guard(() => (kind === 'replace' ? this.#beginDraft() : this.#beginUpdate()));
  }

  put(bucket: string, rows: readonly Anomaly[]): number {
    const change = this.#changing();
    const { changed, grown } = this.#guard(() => change.writer.put(bucket, rows));
    change.rows += grown;
    reachFaultPoint('index.between-buckets');
    return changed;
  }

  commit(state: CommittedState): void {
    const change = this.#changing();
    const committedAt = new Date().toISOString();
    this.#guard(() => {
      writeState(change.db, { ...state, rows: change.rows, committedAt });
      reachFaultPoint('index.before-commit');
      if (change.draft === null) change.db.exec('COMMIT');
      else this.#link(change.db, change.draft);
    });
    reachFaultPoint('index.after-commit');
    this.rollback();
    reachFaultPoint('index.before-clean');
    this.#clean();
  }

  /** Lets go of a change that was not committed. */
  rollback(): void {
    const change = this.#change;
    this.#change = null;
    if (change === null) return;
    if (change.db.isOpen) change.db.close();
    if (change.draft !== null) removeFile(change.draft);
  }

  close(): void {
    this.rollback();
    this.#closeReader();
  }

  #beginDraft(): null {
    mkdirSync(this.#folder, { recursive: true });
    const draft = join(this.#folder, `anomalies-${process.pid}-${randomUUID()}.new`);
    const db = createFile(draft);
    this.#change = { db, writer: openRowWriter(db), draft, rows: 0 };
    return null;
  }

  #beginUpdate(): IndexState | null {
    const number = newestNumber(this.#folder);
    const db = number === 0 ? null : openFile(join(this.#folder, fileName(number)));
    if (db === null) throw nothingToUpdate(this.#folder);
    try {
      db.exec('BEGIN IMMEDIATE');
      const base = readState(db);
      this.#change = { db, writer: openRowWriter(db), draft: null, rows: base?.rows ?? 0 };
      return base;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Gives the draft the next number, unless another process took it meanwhile. */
  #link(db: DatabaseSync, draft: string): void {
    try {
      completeFile(db);
      db.close();
      const handle = openSync(draft, 'r');
      fsyncSync(handle);
      closeSync(handle);
      linkSync(draft, join(this.#folder, fileName(newestNumber(this.#folder) + 1)));
    } catch (error) {
      // The number is taken, or whoever took it has removed this draft.
      const isLost = (error as NodeJS.ErrnoException).code === 'EEXIST' || !existsSync(draft);
      if (!isLost) throw error;
      throw replacedMeanwhile(this.#folder);
    }
  }

  /** Who reads an older file keeps it open until it looks again. */
  #clean(): void {
    const newest = newestNumber(this.#folder);
    for (const name of leftOvers(this.#folder, newest)) {
      try {
        removeFile(join(this.#folder, name));
      } catch {
        // It costs room, and is tried again after the next commit.
      }
    }
  }

  #changing(): Change {
    if (this.#change !== null) return this.#change;
    throw new IsobarError('INDEX_BUSY', `${this.#folder}: no change of the index was begun`);
  }

  /** In one transaction of the newest file; null if no file can be read. */
  #read<T>(read: (reader: Reader) => T | null): T | null {
    const reader = this.#newest();
    if (reader === null) return null;
    const { db } = reader;
    db.exec('BEGIN');
    try {
      return read(reader);
    } finally {
      if (db.isTransaction) db.exec('ROLLBACK');
    }
  }

  #newest(): Reader | null {
    const number = newestNumber(this.#folder);
    if (number === this.#reader?.number) return this.#reader;
    this.#closeReader();
    if (number === 0 || number === this.#damaged) return null;
    const db = openFile(join(this.#folder, fileName(number)));
    if (db === null) return null;
    this.#reader = { number, db, search: null };
    return this.#reader;
  }

  #closeReader(): void {
    if (this.#reader?.db.isOpen) this.#reader.db.close();
    this.#reader = null;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isUnusable(error)) {
        this.#damaged = newestNumber(this.#folder);
        this.#closeReader();
      }
      throw translate(error, this.#folder);
    }
  }
}

function removeFile(path: string): void {
  for (const end of ['', '-journal', '-wal', '-shm'])
    rmSync(path + end, { force: true, recursive: true });
}

/**
 * What SQLite says → what we say:
 *
 *     SQLITE_FULL (13)                      DISK_FULL
 *     SQLITE_BUSY (5), SQLITE_LOCKED (6)    INDEX_BUSY
 *     all others                            INDEX_UNAVAILABLE
 */
function translate(error: unknown, folder: string): IsobarError {
  const code = sqliteCode(error);
  if (code === null) return translateFileError(error, folder, 'INDEX_UNAVAILABLE');
  const text = `${folder}: ${(error as Error).message}`;
  if (code === 13) return new IsobarError('DISK_FULL', text, { cause: error });
  if (isBusy(error)) return new IsobarError('INDEX_BUSY', text, { cause: error });
  return new IsobarError('INDEX_UNAVAILABLE', text, { cause: error });
}
