/**
 * The storage on HDFS, over WebHDFS. Files are made as drafts below `.tmp` and renamed (see
 * webhdfs/put-file.ts); those that never change are read through a cache on this machine.
 *
 * A name is durable once a write resolves: HDFS has the bytes on as many DataNodes as it keeps
 * copies, though they need not have synced their disks (`dfs.datanode.synconclose`).
 */
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { IsobarError, translateFileError } from '../errors.ts';
import { type FileCache, openFileCache } from './file-cache.ts';
import { translate } from './hdfs-errors.ts';
import { assertFolder, assertPath, DRAFTS_FOLDER, mayFollow, orderEntries } from './path.ts';
import {
  type Content,
  type ListOptions,
  READ_BYTES_MAX,
  type Storage,
  type StoredFile,
  type Tier,
} from './storage.ts';
import { hasEnded, nameThisProcess, type ProcessName } from './this-process.ts';
import type { FileStatus } from './webhdfs/answers.ts';
import { openWebHdfs, type WebHdfs } from './webhdfs/client.ts';
import type { Authenticator, Identity } from './webhdfs/namenodes.ts';
import { type Difference, openPermissions, type SecureOptions } from './webhdfs/permissions.ts';
import { openFolders, putFile } from './webhdfs/put-file.ts';
import { DeadlineError, NO_FOLDER, RemoteError } from './webhdfs/remote-error.ts';
import type { HostRule, Source } from './webhdfs/transfer.ts';

export interface HdfsOptions {
  readonly nameNodes: readonly string[];
  /** `hdfs://…`, for other programs. */
  readonly address: string;
  /** Absolute. */
  readonly folder: string;
  readonly identity: Identity;
  readonly authenticator?: Authenticator | undefined;
  /** PEM: whose certificates are trusted; those that Node.js knows without it. */
  readonly authority?: Buffer | undefined;
  /** Copies of each block; null means what the cluster does. */
  readonly replication: number | null;
  readonly verify: 'length' | 'checksum';
  readonly concurrency: number;
  readonly idleMs: number;
  readonly timeoutMs: number;
  readonly dataNodeHosts: readonly HostRule[];
  /** On this machine. */
  readonly cacheFolder: string;
  readonly cacheBytesMax: number;
  /** Once it aborts nothing is waited for any more: what is under way rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface HdfsStorage extends Storage {
  /** HTTP requests so far. */
  readonly requests: WebHdfs['requests'];
}

const DRAFT_AGE_MS = 24 * 3_600_000;
const READS_MAX = 3;

/** Removes drafts that dead processes left. Rejects as the storage does. */
export async function openHdfsStorage(options: HdfsOptions): Promise<HdfsStorage> {
  const root = rootOf(options.folder);
  const hdfs = openWebHdfs({ ...options, addresses: options.nameNodes });
  const folders = openFolders(hdfs);
  const me = nameThisProcess();
  const cache = await openFileCache({
    folder: options.cacheFolder,
    bytesMax: options.cacheBytesMax,
  });
  const place = (path: string) => `${root}/${path}`;
  const translated = <T>(at: string, work: Promise<T>): Promise<T> =>
    work.catch((error) => {
      throw translate(error, at);
    });

  async function onFile<T>(path: string, work: (at: string) => Promise<T>): Promise<T> {
    const at = place(assertPath(path));
    return translated(at, work(at));
  }

  const find = (path: string) => onFile(path, async (at) => toFile(path, await hdfs.status(at)));

  const put = (path: string, content: Content, mode: 'NONE' | 'OVERWRITE') =>
    onFile(path, async (target) => {
      const source = await sourceOf(content);
      const status = await putFile(hdfs, {
        draft: () => place(`${DRAFTS_FOLDER}/${draftName(me)}`),
        target,
        source,
        mode,
        replication: options.replication ?? undefined,
        verify: options.verify,
        folders,
      });
      if (!(source instanceof Uint8Array)) await consume(cache, path, source.file, status);
    });

  const remove = (path: string) =>
    onFile(path, async (at) => {
      // DELETE would take an empty folder, too.
      const found = await hdfs.status(at);
      if (found?.type !== 'FILE') return false;
      const removed = await hdfs.remove(at);
      await cache.forget(path);
      return removed;
    });

  const localPath = (path: string) =>
    onFile(path, (at) => {
      const look = async () => {
        const found = await find(path);
        if (found === null) throw new IsobarError('LAKE_MISSING', `${at}: no such file`);
        return found;
      };
      return cache.get(path, look, (draft) =>
        pipeline(hdfs.read(at, { neverChanges: true }), createWriteStream(draft)),
      );
    });

  await translated(place(''), removeDrafts(hdfs, place(DRAFTS_FOLDER), me));
  const address = `${options.address.replace(/\/+$/, '')}${root}`;
  return {
    location: address === '' ? '/' : address,
    address: (path) => `${address}/${assertPath(path)}`,
    read: (path, signal, bytesMax = READ_BYTES_MAX) =>
      onFile(path, (at) => readWhole(hdfs, at, bytesMax, signal)),
    stat: find,
    list: (folder, more) => list(hdfs, root, assertFolder(folder), more),
    putIfAbsent: (path, content) => put(path, content, 'NONE'),
    replace: (path, content) => put(path, content, 'OVERWRITE'),
    delete: remove,
    localPath,
    async tier(folder, tier, signal) {
      const at = place(assertFolder(folder));
      return translated(at, moveToTier(hdfs, at, tier, signal));
    },
    get requests() {
      return hdfs.requests;
    },
    [Symbol.asyncDispose]: () => hdfs[Symbol.asyncDispose](),
  };
}

