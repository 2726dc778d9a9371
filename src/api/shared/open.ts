import { redisAddressOf } from '../../config/cache-address.ts';
import type { Config } from '../../config/schema.ts';
import type { Logger } from '../../logger.ts';
import type { SharedCache } from './cache.ts';
import { openMemoryRateLimits } from './memory-rate-limits.ts';
import type { RateLimits } from './rate-limits.ts';
import type { RedisConnection } from './redis-connection.ts';

/** Of a count. */
const REPLY_BYTES_MAX = 1_024;

/** The shared cache that the configuration asks for; null for none. Does not wait for it. */
export async function openSharedCache(
  config: Config['api']['cache'],
  logger: Logger,
): Promise<SharedCache | null> {
  const bytesMax = config.value_max_kib * 1_024;
  const connection = await openConnection(config, bytesMax, logger);
  if (connection === null) return null;
  const { openRedisCache } = await import('./redis-cache.ts');
  return openRedisCache({
    connection,
    prefix: config.prefix,
    bytesMax,
    keptMs: config.ttl_s * 1_000,
    turnMs: config.lock_ms,
  });
}

/** Counts for all servers where they share a Redis, else for this one. Does not wait for it. */
export async function openRateLimits(
  config: Config['api']['cache'],
  logger: Logger,
): Promise<RateLimits> {
  const connection = await openConnection(config, REPLY_BYTES_MAX, logger);
  if (connection === null) return openMemoryRateLimits();
  const { openRedisRateLimits } = await import('./redis-rate-limits.ts');
  return {
    ...openRedisRateLimits(connection, config.prefix),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** Null where no Redis is shared. Does not wait for it. */
async function openConnection(
  config: Config['api']['cache'],
  replyBytesMax: number,
  logger: Logger,
): Promise<RedisConnection | null> {
  const address = redisAddressOf(config);
  if (address === null) return null;
  const { openRedisConnection } = await import('./redis-connection.ts');
  const { timeout_ms: timeoutMs } = config;
  return openRedisConnection({ address, timeoutMs, replyBytesMax, logger });
}
