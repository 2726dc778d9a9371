/**
 * A client of HDFS over WebHDFS: the operations that a lake needs, each with as much certainty as
 * the protocol allows. Paths are absolute and decoded; lengths are whole numbers up to 2^53.
 *
 * Errors: RemoteError (HDFS refuses), DeadlineError (no answer in time), RedirectError (a
 * DataNode where we may not go), or the signal's reason.
 */
import { ANSWERS, type FileStatus, parseAnswer } from './answers.ts';
import { dataNodeMemory } from './datanodes.ts';
import {
  type Answer,
  type NameNodes,
  type NameNodesOptions,
  openNameNodes,
  type Question,
} from './namenodes.ts';
import { DeadlineError, NO_FOLDER, NoReplyError, RemoteError } from './remote-error.ts';
import { openRpcAddress, type RpcAddress } from './rpc-address.ts';
import {
  followRedirect,
  type HostRule,
  openTransfers,
  type Redirect,
  type Source,
  type Transfers,
} from './transfer.ts';

export interface WebHdfsOptions extends NameNodesOptions {
  /** DataNodes where redirects may lead; none means any. */
  readonly dataNodeHosts: readonly HostRule[];
}

export interface CreateOptions {
  readonly blockBytes?: number;
  readonly replication?: number;
  readonly deadline?: number;
}

export interface WebHdfs extends AsyncDisposable {
  status(path: string, signal?: AbortSignal): Promise<FileStatus | null>;
  /** What lies in the folder, by the bytes of the names, after this name; null: no such folder. */
  list(path: string, startAfter: string, signal?: AbortSignal): Promise<FileStatus[] | null>;
  /**
   * Writes a new file, once: after NoReplyError it may be there, whole, short or still open. Try
   * again under another name.
   */
  create(path: string, source: Source, options?: CreateOptions): Promise<void>;
  /** The bytes from the offset on; goes on elsewhere when a DataNode fails, if it never changes. */
  read(
    path: string,
    options?: { readonly neverChanges?: boolean; readonly signal?: AbortSignal | undefined },
  ): AsyncGenerator<Buffer, void>;
  /**
   * Renames strictly. Rejects with FileAlreadyExistsException or FileNotFoundException; one that
   * `isUncertain` may have been carried out by an earlier try, whose answer was lost.
   */
  rename(from: string, to: string, mode: 'NONE' | 'OVERWRITE'): Promise<void>;
  mkdirs(path: string): Promise<void>;
  /** Removes a file or an empty folder; whether it existed, as far as that is known. */
  remove(path: string, signal?: AbortSignal): Promise<boolean>;
  setReplication(path: string, copies: number, signal?: AbortSignal): Promise<void>;
  setStoragePolicy(path: string, policy: string, signal?: AbortSignal): Promise<void>;
  /** `MD5-of-0MD5-of-512CRC32C` and its value in hexadecimal digits. */
  checksum(path: string): Promise<{ algorithm: string; value: string }>;
  /** HTTP requests so far, for whoever counts round trips. */
  readonly requests: { readonly nameNodes: number; readonly dataNodes: number };
  deadline(): number;
}

const TRIES_MAX = 8;
/** A NameNode moves no bytes: one that is silent for so long is asked again after the others. */
const NAME_NODE_IDLE_MS = 3_000;