async function readWhole(
  hdfs: WebHdfs,
  place: string,
  bytesMax: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    const parts: Buffer[] = [];
    try {
      let length = 0;
      for await (const part of hdfs.read(place, { signal })) {
        length += part.length;
        if (length > bytesMax) throw tooLarge(place, bytesMax);
        parts.push(part);
      }
      return Buffer.concat(parts);
    } catch (error) {
      if (error instanceof RemoteError && error.is(NO_FOLDER)) {
        throw new IsobarError('LAKE_MISSING', `${place}: ${error.message}`);
      }
      // What came before the cut may be of another file than what comes next: from the start.
      const isCut = error instanceof DeadlineError && parts.length > 0;
      if (!isCut || tries >= READS_MAX) throw error;
    }
  }
}

/** Whoever put a file of rows often reads it soon. */
async function consume(
  cache: FileCache,
  path: string,
  file: string,
  { length: bytes, modificationTime }: FileStatus,
): Promise<void> {
  const remote = { bytes, modifiedAt: new Date(modificationTime) };
  const isKept = path.endsWith('.parquet') && (await cache.adopt(path, file, remote));
  if (!isKept) await rm(file, { force: true });
}

function tooLarge(place: string, bytesMax: number): IsobarError {
  const text = `${place}: more than ${bytesMax} bytes, the limit is ${bytesMax} bytes`;
  return new IsobarError('FILE_TOO_LARGE', text);
}

/** `/lake` for `lake/`, empty for `/`. */
function rootOf(folder: string): string {
  const segments = folder.split('/').filter((segment) => segment !== '');
  return segments.map((segment) => `/${segment}`).join('');
}

/** Whether there is a file or folder of this path. */
export async function isOnHdfs(options: HdfsOptions, path: string): Promise<boolean> {
  const { identity, nameNodes: addresses } = options;
  // For one question a token is not worth it.
  const once = 'delegated' in identity ? { delegated: false } : identity;
  await using hdfs = openWebHdfs({ ...options, identity: once, addresses });
  const at = `${rootOf(options.folder)}/${assertPath(path)}`;
  try {
    return (await hdfs.status(at)) !== null;
  } catch (error) {
    throw translate(error, at);
  }
}

export interface LakePermissions extends AsyncDisposable {
  differences(options: Omit<SecureOptions, 'root'>): AsyncGenerator<Difference>;
  apply(difference: Difference): Promise<void>;
}

export function openHdfsPermissions(options: HdfsOptions, root: string): LakePermissions {
  const permissions = openPermissions({ ...options, addresses: options.nameNodes });
  return {
    async *differences(secure) {
      try {
        yield* permissions.differences({ ...secure, root });
      } catch (error) {
        throw translate(error, root);
      }
    },
    async apply(difference) {
      await permissions.apply(difference, options.signal).catch((error) => {
        throw translate(error, difference.path);
      });
    },
    [Symbol.asyncDispose]: () => permissions[Symbol.asyncDispose](),
  };
}

