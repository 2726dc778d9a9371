/** Of the processes that share a spool one drains it; when it dies the lock goes with it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { assertRegularOrMissing } from '../regular-file.ts';
import { isBusy } from '../sqlite.ts';
import { translateSqliteError } from './sqlite-errors.ts';

export interface DrainLock {
  release(): void;
}

/** The lock, or null while another holds it. */
export function openDrainLock(folder: string): DrainLock | null {
  const path = join(folder, 'drain.sqlite');
  assertRegularOrMissing(path);
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
    const held = db;
    return { release: () => held.close() };
  } catch (error) {
    db?.close();
    if (isBusy(error)) return null;
    throw translateSqliteError(error, path);
  }
}
