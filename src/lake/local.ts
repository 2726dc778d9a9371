/**
 * The storage in a folder of this machine.
 *
 * A file is written under another name in `.tmp`, synced, and linked to its own name, which fails
 * when that is taken, or renamed over the old file; then its folder is synced. So the file system
 * has to know hard links.
 */
import { link, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { IsobarError, isErrorCode, translateFileError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { assertRegularFile, readRegularFile } from '../regular-file.ts';
import { openDrafts, openFolders, syncFolder } from './local-disk.ts';
import { assertFolder, assertPath, DRAFTS_FOLDER, mayFollow, orderEntries } from './path.ts';
import {
  type Content,
  type ListOptions,
  READ_BYTES_MAX,
  type Storage,
  type StoredFile,
} from './storage.ts';

const STATS_AT_ONCE = 32;

/** Makes the folder when there is none, and removes what dead processes left half written. */
export async function openLocalStorage(folder: string): Promise<Storage> {
  const root = resolve(folder);
  const folders = openFolders(root);
  const drafts = openDrafts(join(root, DRAFTS_FOLDER));
  await prepare(root, folders.makeDurable, () => drafts.removeLeft(new Date()));

  function placeOf(path: string): string {
    return join(root, assertPath(path));
  }

  async function read(
    path: string,
    signal?: AbortSignal,
    bytesMax = READ_BYTES_MAX,
  ): Promise<Uint8Array> {
    const place = placeOf(path);
    try {
      return await readRegularFile(place, { bytesMax, signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (isFolder(error)) throw new IsobarError('LAKE_MISSING', `${place}: it is a folder`);
      throw translate(error, place);
    }
  }

  async function put(path: string, content: Content, mode: PutMode): Promise<void> {
    const place = placeOf(path);
    try {
      await folders.makeDurable(dirname(place));
      await putOnce(place, content, mode);
    } catch (error) {
      // Another process may have removed a folder: the next try makes it again.
      if (codeIn(error, 'ENOENT')) folders.forget();
      throw translatePut(error, place);
    }
  }

  async function putOnce(place: string, content: Content, mode: PutMode): Promise<void> {
    const draft = await drafts.write(content);
    try {
      reachFaultPoint('storage.before-link');
      if (mode === 'replace') await rename(draft.place, place);
      else await link(draft.place, place);
    } catch (error) {
      if (draft.isOurs) await rm(draft.place, { force: true });
      throw error;
    }
    reachFaultPoint('storage.after-link');
    await syncFolder(dirname(place));
    await rm(draft.place, { force: true });
    if (!(content instanceof Uint8Array)) await rm(content.file, { force: true });
  }

  async function remove(path: string): Promise<boolean> {
    const place = placeOf(path);
    try {
      await unlink(place);
      return true;
    } catch (error) {
      const translated = translate(error, place);
      if (translated.code === 'LAKE_MISSING') return false;
      throw translated;
    }
  }

  return {
    location: root,
    address: placeOf,
    read,
    stat: async (path) => {
      placeOf(path);
      return statFile(root, path);
    },
    list: (folderPath, options) => listFolder(root, assertFolder(folderPath), options ?? {}),
    putIfAbsent: (path, content) => put(path, content, 'if-absent'),
    replace: (path, content) => put(path, content, 'replace'),
    delete: remove,
    localPath: async (path) => {
      const place = placeOf(path);
      try {
        await assertRegularFile(place);
        return place;
      } catch (error) {
        if (isFolder(error)) throw new IsobarError('LAKE_MISSING', `${place}: it is a folder`);
        throw translate(error, place);
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

type PutMode = 'if-absent' | 'replace';

async function prepare(
  root: string,
  makeDurable: (folder: string) => Promise<void>,
  removeLeftDrafts: () => Promise<void>,
): Promise<void> {
  try {
    await makeDurable(root);
    await removeLeftDrafts();
  } catch (error) {
    const translated = translate(error, root);
    // What is there can be read all the same.
    const isReadable = await stat(root).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (translated.code !== 'DATA_UNWRITABLE' || !isReadable) throw translated;
  }
}

async function* listFolder(
  root: string,
  folder: string,
  options: ListOptions,
): AsyncGenerator<StoredFile> {
  const { after = '', signal } = options;
  signal?.throwIfAborted();
  let files: string[] = [];
  for (const { path, isFolder } of await readFolder(root, folder)) {
    if (!isFolder && path > after) files.push(path);
    if (isFolder || files.length >= STATS_AT_ONCE) {
      yield* await statAll(root, files);
      files = [];
      signal?.throwIfAborted();
    }
    if (isFolder && mayFollow(path, after)) yield* listFolder(root, path, options);
  }
  yield* await statAll(root, files);
}

async function readFolder(root: string, folder: string) {
  try {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    const named = entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
    return orderEntries(folder, named);
  } catch (error) {
    const translated = translate(error, join(root, folder));
    if (translated.code === 'LAKE_MISSING') return [];
    throw translated;
  }
}

/** Files that are gone by now are left out. */
async function statAll(root: string, paths: readonly string[]): Promise<StoredFile[]> {
  const found = await Promise.all(paths.map((path) => statFile(root, path)));
  return found.filter((file) => file !== null);
}

async function statFile(root: string, path: string): Promise<StoredFile | null> {
  const place = join(root, path);
  try {
    const found = await stat(place);
    return found.isFile() ? { path, bytes: found.size, modifiedAt: found.mtime } : null;
  } catch (error) {
    const translated = translate(error, place);
    if (translated.code === 'LAKE_MISSING') return null;
    throw translated;
  }
}

/**
 * What the system says → what the port says:
 *
 *     ENOENT, ENOTDIR; EISDIR when reading         LAKE_MISSING
 *     EEXIST; ENOTDIR, EISDIR, ENOTEMPTY when writing: a file and a folder want one name
 *                                                  LAKE_EXISTS
 *     ENOENT when writing: a folder was removed    LAKE_UNAVAILABLE
 *     ENOSPC, EDQUOT                               DISK_FULL
 *     EROFS, EACCES, EPERM                         DATA_UNWRITABLE
 *     all others                                   LAKE_UNAVAILABLE
 */
function translate(error: unknown, place: string): IsobarError {
  const missing = codeIn(error, 'ENOENT', 'ENOTDIR', 'EISDIR');
  return translateFileError(error, place, missing ? 'LAKE_MISSING' : 'LAKE_UNAVAILABLE');
}

function translatePut(error: unknown, place: string): IsobarError {
  const exists = codeIn(error, 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY');
  return translateFileError(error, place, exists ? 'LAKE_EXISTS' : 'LAKE_UNAVAILABLE');
}

function isFolder(error: unknown): boolean {
  return (
    isErrorCode(error, 'FILE_NOT_REGULAR') && (error as IsobarError).details.kind === 'a folder'
  );
}

function codeIn(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | null)?.code ?? '');
}
