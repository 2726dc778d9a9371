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
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { translateFileError } from '../errors.ts';
import { sync } from './local-disk.ts';
import { DRAFTS_FOLDER } from './path.ts';

export interface Remote {
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface FileCacheOptions {
  readonly folder: string;
  readonly bytesMax: number;
  readonly clock?: () => number;
}

/** Milliseconds for which a path that was given stays. Who holds it for longer asks again: see DEFINED_MS of the API's reader. */
export const KEEP_MS = 15 * 60_000;
const SCAN_MS = 10 * 60_000;
const DRAFT_AGE_MS = 24 * 3_600_000;

interface Entry {
  bytes: number;
  /** When it was last given, as the disk says. */
  usedAt: number;
}

export async function openFileCache(options: FileCacheOptions): Promise<FileCache> {
  const cache = new FileCache(options);
  try {
    await cache.start();
  } catch (error) {
    throw translateFileError(error, options.folder, 'DATA_UNWRITABLE');
  }
  return cache;
}

/** Writes the file to this place. */
type Fill = (place: string) => Promise<void>;

export class FileCache {
  readonly #folder: string;
  readonly #drafts: string;
  readonly #bytesMax: number;
  readonly #clock: () => number;
  readonly #entries = new Map<string, Entry>();
  /** Files that this process has compared with the lake. */
  readonly #known = new Map<string, Remote>();
  readonly #underWay = new Map<string, Promise<string>>();
  #bytes = 0;
  #scannedAt = Number.NEGATIVE_INFINITY;
  #evicting: Promise<void> = Promise.resolve();

  constructor({ folder, bytesMax, clock = Date.now }: FileCacheOptions) {
    this.#folder = folder;
    this.#drafts = join(folder, DRAFTS_FOLDER);
    this.#bytesMax = bytesMax;
    this.#clock = clock;
  }

