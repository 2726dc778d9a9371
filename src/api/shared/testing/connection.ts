/** Connections to the Redis of a test, for tests that begin when they are ready. */
import type { TestRedis } from '../../../../test/support/redis-server.ts';
import { parseRedisUrl } from '../../../config/redis-address.ts';
import { type Logger, silentLogger } from '../../../logger.ts';
import { waitFor } from '../../testing/api.ts';
import type { SharedCache } from '../cache.ts';
import { openRedisCache } from '../redis-cache.ts';
import { openRedisConnection, type RedisConnection } from '../redis-connection.ts';

export interface ConnectionOptions {
  readonly timeoutMs?: number;
  readonly connectMs?: number;
  readonly replyBytesMax?: number;
  readonly logger?: Logger;
  readonly pauses?: { readonly least: number; readonly most: number };
}

/** A machine that is busy with other tests may take long to answer. */
const TIMEOUT_MS = 2_000;

export function openConnection(url: string, options: ConnectionOptions = {}): RedisConnection {
  const address = parseRedisUrl(url);
  if (address === null) throw new Error('not an address');
  const defaults = { timeoutMs: TIMEOUT_MS, replyBytesMax: 1024 * 1024, logger: silentLogger };
  return openRedisConnection({ ...defaults, address, ...options });
}

export async function connectionTo(
  { url }: Pick<TestRedis, 'url'>,
  options: ConnectionOptions = {},
): Promise<RedisConnection> {
  const connection = openConnection(url, options);
  await waitFor('the connection', () => connection.state === 'ready');
  return connection;
}

export interface CacheOptions {
  readonly turnMs?: number;
  readonly bytesMax?: number;
  readonly keptMs?: number;
}

export function cacheOver(connection: RedisConnection, options: CacheOptions = {}): SharedCache {
  const defaults = { turnMs: 60_000, bytesMax: 1024 * 1024, keptMs: 60_000 };
  return openRedisCache({ connection, prefix: 'test:', ...defaults, ...options });
}
