/**
 * Puts a file in its place as a whole or not at all. A client that dies while it writes leaves a
 * short file that looks finished, so:
 *
 *     CREATE a draft of a new name → its length (and checksum) is what we sent → RENAME, strictly
 *
 * A draft whose writing was cut is given up: its lease may be held for a minute. The answer to a
 * RENAME that was lost is found by looking: only we know the draft's name, so when it is gone, we
 * have renamed it.
 */
import { createHash } from 'node:crypto';
import { backoff, pause } from '../../waiting.ts';
import type { FileStatus } from './answers.ts';
import { checksumOf } from './checksum.ts';
import type { WebHdfs } from './client.ts';
import { DeadlineError, NoReplyError, RemoteError, TlsError } from './remote-error.ts';
import { chunksOf, lengthOf, type Source } from './transfer.ts';

export interface PutOptions {
  /** A new absolute path on each call. */
  readonly draft: () => string;
  readonly target: string;
  readonly source: Source;
  readonly mode: 'NONE' | 'OVERWRITE';
  readonly replication?: number | undefined;
  readonly verify: 'length' | 'checksum';
  readonly folders: Folders;
}

/** Folders that are there, as far as we know. */
export interface Folders {
  make(folder: string): Promise<void>;
  forget(): void;
}

const KNOWN_MAX = 10_000;

export function openFolders(hdfs: Pick<WebHdfs, 'mkdirs'>): Folders {
  const known = new Map<string, Promise<void>>();
  return {
    make(folder) {
      const before = known.get(folder);
      if (before !== undefined) return before;
      if (known.size >= KNOWN_MAX) known.clear();
      const making = hdfs.mkdirs(folder);
      known.set(folder, making);
      making.catch(() => known.delete(folder));
      return making;
    },
    forget: () => known.clear(),
  };
}

const MIB = 1024 * 1024;
/** A quota is charged for whole blocks while a file is written: small files get small blocks. */
const BLOCK_BYTES_MAX = 128 * MIB;
const RENAMES_MAX = 4;
const REFUSALS_MAX = 4;
const PAUSE_MS = { least: 50, most: 1_000 } as const;
const DISCARD_MS = 5_000;

/**
 * Resolves with the file as it is there now. Rejects as the client does; with a RemoteError
 * `FileAlreadyExistsException` when the name is taken.
 */
export async function putFile(hdfs: WebHdfs, options: PutOptions): Promise<FileStatus> {
  const parent = options.target.slice(0, options.target.lastIndexOf('/')) || '/';
  const [made, written] = await Promise.allSettled([
    options.folders.make(parent),
    writeDraft(hdfs, options),
  ]);
  if (written.status === 'rejected') throw written.reason;
  const { draft, status } = written.value;
  try {
    if (made.status === 'rejected') throw made.reason;
    await moveDraft(hdfs, options, draft, parent);
    return status;
  } catch (error) {
    await discard(hdfs, draft);
    throw error;
  }
}

/** A whole file of a name of its own. */
async function writeDraft(
  hdfs: WebHdfs,
  options: PutOptions,
): Promise<{ draft: string; status: FileStatus }> {
  const { source, replication } = options;
  const deadline = hdfs.deadline();
  const bytes = lengthOf(source);
  const troubles: Error[] = [];
  const create: { replication?: number; blockBytes?: number; deadline: number } = { deadline };
  if (replication !== undefined) create.replication = replication;
  if (bytes <= BLOCK_BYTES_MAX) create.blockBytes = Math.max(1, Math.ceil(bytes / MIB)) * MIB;
  for (let tries = 0; ; tries++) {
    const draft = options.draft();
    try {
      await hdfs.create(draft, source, create);
      return { draft, status: await verifyDraft(hdfs, options, draft) };
    } catch (error) {
      await discard(hdfs, draft);
      if (create.blockBytes !== undefined && isBlockTooSmall(error)) delete create.blockBytes;
      else if (!isWorthAnother(error, troubles)) throw error;
      troubles.push(error as Error);
      const pauseMs = backoff(PAUSE_MS, tries + 1);
      if (performance.now() + pauseMs > deadline) {
        throw new DeadlineError(`CREATE ${options.target}`, troubles.slice(-2));
      }
      await pause(pauseMs);
    }
  }
}

async function verifyDraft(hdfs: WebHdfs, options: PutOptions, draft: string): Promise<FileStatus> {
  const bytes = lengthOf(options.source);
  const status = await hdfs.status(draft);
  if (status?.length !== bytes) {
    const found = status === null ? 'nothing' : `${status.length} bytes`;
    throw new NoReplyError('EBADMSG', `${found} instead of ${bytes} bytes are there`, true);
  }
  if (options.verify === 'checksum' && status.encBit === true) {
    // HDFS sums up what it keeps: the encrypted bytes.
    const [there, own] = [await hashOf(hdfs.read(draft)), await hashOf(chunksOf(options.source))];
    if (there !== own) throw new NoReplyError('EBADMSG', 'other bytes are there', true);
  } else if (options.verify === 'checksum' && bytes > 0) {
    const { algorithm, value } = await hdfs.checksum(draft);
    const own = await checksumOf(options.source, algorithm);
    if (own === null) throw new RemoteError(200, 'Checksum', `${algorithm} is not known here`);
    if (own !== value) {
      throw new NoReplyError('EBADMSG', `${algorithm} ${value} instead of ${own} is there`, true);
    }
  }
  return status;
}

async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** DataNodes pass on what their NameNode said in the middle of a failover, and much of Java. */
function isWorthAnother(error: unknown, before: readonly Error[]): boolean {
  // Another DataNode may have a better certificate.
  if (error instanceof TlsError) return before.length < REFUSALS_MAX;
  if (error instanceof NoReplyError) return true;
  if (!(error instanceof RemoteError)) return false;
  if (error.is('StandbyException', 'RetriableException', 'SafeModeException')) return true;
  if (error.is('ConnectException', 'SocketTimeoutException', 'EOFException')) return true;
  if (!error.is('IOException', 'LeaseExpiredException', 'NotReplicatedYetException', '')) {
    return false;
  }
  if (/Requested replication factor/.test(error.message)) return false;
  // No DataNode takes it: perhaps one that comes back does, but not for long.
  return before.filter((one) => one instanceof RemoteError).length < REFUSALS_MAX;
}

function isBlockTooSmall(error: unknown): boolean {
  return error instanceof RemoteError && /block size is less than/.test(error.message);
}

async function moveDraft(
  hdfs: WebHdfs,
  options: PutOptions,
  draft: string,
  parent: string,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await hdfs.rename(draft, options.target, options.mode);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      const isMissing = error.is('FileNotFoundException');
      if (!isMissing && !error.isUncertain) throw error;
      const left = await hdfs.status(draft);
      if (left === null && error.isUncertain) return;
      if (left === null) throw new NoReplyError('ENOENT', `${draft} is gone`, false, error);
      if (!isMissing || tries >= RENAMES_MAX) throw error;
      // The folder is missing: it was removed, perhaps by whoever emptied it.
      options.folders.forget();
      await options.folders.make(parent);
    }
  }
}

/** Removes a draft that is not needed; if that fails, it is removed by age. */
async function discard(hdfs: WebHdfs, draft: string): Promise<void> {
  const stop = AbortSignal.timeout(DISCARD_MS);
  await hdfs.remove(draft, stop).catch(() => {});
}
