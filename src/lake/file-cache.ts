/**
 * A read-through cache: files that never change, kept on this machine because programs want to
 * open them by a path.
 *
 * A file lies under the name that it has in the lake, with its length and time of change; one of
 * another length or time is brought anew. It is written beside, synced and renamed, so a cut
 * download is never seen. The oldest in use go when all are larger than the limit; a path that was
 * given stays for a while, because whoever asked opens it later, and then the limit waits, up to
 * twice of it. Several processes share one folder, and the times of the last access, which are
 * on disk.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { translateFileError } from '../errors.ts';
import { DRAFTS_FOLDER } from './path.ts';

export interface Remote {
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface FileCache {
  /**
   * The path of the file here. `find` says what it is like in the lake, on the first use in this
   * process; `fill` writes it to the path and is called once, however many ask.
   */
  get(
    path: string,
    find: () => Promise<Remote>,
    fill: (place: string) => Promise<void>,
  ): Promise<string>;
  /** Takes over a finished file that has just been put into the lake; false: it stays there. */
  adopt(path: string, file: string, remote: Remote): Promise<boolean>;
  /** Whether the lake no longer has it. */
  forget(path: string): Promise<void>;
  readonly bytes: number;
}

export interface FileCacheOptions {
  readonly folder: string;
  readonly bytesMax: number;
  /** Milliseconds for which a path that was given stays. */
  readonly keepMs?: number;
  readonly clock?: () => number;
}

/** Who holds a path for longer asks again: see DEFINED_MS of the API's reader. */
export const KEEP_MS = 15 * 60_000;
const SCAN_MS = 10 * 60_000;
const DRAFT_AGE_MS = 24 * 3_600_000;

interface Entry {
  bytes: number;
  /** When it was last given, as the disk says. */
  usedAt: number;
}

