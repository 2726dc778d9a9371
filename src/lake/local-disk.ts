/** What the local storage asks of the disk: files and folders that survive a crash. */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { reachFaultPoint } from '../fault.ts';
import type { Content } from './storage.ts';
import { isRunning } from './this-process.ts';

/** Files in the making, in a folder of their own. Their names say who makes them. */
export interface Drafts {
  /** A synced file with the content: a new one, or the caller's own when it is on the same disk. */
  write(content: Content): Promise<Draft>;
  /** Removes what dead processes left, and whatever is older than a day. */
  removeLeft(now: Date): Promise<void>;
}

export interface Draft {
  readonly place: string;
  /** False for the caller's own file, which stays his when it cannot be put in place. */
  readonly isOurs: boolean;
}

const AGE_MAX_MS = 24 * 3_600_000;

/** `weather-1~4711~2f1c….draft` */
function draftName(): string {
  return `${encodeURIComponent(hostname())}~${process.pid}~${randomUUID()}.draft`;
}

export function openDrafts(folder: string): Drafts {
  async function write(content: Content): Promise<Draft> {
    await makeFolder(folder);
    if (!(content instanceof Uint8Array)) {
      const [source, target] = [await stat(content.file), await stat(folder)];
      if (source.dev === target.dev) {
        reachFaultPoint('storage.before-sync');
        await sync(content.file);
        return { place: content.file, isOurs: false };
      }
    }
    const place = join(folder, draftName());
    try {
      await fill(place, content);
      return { place, isOurs: true };
    } catch (error) {
      await rm(place, { force: true });
      throw error;
    }
  }

  async function fill(place: string, content: Content): Promise<void> {
    if (content instanceof Uint8Array) {
      await using handle = await open(place, 'wx');
      await handle.writeFile(content);
      reachFaultPoint('storage.before-sync');
      await handle.sync();
    } else {
      await copyFile(content.file, place);
      reachFaultPoint('storage.before-sync');
      await sync(place);
    }
  }

  async function removeLeft(now: Date): Promise<void> {
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const place = join(folder, name);
      const found = await stat(place).catch(() => null);
      if (found === null) continue;
      const isOld = now.getTime() - found.mtimeMs > AGE_MAX_MS;
      if (isOld || isOfDeadProcess(name)) await rm(place, { force: true, recursive: true });
    }
  }

  return { write, removeLeft };
}

/** Processes of other machines or containers cannot be checked: only age removes theirs. */
function isOfDeadProcess(name: string): boolean {
  const [host, pid] = name.split('~');
  if (host !== encodeURIComponent(hostname()) || !/^\d+$/.test(pid ?? '')) return false;
  return !isRunning(Number(pid));
}

const KNOWN_FOLDERS_MAX = 10_000;

/** Folders that survive a crash, made when they are missing. */
export interface Folders {
  makeDurable(folder: string): Promise<void>;
  /** Looks again at every folder from now on. */
  forget(): void;
}

export function openFolders(root: string): Folders {
  const known = new Set<string>();

  async function makeDurable(folder: string): Promise<void> {
    if (known.has(folder)) return;
    // One that was there may have been made by a process that died before it synced the parent;
    // but nothing is asked of what lies above the storage.
    const wasMade = await makeFolder(folder);
    if (folder !== root) await makeDurable(dirname(folder));
    if (folder !== root || wasMade) await syncFolder(dirname(folder));
    if (known.size >= KNOWN_FOLDERS_MAX) known.clear();
    known.add(folder);
  }

  return { makeDurable, forget: () => known.clear() };
}

/** Whether it was not there. Those above it are made, too. */
export async function makeFolder(folder: string): Promise<boolean> {
  // Node's own recursive mkdir calls a read-only disk "no such file or directory".
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return false;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    if (await makeFolder(dirname(folder))) await syncFolder(dirname(dirname(folder)));
    return makeFolder(folder);
  }
}

export async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders; there the file system's own journal has to do.
  if (process.platform !== 'win32') await sync(folder);
}

/** What was written to the file is on the disk. */
export async function sync(place: string): Promise<void> {
  await using handle = await open(place, 'r');
  await handle.sync();
}
