/**
 * The DataNode's leg: the bytes themselves. The NameNode names a DataNode; we go there only when
 * it is allowed, by our own spelling of the path, and with no credential but what it put into the
 * address.
 */
import { createReadStream } from 'node:fs';
import { splitList } from '../../config/list.ts';
import { openAgents } from './agents.ts';
import { type ExchangeOptions, exchange } from './exchange.ts';
import { either } from './namenodes.ts';
import { NoReplyError, parseRemoteError, RedirectError } from './remote-error.ts';
import { openSlots } from './slots.ts';

/** A host, or host:port, as redirects name it, and as it is reached from here. */
export interface HostRule {
  readonly named: string;
  readonly reached: string;
}

/** `dn1,dn2=10.0.0.2,dn3:9864=localhost:19864`; empty allows any host. */
export function parseHostRules(text: string): readonly HostRule[] {
  return splitList(text).map((entry) => {
    const [named = '', reached = named] = entry.split('=').map((part) => part.trim());
    return { named: named.toLowerCase(), reached };
  });
}

export interface Redirect {
  /** Where to go. */
  readonly url: URL;
  /** `host:port` as the NameNode names it. */
  readonly named: string;
}

/** Where to go for this redirect. Throws RedirectError, which names host and port only. */
export function followRedirect(
  location: string,
  path: string,
  nameNode: URL,
  rules: readonly HostRule[],
): Redirect {
  if (!URL.canParse(location)) throw new RedirectError('the redirect is not a valid address');
  const url = new URL(location);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new RedirectError(`the redirect to ${url.host} speaks ${url.protocol}`);
  }
  if (nameNode.protocol === 'https:' && url.protocol !== 'https:') {
    throw new RedirectError(`the redirect to ${url.host} is not encrypted`);
  }
  // The NameNode's spelling of the path is not always the one that the DataNode understands.
  url.pathname = `/webhdfs/v1${path.split('/').map(encodeURIComponent).join('/')}`;
  url.username = '';
  url.password = '';
  const named = url.host;
  if (rules.length === 0) return { url, named };
  const rule =
    rules.find(({ named }) => named === url.host) ??
    rules.find(({ named }) => named === url.hostname);
  if (rule === undefined) throw new RedirectError(`the redirect names ${url.host}`);
  if (rule.reached.includes(':')) url.host = rule.reached;
  else url.hostname = rule.reached;
  return { url, named };
}

/** Bytes, or a file on this machine of this length. */
export type Source = Uint8Array | { readonly file: string; readonly bytes: number };

export function lengthOf(source: Source): number {
  return source instanceof Uint8Array ? source.byteLength : source.bytes;
}

export interface TransfersOptions {
  readonly concurrency: number;
  readonly idleMs: number;
  /** PEM: whose certificates are trusted; those that Node.js knows without it. */
  readonly authority?: Buffer | undefined;
  /** Once it aborts nothing is waited for any more. */
  readonly signal?: AbortSignal | undefined;
}

/** All reject with RemoteError, NoReplyError, or the signal's reason. */
export interface Transfers {
  upload(url: URL, source: Source): Promise<void>;
  /** What is there from the address's offset on. */
  download(url: URL, signal?: AbortSignal): AsyncGenerator<Buffer, void>;
  ask(url: URL): Promise<string>;
  readonly requestCount: number;
}

const CHUNK_BYTES = 1 << 18;

export function openTransfers(options: TransfersOptions): Transfers {
  const slots = openSlots(options.concurrency);
  const { idleMs, signal, authority } = options;
  // DataNodes close each connection.
  const agents = openAgents({ authority, keepAlive: false });
  let requestCount = 0;

  /** The text of an answer with this status. */
  async function ask(
    request: Pick<ExchangeOptions, 'method' | 'url' | 'body'>,
    status: number,
  ): Promise<string> {
    using _slot = await slots.take(signal);
    requestCount += 1;
    const agent = agents.of(request.url);
    const reply = await exchange({ ...request, agent, idleMs, signal });
    const text = await reply.text();
    if (reply.status !== status) throw refusal(request.url, reply.status, text);
    return text;
  }

  async function* download(url: URL, own?: AbortSignal): AsyncGenerator<Buffer, void> {
    const ended = either(own, signal);
    using _slot = await slots.take(ended);
    requestCount += 1;
    const agent = agents.of(url);
    const reply = await exchange({ method: 'GET', url, agent, idleMs, signal: ended });
    if (reply.status !== 200) throw refusal(url, reply.status, await reply.text());
    const wanted = Number(reply.headers['content-length'] ?? Number.NaN);
    let bytes = 0;
    for await (const chunk of reply.chunks) {
      bytes += chunk.length;
      yield chunk;
    }
    if (!Number.isNaN(wanted) && bytes !== wanted) {
      throw new NoReplyError('ECONNRESET', `${url.host}: ${bytes} of ${wanted} bytes came`, true);
    }
  }

  return {
    async upload(url, source) {
      const body = { bytes: lengthOf(source), chunks: () => chunksOf(source) };
      await ask({ method: 'PUT', url, body }, 201);
    },
    download,
    ask: (url) => ask({ method: 'GET', url }, 200),
    get requestCount() {
      return requestCount;
    },
  };
}

function refusal(url: URL, status: number, text: string) {
  const error = parseRemoteError(status, text);
  error.message = `${url.host}: ${error.message}`;
  return error;
}

export async function* chunksOf(source: Source): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    if (source.byteLength > 0) yield source;
    return;
  }
  yield* createReadStream(source.file, { highWaterMark: CHUNK_BYTES });
}