export async function openFileCache(options: FileCacheOptions): Promise<FileCache> {
  const { folder, bytesMax, keepMs = KEEP_MS, clock = Date.now } = options;
  const drafts = join(folder, DRAFTS_FOLDER);
  const entries = new Map<string, Entry>();
  /** Files that this process has compared with the lake. */
  const known = new Map<string, Remote>();
  const underWay = new Map<string, Promise<string>>();
  let bytes = 0;
  let scannedAt = Number.NEGATIVE_INFINITY;
  let evicting: Promise<void> = Promise.resolve();

  function note(path: string, entry: Entry | null): void {
    bytes -= entries.get(path)?.bytes ?? 0;
    // The last used comes last.
    entries.delete(path);
    if (entry === null) return;
    entries.set(path, entry);
    bytes += entry.bytes;
  }

  function get(...[path, find, fill]: Parameters<FileCache['get']>): Promise<string> {
    const before = underWay.get(path);
    if (before !== undefined) return before;
    const bringing = bring(path, find, fill).finally(() => underWay.delete(path));
    underWay.set(path, bringing);
    return bringing;
  }

  async function bring(...[path, find, fill]: Parameters<FileCache['get']>): Promise<string> {
    let remote = known.get(path);
    if (remote === undefined) {
      remote = await find();
      known.set(path, remote);
    }
    const place = join(folder, path);
    try {
      if (await isHere(place, remote)) {
        await touch(path, place, remote);
        // Another process may have removed it before it could see the new time.
        if (await isHere(place, remote)) return place;
      }
      await download(place, remote, fill);
    } catch (error) {
      known.delete(path);
      throw translateFileError(error, place, 'LAKE_UNAVAILABLE');
    }
    note(path, { bytes: remote.bytes, usedAt: clock() });
    await makeRoom();
    return place;
  }

  async function download(
    place: string,
    remote: Remote,
    fill: (place: string) => Promise<void>,
  ): Promise<void> {
    const draft = join(drafts, `${process.pid}-${randomUUID()}`);
    await mkdir(drafts, { recursive: true });
    try {
      await fill(draft);
      const found = await stat(draft);
      if (found.size !== remote.bytes) {
        throw new Error(`${found.size} instead of ${remote.bytes} bytes came`);
      }
      await sync(draft);
      await moveHere(draft, place, remote);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async function moveHere(from: string, place: string, remote: Remote): Promise<void> {
    await utimes(from, clock() / 1_000, remote.modifiedAt);
    await mkdir(dirname(place), { recursive: true });
    await rename(from, place);
  }

  async function touch(path: string, place: string, remote: Remote): Promise<void> {
    const now = clock();
    const entry = entries.get(path);
    // Not on each use: a quarter of the time is near enough.
    const usedAt = entry !== undefined && now - entry.usedAt < keepMs / 4 ? entry.usedAt : now;
    if (usedAt === now) await utimes(place, now / 1_000, remote.modifiedAt);
    note(path, { bytes: remote.bytes, usedAt });
  }

  async function adopt(path: string, file: string, remote: Remote): Promise<boolean> {
    if (remote.bytes > bytesMax) return false;
    try {
      await sync(file);
      await moveHere(file, join(folder, path), remote);
    } catch {
      // It lies on another disk, or the disk is full: then it is downloaded when it is requested.
      return false;
    }
    known.set(path, remote);
    note(path, { bytes: remote.bytes, usedAt: clock() });
    await makeRoom();
    return true;
  }

  /** One round at a time. */
  function makeRoom(): Promise<void> {
    const isOld = clock() - scannedAt >= SCAN_MS;
    if (bytes <= bytesMax && !isOld) return evicting;
    evicting = evicting.then(evict, evict);
    return evicting;
  }

  async function evict(): Promise<void> {
    if (clock() - scannedAt >= SCAN_MS) await scan();
    await evictUnused(bytesMax, keepMs);
    // Whoever reads a whole lake through it would fill the disk.
    await evictUnused(2 * bytesMax, keepMs / 15);
  }

  async function evictUnused(limit: number, forMs: number): Promise<void> {
    for (const [path, entry] of [...entries]) {
      if (bytes <= limit) return;
      if (clock() - entry.usedAt < forMs) continue;
      const place = join(folder, path);
      const found = await stat(place).catch(() => null);
      const usedAt = found?.atimeMs ?? 0;
      if (found !== null && clock() - usedAt < forMs) {
        note(path, { ...entry, usedAt });
        continue;
      }
      await rm(place, { force: true });
      known.delete(path);
      note(path, null);
    }
  }

  /** What is there by now: other processes bring and remove files, too. */
  async function scan(): Promise<void> {
    scannedAt = clock();
    await mkdir(folder, { recursive: true });
    const found: [string, Entry][] = [];
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const place = join(entry.parentPath, entry.name);
      const here = await stat(place).catch(() => null);
      if (here === null) continue;
      if (dirname(place) === drafts) {
        if (clock() - here.mtimeMs > DRAFT_AGE_MS) await rm(place, { force: true });
      } else {
        const path = place.slice(folder.length + 1);
        const usedAt = Math.max(here.atimeMs, entries.get(path)?.usedAt ?? 0);
        found.push([path, { bytes: here.size, usedAt }]);
      }
    }
    found.sort((a, b) => a[1].usedAt - b[1].usedAt);
    // What came during the scan may not have been seen by it.
    for (const [path, { usedAt }] of [...entries]) if (usedAt < scannedAt) note(path, null);
    for (const [path, entry] of found) note(path, entry);
    // Those that were removed, here or by others; a running download adds its file again.
    for (const path of known.keys()) if (!entries.has(path)) known.delete(path);
  }

  try {
    await scan();
    await makeRoom();
  } catch (error) {
    throw translateFileError(error, folder, 'DATA_UNWRITABLE');
  }
  return {
    get,
    adopt,
    async forget(path) {
      known.delete(path);
      note(path, null);
      await rm(join(folder, path), { force: true });
    },
    get bytes() {
      return bytes;
    },
  };
}

async function isHere(place: string, remote: Remote): Promise<boolean> {
  const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null || found.size !== remote.bytes) return false;
  return Math.abs(found.mtimeMs - remote.modifiedAt.getTime()) < 1;
}

async function sync(place: string): Promise<void> {
  await using handle = await open(place, 'r');
  await handle.sync();
}