async function sourceOf(content: Content): Promise<Source> {
  if (content instanceof Uint8Array) return content;
  try {
    return { file: content.file, bytes: (await stat(content.file)).size };
  } catch (error) {
    throw translateFileError(error, content.file, 'LAKE_UNAVAILABLE');
  }
}

function toFile(path: string, status: FileStatus | null): StoredFile | null {
  if (status?.type !== 'FILE') return null;
  return { path, bytes: status.length, modifiedAt: new Date(status.modificationTime) };
}

async function* list(
  hdfs: WebHdfs,
  root: string,
  folder: string,
  { after = '', signal }: ListOptions = {},
): AsyncGenerator<StoredFile> {
  try {
    yield* listFolder(hdfs, root, folder, after, signal);
  } catch (error) {
    throw translate(error, `${root}/${folder}`);
  }
}

async function* listFolder(
  hdfs: WebHdfs,
  root: string,
  folder: string,
  after: string,
  signal?: AbortSignal,
): AsyncGenerator<StoredFile> {
  signal?.throwIfAborted();
  const at = folder === '' ? root || '/' : `${root}/${folder}`;
  const found = await hdfs.list(at, startBefore(folder, after), signal);
  // A file lists itself, without a name.
  const entries = (found ?? []).map((status) => ({
    status,
    name: status.pathSuffix,
    isFolder: status.type === 'DIRECTORY',
  }));
  for (const { status, path, isFolder } of orderEntries(folder, entries)) {
    const file = toFile(path, status);
    if (file !== null && path > after) {
      yield file;
      signal?.throwIfAborted();
    }
    if (isFolder && mayFollow(path, after)) yield* listFolder(hdfs, root, path, after, signal);
  }
}

/**
 * A name below which nothing of this folder is greater than `after`. HDFS orders names by their
 * bytes, taken as signed: `ä` comes before `0`. So only a folder of numbered files is read from
 * the middle, and without the last digit, since what is named so itself may be a folder.
 */
function startBefore(folder: string, after: string): string {
  const prefix = folder === '' ? '' : `${folder}/`;
  const name = after.startsWith(prefix) ? after.slice(prefix.length) : '';
  return /^\d{20}$/.test(name) ? name.slice(0, -1) : '';
}

/**
 * `3f0c…~4711~123456~2f1c….draft`: machine, process, when it began. Another machine may have the
 * same name and another process the same number, so neither proves that a draft was left.
 */
function draftName({ place, pid, began }: ProcessName): string {
  return `${hashOf(place)}~${pid}~${began}~${randomUUID()}.draft`;
}

function isOfDeadProcess(draft: string, { place }: ProcessName): boolean {
  const [machine, pid, began = ''] = draft.split('~');
  return machine === hashOf(place) && hasEnded({ place, pid: Number(pid), began }, place);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Drafts of dead processes of this machine, and all that are older than a day. */
async function removeDrafts(hdfs: WebHdfs, folder: string, me: ProcessName): Promise<void> {
  const now = Date.now();
  for (const { pathSuffix, modificationTime } of (await hdfs.list(folder, '')) ?? []) {
    if (now - modificationTime < DRAFT_AGE_MS && !isOfDeadProcess(pathSuffix, me)) continue;
    // Another process may be removing it too, or we may have read access only.
    await hdfs.remove(`${folder}/${pathSuffix}`).catch(() => false);
  }
}

const POLICY_NUMBERS: Readonly<Record<Tier['policy'], number>> = {
  HOT: 7,
  WARM: 5,
  COLD: 2,
  ALL_SSD: 12,
  ONE_SSD: 10,
};

/** Only what is not so yet is changed; new files of the folder take its policy by themselves. */
async function moveToTier(
  hdfs: WebHdfs,
  folder: string,
  tier: Tier,
  signal?: AbortSignal,
): Promise<number> {
  const status = await hdfs.status(folder, signal);
  if (status?.type !== 'DIRECTORY') return 0;
  let changed = 0;
  if (status.storagePolicy !== POLICY_NUMBERS[tier.policy]) {
    await hdfs.setStoragePolicy(folder, tier.policy, signal);
    changed += 1;
  }
  if (tier.replication === null) return changed;
  for (const file of (await hdfs.list(folder, '', signal)) ?? []) {
    if (file.type !== 'FILE' || file.replication === tier.replication) continue;
    await hdfs.setReplication(`${folder}/${file.pathSuffix}`, tier.replication, signal);
    changed += 1;
  }
  return changed;
}