  async start(): Promise<void> {
    await this.#scan();
    await this.#makeRoom();
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The path of the file here. `find` says what it is like in the lake, on the first use in this
   * process; `fill` writes it to the path and is called once, however many ask.
   */
  get(path: string, find: () => Promise<Remote>, fill: Fill): Promise<string> {
    const before = this.#underWay.get(path);
    if (before !== undefined) return before;
    const bringing = this.#bring(path, find, fill).finally(() => this.#underWay.delete(path));
    this.#underWay.set(path, bringing);
    return bringing;
  }

  async #bring(path: string, find: () => Promise<Remote>, fill: Fill): Promise<string> {
    let remote = this.#known.get(path);
    if (remote === undefined) {
      remote = await find();
      this.#known.set(path, remote);
    }
    const place = join(this.#folder, path);
    try {
      if (await isHere(place, remote)) {
        await this.#touch(path, place, remote);
        // Another process may have removed it before it could see the new time.
        if (await isHere(place, remote)) return place;
      }
      await this.#download(place, remote, fill);
    } catch (error) {
      this.#known.delete(path);
      throw translateFileError(error, place, 'LAKE_UNAVAILABLE');
    }
    this.#note(path, { bytes: remote.bytes, usedAt: this.#clock() });
    await this.#makeRoom();
    return place;
  }

  async #download(place: string, remote: Remote, fill: Fill): Promise<void> {
    const draft = join(this.#drafts, `${process.pid}-${randomUUID()}`);
    await mkdir(this.#drafts, { recursive: true });
    try {
      await fill(draft);
      const found = await stat(draft);
      if (found.size !== remote.bytes) {
        throw new Error(`${found.size} instead of ${remote.bytes} bytes came`);
      }
      await sync(draft);
      await this.#moveHere(draft, place, remote);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async #moveHere(from: string, place: string, remote: Remote): Promise<void> {
    await utimes(from, this.#clock() / 1_000, remote.modifiedAt);
    await mkdir(dirname(place), { recursive: true });
    await rename(from, place);
  }

  async #touch(path: string, place: string, remote: Remote): Promise<void> {
    const now = this.#clock();
    const entry = this.#entries.get(path);
    // Not on each use: a quarter of the time is near enough.
    const isRecent = entry !== undefined && now - entry.usedAt < KEEP_MS / 4;
    const usedAt = isRecent ? entry.usedAt : now;
    if (usedAt === now) await utimes(place, now / 1_000, remote.modifiedAt);
    this.#note(path, { bytes: remote.bytes, usedAt });
  }

  /** Takes over a finished file that has just been put into the lake; false: it stays there. */
  async adopt(path: string, file: string, remote: Remote): Promise<boolean> {
    if (remote.bytes > this.#bytesMax) return false;
    try {
      await sync(file);
      await this.#moveHere(file, join(this.#folder, path), remote);
    } catch {
      // It lies on another disk, or the disk is full: then it is downloaded when it is requested.
      return false;
    }
    this.#known.set(path, remote);
    this.#note(path, { bytes: remote.bytes, usedAt: this.#clock() });
    await this.#makeRoom();
    return true;
  }

  /** The lake no longer has it. */
  async forget(path: string): Promise<void> {
    this.#known.delete(path);
    this.#note(path, null);
    await rm(join(this.#folder, path), { force: true });
  }

  #note(path: string, entry: Entry | null): void {
    this.#bytes -= this.#entries.get(path)?.bytes ?? 0;
    // The last used comes last.
    this.#entries.delete(path);
    if (entry === null) return;
    this.#entries.set(path, entry);
    this.#bytes += entry.bytes;
  }

  get #isScanDue(): boolean {
    return this.#clock() - this.#scannedAt >= SCAN_MS;
  }

  /** One round at a time. */
  #makeRoom(): Promise<void> {
    if (this.#bytes <= this.#bytesMax && !this.#isScanDue) return this.#evicting;
    const evict = () => this.#evict();
    this.#evicting = this.#evicting.then(evict, evict);
    return this.#evicting;
  }

  async #evict(): Promise<void> {
    if (this.#isScanDue) await this.#scan();
    await this.#evictUnused(this.#bytesMax, KEEP_MS);
    // Whoever reads a whole lake through it would fill the disk.
    await this.#evictUnused(2 * this.#bytesMax, KEEP_MS / 15);
  }

  async #evictUnused(limit: number, forMs: number): Promise<void> {
    for (const [path, entry] of [...this.#entries]) {
      if (this.#bytes <= limit) return;
      if (this.#clock() - entry.usedAt < forMs) continue;
      const place = join(this.#folder, path);
      const found = await stat(place).catch(() => null);
      const usedAt = found?.atimeMs ?? 0;
      if (found !== null && this.#clock() - usedAt < forMs) {
        this.#note(path, { ...entry, usedAt });
        continue;
      }
      await rm(place, { force: true });
      this.#known.delete(path);
      this.#note(path, null);
    }
  }

  /** What is there by now: other processes bring and remove files, too. */
  async #scan(): Promise<void> {
    this.#scannedAt = this.#clock();
    await mkdir(this.#folder, { recursive: true });
    const found: [string, Entry][] = [];
    for (const entry of await readdir(this.#folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const place = join(entry.parentPath, entry.name);
      const here = await stat(place).catch(() => null);
      if (here === null) continue;
      if (dirname(place) === this.#drafts) {
        if (this.#clock() - here.mtimeMs > DRAFT_AGE_MS) await rm(place, { force: true });
      } else {
        const path = place.slice(this.#folder.length + 1);
        const usedAt = Math.max(here.atimeMs, this.#entries.get(path)?.usedAt ?? 0);
        found.push([path, { bytes: here.size, usedAt }]);
      }
    }
    found.sort((a, b) => a[1].usedAt - b[1].usedAt);
    // What came during the scan may not have been seen by it.
    for (const [path, { usedAt }] of [...this.#entries]) {
      if (usedAt < this.#scannedAt) this.#note(path, null);
    }
    for (const [path, entry] of found) this.#note(path, entry);
    // Those that were removed, here or by others; a running download adds its file again.
    for (const path of this.#known.keys()) {
      if (!this.#entries.has(path)) this.#known.delete(path);
    }
  }
}

async function isHere(place: string, remote: Remote): Promise<boolean> {
  const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null || found.size !== remote.bytes) return false;
  return Math.abs(found.mtimeMs - remote.modifiedAt.getTime()) < 1;
}
