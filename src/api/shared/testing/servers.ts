/** Servers of one lake that may share a cache, and what they answer. */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../app.ts';
import type { ApiContext, Publications } from '../../context.ts';
import type { TestApi } from '../../testing/api.ts';
import type { SharedCache } from '../cache.ts';

export interface TestServer extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly cache: SharedCache | null;
  /** Has it look for new versions. */
  look(): void;
}

/** One more server of this lake, which looks for new versions only when it is told to. */
export async function openServer(
  { context }: TestApi,
  cache: SharedCache | null,
  change: Partial<ApiContext> = {},
): Promise<TestServer> {
  let look = () => {};
  const onChange = (listener: () => void) => {
    look = listener;
    return () => {};
  };
  const publications = inTurn(context.publications);
  const own = { log: null, publications, onChange, sharedCache: cache, ...change };
  const app = await buildApp({ ...context, ...own });
  return {
    app,
    cache,
    look: () => look(),
    async [Symbol.asyncDispose]() {
      await app.close();
      await cache?.[Symbol.asyncDispose]();
    },
  };
}

const turns = new WeakMap<Publications, Promise<unknown>>();

/** The servers of a lake share a session here, which computes one thing at a time. */
function inTurn(publications: Publications): Publications {
  return {
    latest: () => publications.latest(),
    failure: null,
    compute(...asked) {
      const computed = (turns.get(publications) ?? Promise.resolve()).then(() =>
        publications.compute(...asked),
      );
      turns.set(
        publications,
        computed.catch(() => {}),
      );
      return computed;
    },
  };
}

/** The answer with all that depends on versions and question, as one text. */
export async function ask({ app }: Pick<TestServer, 'app'>, url: string, gzip: boolean) {
  const headers = gzip ? { 'accept-encoding': 'gzip' } : {};
  const { statusCode, headers: given, rawPayload } = await app.inject({ url, headers });
  const body = given['content-encoding'] === 'gzip' ? gunzipSync(rawPayload) : rawPayload;
  assert.equal(statusCode, 200, body.toString());
  const text = body.toString('latin1');
  const described = String(given['x-isobar-meta'] ?? text);
  const [, table] = /"table_version":(\w+)/.exec(described) ?? [];
  const [, analytics] = /"analytics_version":(\w+)/.exec(described) ?? [];
  const isFile = given['x-isobar-meta'] !== undefined;
  return {
    versions: `${table} ${analytics}`,
    answer: `${given.etag}\n${isFile ? given['x-isobar-meta'] : ''}\n${text}`,
  };
}