export function openWebHdfs(options: WebHdfsOptions): WebHdfs {
  const idleMs = Math.min(options.idleMs, NAME_NODE_IDLE_MS);
  const nameNodes = openNameNodes({ ...options, idleMs });
  const transfers = openTransfers(options);
  const dataNodes = dataNodeMemory(nameNodes);
  const rpcAddress = openRpcAddress(nameNodes);
  const around = { nameNodes, transfers, dataNodes, rpcAddress, rules: options.dataNodeHosts };

  async function status(path: string, signal?: AbortSignal): Promise<FileStatus | null> {
    const answer = await unlessMissing(
      nameNodes.ask({ method: 'GET', path, op: 'GETFILESTATUS', signal }),
    );
    return answer === null ? null : parseAnswer(ANSWERS.status, answer.text).FileStatus;
  }

  async function remove(path: string, signal?: AbortSignal): Promise<boolean> {
    const query = { recursive: 'false' };
    const answer = await nameNodes.ask({ method: 'DELETE', path, op: 'DELETE', query, signal });
    // When an answer was lost and there is nothing now, it was probably us.
    return parseAnswer(ANSWERS.done, answer.text).boolean || answer.isUncertain;
  }

  async function set(
    path: string,
    op: string,
    query: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<void> {
    await nameNodes.ask({ method: 'PUT', path, op, query, signal });
  }

  return {
    status,
    list: (path, startAfter, signal) => list(nameNodes, path, startAfter, signal),
    remove,
    create: (path, source, more = {}) => create(around, path, source, more),
    read: (path, more = {}) => read(around, path, more),
    rename: (from, to, mode) => set(from, 'RENAME', { destination: to, renameoptions: mode }),
    mkdirs: (path) => set(path, 'MKDIRS', {}),
    setReplication: (path, copies, signal) =>
      set(path, 'SETREPLICATION', { replication: String(copies) }, signal),
    setStoragePolicy: (path, policy, signal) =>
      set(path, 'SETSTORAGEPOLICY', { storagepolicy: policy }, signal),
    async checksum(path) {
      const question: Question = { method: 'GET', path, op: 'GETFILECHECKSUM' };
      const text = await atDataNode(around, question, transfers.ask);
      const { algorithm, bytes, length } = parseAnswer(ANSWERS.checksum, text).FileChecksum;
      // Hadoop's own encoding: the value is what follows the fixed head, in `length` bytes.
      return { algorithm, value: bytes.slice(0, length * 2) };
    },
    get requests() {
      return { nameNodes: nameNodes.requestCount, dataNodes: transfers.requestCount };
    },
    deadline: () => nameNodes.deadline(),
    [Symbol.asyncDispose]: () => nameNodes[Symbol.asyncDispose](),
  };
}

interface Around {
  readonly nameNodes: NameNodes;
  readonly transfers: Transfers;
  readonly dataNodes: ReturnType<typeof dataNodeMemory>;
  readonly rpcAddress: RpcAddress;
  readonly rules: readonly HostRule[];
}

/** Asks the NameNode where to go; leaves out DataNodes that have just failed. */
async function redirect(around: Around, question: Question): Promise<Redirect> {
  const excluded = await around.dataNodes.excluded();
  const query = { ...question.query, noredirect: 'true' };
  const ask = (more: Record<string, string>) =>
    around.nameNodes.ask({ ...question, query: { ...query, ...more } });
  let answer: Answer;
  try {
    answer = await ask(excluded === '' ? {} : { excludedatanodes: excluded });
  } catch (error) {
    // All that are left may be those that failed: better one of them than none.
    if (excluded === '' || !(error instanceof RemoteError) || error.is('FileNotFoundException')) {
      throw error;
    }
    around.dataNodes.forget();
    answer = await ask({});
  }
  const { Location } = parseAnswer(ANSWERS.location, answer.text);
  const { path } = question;
  const redirect = followRedirect(Location, path, answer.nameNode, around.rules);
  await around.rpcAddress.apply(redirect.url);
  return redirect;
}

/** One visit to a DataNode; one that does not answer is left out for a while. */
async function visit<T>(
  around: Around,
  question: Question,
  work: (url: URL) => Promise<T>,
): Promise<T> {
  const { url, named } = await redirect(around, question);
  try {
    return await work(url);
  } catch (error) {
    if (error instanceof NoReplyError) noteSilence(around, named, error);
    throw error;
  }
}

/** The cause may be the DataNode, or the NameNode that it asks: this is not known here. */
function noteSilence(around: Around, named: string, { code }: NoReplyError): void {
  around.dataNodes.failed(named);
  if (code === 'ETIMEDOUT') around.rpcAddress.doubt();
}

/** Visits until one answers; for what changes nothing. */
async function atDataNode<T>(
  around: Around,
  question: Question,
  work: (url: URL) => Promise<T>,
): Promise<T> {
  const deadline = around.nameNodes.deadline();
  const troubles: Error[] = [];
  for (let tries = 1; ; tries++) {
    try {
      return await visit(around, { ...question, deadline }, work);
    } catch (error) {
      if (!(error instanceof NoReplyError)) throw error;
      troubles.push(error);
      if (tries >= TRIES_MAX || performance.now() > deadline) {
        throw new DeadlineError(`${question.op} ${question.path}`, troubles);
      }
    }
  }
}

async function list(
  nameNodes: NameNodes,
  path: string,
  startAfter: string,
  signal?: AbortSignal,
): Promise<FileStatus[] | null> {
  const found: FileStatus[] = [];
  let after = startAfter;
  for (;;) {
    // Lower case: HDFS 3.5 ignores `startAfter`.
    const query = { startafter: after };
    const answer = await unlessMissing(
      nameNodes.ask({ method: 'GET', path, op: 'LISTSTATUS_BATCH', query, signal }),
    );
    if (answer === null) return null;
    const { partialListing, remainingEntries } = parseAnswer(
      ANSWERS.listing,
      answer.text,
    ).DirectoryListing;
    const page = partialListing.FileStatuses.FileStatus;
    found.push(...page);
    const last = page.at(-1)?.pathSuffix ?? '';
    if (remainingEntries === 0 || last === '' || last === after) return found;
    after = last;
  }
}

async function create(
  around: Around,
  path: string,
  source: Source,
  { blockBytes, replication, deadline }: CreateOptions,
): Promise<void> {
  const query = {
    overwrite: 'false',
    ...(blockBytes === undefined ? {} : { blocksize: String(blockBytes) }),
    ...(replication === undefined ? {} : { replication: String(replication) }),
  };
  const question: Question = { method: 'PUT', path, op: 'CREATE', query, deadline };
  await visit(around, question, (url) => around.transfers.upload(url, source));
}

async function* read(
  around: Around,
  path: string,
  options: { readonly neverChanges?: boolean; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Buffer, void> {
  const { neverChanges = false, signal } = options;
  const deadline = around.nameNodes.deadline();
  const troubles: Error[] = [];
  let offset = 0;
  for (let tries = 1; ; tries++) {
    const query = offset === 0 ? {} : { offset: String(offset) };
    const question: Question = { method: 'GET', path, op: 'OPEN', query, signal, deadline };
    const { url, named } = await redirect(around, question);
    try {
      for await (const chunk of around.transfers.download(url, signal)) {
        offset += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      if (!(error instanceof NoReplyError)) throw error;
      noteSilence(around, named, error);
      troubles.push(error);
      const isOver = tries >= TRIES_MAX || performance.now() > deadline;
      if (isOver || (offset > 0 && !neverChanges)) {
        throw new DeadlineError(`OPEN ${path}`, troubles);
      }
    }
  }
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof RemoteError && error.is('FileNotFoundException', NO_FOLDER)) return null;
    throw error;
  }
}
