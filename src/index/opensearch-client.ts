/**
 * Requests to OpenSearch: bounded in time and size, each answer checked for the form that we need.
 *
 *     no connection, no answer in time, not JSON, another form, 429, 5xx   INDEX_UNAVAILABLE
 *     401, 403                                                             INDEX_REFUSED
 *     409                                                                  INDEX_BUSY
 *     404                                                                  `missing`, else INDEX_UNAVAILABLE
 *
 * `details.lost` says that copies of the index are gone: it may have to be made anew.
 */
import type { Readable } from 'node:stream';
import { Client } from '@opensearch-project/opensearch';
import type { Static, TSchema } from 'typebox';
import Value from 'typebox/value';
import type { Config } from '../config/schema.ts';
import { authorityOf } from '../config/tls-authority.ts';
import { IsobarError } from '../errors.ts';
import { within } from '../waiting.ts';

export interface SearchClient extends AsyncDisposable {
  /** `missing` is what a 404 means; without it that is an error. */
  ask<S extends TSchema, M = never>(request: Request<S, M>): Promise<Static<S> | M>;
}

export interface Request<S extends TSchema, M = never> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  /** Lines of a bulk request. */
  readonly lines?: readonly object[];
  readonly answer: S;
  readonly missing?: M;
  readonly signal?: AbortSignal | undefined;
}

const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

export function openSearchClient(config: Config['index']['opensearch']): SearchClient {
  const { url, user, password, timeout_s, tls_authority } = config;
  const ca = authorityOf('index.opensearch.tls_authority', tls_authority);
  const client = new Client({
    node: url,
    // Whoever calls decides about trying again.
    maxRetries: 0,
    requestTimeout: timeout_s * 1_000,
    ...(user === '' ? {} : { auth: { username: user, password } }),
    ...(ca && { ssl: { ca } }),
  });
  const place = new URL(url).host;

  async function exchange(request: Request<TSchema, unknown>) {
    const { method, path, body, lines, signal } = request;
    signal?.throwIfAborted();
    const sent = client.transport.request(
      {
        method,
        path,
        ...(body === undefined ? {} : { body }),
        ...(lines === undefined ? {} : { bulkBody: [...lines] }),
      },
      { asStream: true },
    );
    const read = async () => {
      const { statusCode, body: stream } = await sent;
      return { status: statusCode ?? 0, text: await readText(stream as Readable) };
    };
    try {
      return await within(timeout_s * 1_000, read(), signal);
    } catch (error) {
      sent.abort();
      if (signal?.aborted)
        throw new IsobarError('ABORTED', `${place}: cancelled`, { cause: error });
      throw unavailable(`no answer to ${method} ${pathShown(path)}`, { cause: error });
    }
  }

  function unavailable(
    text: string,
    options: ConstructorParameters<typeof IsobarError>[2] = {},
  ): IsobarError {
    return new IsobarError('INDEX_UNAVAILABLE', `${place}: ${text}`, options);
  }

  function refusal(status: number, text: string): IsobarError {
    if (status === 401 || status === 403) {
      return new IsobarError('INDEX_REFUSED', `${place}: it answered ${status}`);
    }
    const type = typeOf(text);
    if (status === 409) return new IsobarError('INDEX_BUSY', `${place}: another process wrote it`);
    const lost =
      status === 503 &&
      /no_shard_available|all_shards_failed|search_phase|unavailable_shards/.test(text);
    return unavailable(`it answered ${status}${type === null ? '' : ` (${type})`}`, {
      details: { lost, status },
    });
  }

  return {
    async ask<S extends TSchema, M>(request: Request<S, M>) {
      const { status, text } = await exchange(request);
      if (status === 404 && 'missing' in request) return request.missing as M;
      if (status < 200 || status > 299) throw refusal(status, text);
      const value = parseJson(text);
      if (Value.Check(request.answer, value)) return value;
      const what = `${request.method} ${pathShown(request.path)}`;
      throw unavailable(`the answer to ${what} is not one of OpenSearch`);
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) {
      stream.destroy();
      throw new IsobarError('INDEX_UNAVAILABLE', 'the answer is too large');
    }
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The kind of its error, by OpenSearch's own name. */
function typeOf(text: string): string | null {
  return /"type":"([a-z_]{1,60})"/.exec(text)?.[1] ?? null;
}

const pathShown = (path: string) => path.replace(/\?.*/, '');
