/**
 * One HTTP request and its reply, over `node:http`: a DataNode sends `100 Continue` unasked, which
 * `fetch` takes for a broken answer. What never comes is given up after a time without any byte.
 */
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { certificateProblem } from '../../fetching.ts';
import { NoReplyError, TlsError } from './remote-error.ts';

export interface ExchangeOptions {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  /** Milliseconds without a byte, in either direction, after which it is given up. */
  readonly idleMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Of a known length; asked for once the server wants it. */
  readonly body?: { readonly bytes: number; readonly chunks: () => AsyncIterable<Uint8Array> };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The body, to be read to its end or left; rejects with NoReplyError when it is cut. */
  readonly chunks: AsyncIterable<Buffer>;
  text(): Promise<string>;
}

/** How long a server that says nothing may make us wait with the body. */
const CONTINUE_MS = 2_000;
const TEXT_MAX = 64 * 1024 * 1024;

/** Rejects with NoReplyError when no reply came, or with the signal's reason. */
export async function exchange(options: ExchangeOptions): Promise<Reply> {
  const { url, method, headers = {}, agent, body, signal, idleMs } = options;
  signal?.throwIfAborted();
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const outgoing = request(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : bodyHeaders(body.bytes)) },
    ...(agent === undefined ? {} : { agent }),
  });
  const watch = watchIdle(outgoing, idleMs);
  const abort = () => outgoing.destroy(asError(signal?.reason));
  signal?.addEventListener('abort', abort, { once: true });
  outgoing.on('close', () => {
    watch.stop();
    signal?.removeEventListener('abort', abort);
  });
  let isConnected = false;
  outgoing.on('socket', (socket) => {
    if (outgoing.reusedSocket || !socket.connecting) isConnected = true;
    else
      socket.once('connect', () => {
        isConnected = true;
      });
  });
  const explain = (error: unknown) => {
    signal?.throwIfAborted();
    return explainFailure(error, url, isConnected);
  };
  try {
    const answered = Promise.withResolvers<IncomingMessage>();
    outgoing.on('response', answered.resolve);
    outgoing.on('error', answered.reject);
    if (body === undefined) outgoing.end();
    else sendBody(outgoing, body, watch.touch).catch(answered.reject);
    const incoming = await answered.promise;
    watch.touch();
    const chunks = readChunks(incoming, watch, explain);
    return {
      status: incoming.statusCode ?? 0,
      headers: incoming.headers,
      chunks,
      text: () => readText(chunks, url),
    };
  } catch (error) {
    outgoing.destroy();
    throw explain(error);
  }
}

function bodyHeaders(bytes: number): Record<string, string> {
  return {
    'content-type': 'application/octet-stream',
    'content-length': String(bytes),
    expect: '100-continue',
  };
}

/**
 * Waits for `100 Continue`: a server that refuses answers instead, and its reason would be lost in
 * a connection that it closes under our writing.
 */
async function sendBody(
  outgoing: ClientRequest,
  body: NonNullable<ExchangeOptions['body']>,
  touch: () => void,
): Promise<void> {
  const ready = Promise.withResolvers<boolean>();
  outgoing.once('continue', () => ready.resolve(true));
  outgoing.once('response', () => ready.resolve(false));
  outgoing.once('close', () => ready.resolve(false));
  outgoing.flushHeaders();
  const timer = setTimeout(() => ready.resolve(true), CONTINUE_MS);
  const wanted = await ready.promise;
  clearTimeout(timer);
  if (!wanted) {
    outgoing.end();
    return;
  }
  await pipeline(async function* () {
    for await (const chunk of body.chunks()) {
      touch();
      yield chunk;
    }
    touch();
  }, outgoing);
}

interface IdleWatch {
  touch(): void;
  stop(): void;
}

function watchIdle(outgoing: ClientRequest, idleMs: number): IdleWatch {
  let timer: NodeJS.Timeout | null = null;
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  const touch = () => {
    stop();
    timer = setTimeout(() => {
      const silence = Object.assign(new Error(`no byte for ${idleMs / 1_000} s`), {
        code: 'ETIMEDOUT',
      });
      outgoing.destroy(silence);
    }, idleMs);
  };
  touch();
  return { touch, stop };
}

/** The reader's own slowness is not the server's. */
async function* readChunks(
  incoming: IncomingMessage,
  watch: IdleWatch,
  explain: (error: unknown) => unknown,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of incoming) {
      watch.stop();
      yield chunk as Buffer;
      watch.touch();
    }
    if (!incoming.complete) throw Object.assign(new Error('cut'), { code: 'ECONNRESET' });
  } catch (error) {
    throw explain(error);
  } finally {
    watch.stop();
    if (!incoming.complete) incoming.destroy();
  }
}

async function readText(chunks: AsyncIterable<Buffer>, url: URL): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > TEXT_MAX) {
      throw new NoReplyError('EMSGSIZE', `${url.host}: the answer is too long`, true);
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}

function explainFailure(error: unknown, url: URL, mayHaveActed: boolean): NoReplyError {
  if (error instanceof NoReplyError) return error;
  const { code = 'ECONNRESET', message } = asError(error) as NodeJS.ErrnoException;
  const problem = url.protocol === 'https:' ? tlsProblem(code, message) : null;
  if (problem !== null) return new TlsError(code, `${url.host}: ${problem} (${code})`, error);
  return new NoReplyError(code, `${url.host}: ${message || code}`, mayHaveActed, error);
}

/** What is wrong with the encryption; null when nothing is. */
function tlsProblem(code: string, said: string): string | null {
  const problem = certificateProblem(code);
  if (problem !== null) return `the certificate ${problem}`;
  if (/wrong version number|packet length|http request/i.test(said)) {
    return 'the port does not speak https';
  }
  return /ERR_SSL|ERR_TLS|EPROTO/.test(code) ? 'both sides agree on no encryption' : null;
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
