/** What SQLite's errors mean for the callers of the log. */
import { type ErrorCode, IsobarError } from '../errors.ts';
import { isDamaged, retryBusy as retryWhileBusy, sqliteCode } from '../sqlite.ts';

/**
 * Runs `attempt` again while another process holds the file; then, and after every other failure,
 * rejects with an error of ours.
 */
export async function retryBusy<T>(path: string, attempt: () => T, timeoutMs?: number): Promise<T> {
  try {
    return await retryWhileBusy(attempt, timeoutMs);
  } catch (error) {
    throw translateSqliteError(error, path);
  }
}

/**
 * What SQLite says → what the port says:
 *
 *     SQLITE_FULL (13), SQLITE_IOERR_SHMSIZE (4874)                     DISK_FULL
 *     SQLITE_PERM (3), SQLITE_READONLY (8), SQLITE_CANTOPEN (14)        DATA_UNWRITABLE
 *     SQLITE_CORRUPT (11), SQLITE_NOTADB (26), no such table (1)        LOG_CORRUPT
 *     SQLITE_BUSY (5), SQLITE_LOCKED (6), SQLITE_IOERR (10), all others LOG_UNAVAILABLE
 *
 * Other errors, also mistakes in our SQL, come back as they are.
 */
export function translateSqliteError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  if (code === null || !(error instanceof Error)) return error;
  if (code === 1 && !error.message.startsWith('no such ')) return error;
  if (isDamaged(error)) return corrupt(path, error.message, error);
  const extended = (error as Error & { errcode: number }).errcode;
  const translated = extended === 4874 ? 'DISK_FULL' : (CODES.get(code) ?? 'LOG_UNAVAILABLE');
  return new IsobarError(translated, `${path}: ${error.message}`, { cause: error });
}

const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [13, 'DISK_FULL'],
  [3, 'DATA_UNWRITABLE'],
  [8, 'DATA_UNWRITABLE'],
  [14, 'DATA_UNWRITABLE'],
]);

/** What it says is wrong, what to do, and that nothing was done. */
export function corrupt(path: string, what: string, cause?: unknown): IsobarError {
  return new IsobarError(
    'LOG_CORRUPT',
    `${path}: ${what}; nothing was changed. Keep a copy and recover it, ` +
      'or move it away together with its -wal and -shm files',
    { cause, details: { path } },
  );
}
