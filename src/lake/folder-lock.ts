/**
 * One process at a time uses a data folder: a second one gets an error that names the first.
 *
 * SQLite's exclusive lock of the empty file `folder.lock` is the lock. The system itself gives it
 * up when the process ends, however it ends, and it holds among containers that share a folder,
 * where process numbers mean nothing. `folder.json` only says who has it.
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { IsobarError, translateFileError } from '../errors.ts';
import { assertRegularOrMissing, NOTE_BYTES_MAX, readRegularFile } from '../regular-file.ts';
import { isBusy } from '../sqlite.ts';
import { pause } from '../waiting.ts';
import { makeFolder } from './local-disk.ts';
import { isRunning } from './this-process.ts';

export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** `isobar start` */
  readonly command: string;
  readonly since: string;
}

export interface LockOptions {
  readonly clock?: () => Date;
  /** How long to wait for a holder that is about to end, or has not written its notice yet. */
  readonly timeoutMs?: number;
}

const RETRY_MS = 25;

/** Locks are given up when their object is collected: so long as they are held, they are here. */
const held = new Set<DatabaseSync>();

/**
 * Has the folder, made if need be, until disposed of. `what` names the command for whoever comes
 * second, who gets DATA_IN_USE. Rejects with DATA_UNWRITABLE where nothing can be written.
 */
export async function lockFolder(
  folder: string,
  what: string,
  options: LockOptions = {},
): Promise<AsyncDisposable> {
  const { clock = () => new Date(), timeoutMs = 1_000 } = options;
  const place = resolve(folder);
  const notice = join(place, 'folder.json');
  try {
    await makeFolder(place);
    const lock = await takeLock(place, notice, timeoutMs);
    const holder = { pid: process.pid, host: hostname(), command: what, since: isoTime(clock()) };
    try {
      await writeNotice(notice, holder);
    } catch (error) {
      release(lock);
      throw error;
    }
    return {
      [Symbol.asyncDispose]: async () => {
        if (!held.has(lock)) return;
        await rm(notice, { force: true }).catch(() => {
          // A disk that turned read-only keeps the notice: without the lock it means nothing.
        });
        release(lock);
      },
    };
  } catch (error) {
    throw translateFileError(error, place, 'DATA_UNWRITABLE');
  }
}

async function takeLock(folder: string, notice: string, timeoutMs: number): Promise<DatabaseSync> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const lock = tryLock(join(folder, 'folder.lock'));
    if (lock !== null) return lock;
    const noticed = await readNotice(notice);
    // The notice of a process that is gone is none: the present one is about to write its own.
    const holder = noticed !== null && isAlive(noticed) ? noticed : null;
    if (holder !== null || performance.now() >= deadline) throw inUse(folder, holder);
    await pause(RETRY_MS);
  }
}

function tryLock(path: string): DatabaseSync | null {
  assertRegularOrMissing(path);
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    held.add(lock);
    return lock;
  } catch (error) {
    lock.close();
    if (isBusy(error)) return null;
    throw error;
  }
}

function release(lock: DatabaseSync): void {
  held.delete(lock);
  lock.close();
}

async function writeNotice(notice: string, holder: Holder): Promise<void> {
  const draft = `${notice}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(holder)}\n`);
  await rename(draft, notice);
}

async function readNotice(notice: string): Promise<Holder | null> {
  try {
    const bytes = await readRegularFile(notice, { bytesMax: NOTE_BYTES_MAX });
    const holder: Partial<Holder> = JSON.parse(bytes.toString('utf8'));
    const { pid = 0, host = '', command = '', since = '' } = holder;
    return pid > 0 ? { pid, host, command, since } : null;
  } catch {
    // It is only for people: whatever is wrong with it, the lock decides.
    return null;
  }
}

function isAlive({ pid, host }: Holder): boolean {
  return host !== hostname() || isRunning(pid);
}

function inUse(folder: string, holder: Holder | null): IsobarError {
  let who = 'another process uses it';
  if (holder !== null) {
    const { pid, host, command, since } = holder;
    who = `process ${pid} on ${host} (${command}) has used it since ${since}`;
  }
  return new IsobarError('DATA_IN_USE', `${folder}: ${who}`, { details: { folder, ...holder } });
}

/** `2026-11-23T17:00:00Z` */
function isoTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
