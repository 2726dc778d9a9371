import { parseRedisUrl } from '../../config/redis-address.ts';
import type { Config } from '../../config/schema.ts';
import type { Logger } from '../../logger.ts';
import type { SharedCache } from './cache.ts';

/** The shared cache that the configuration asks for; null for none. Does not wait for it. */
export async function openSharedCache(
  config: Config['api']['cache'],
  logger: Logger,
): Promise<SharedCache | null> {
  const address = parseRedisUrl(config.redis_url);
  if (address === null) return null;
  const { openRedisConnection } = await import('./redis-connection.ts');
  const { openRedisCache } = await import('./redis-cache.ts');
  const bytesMax = config.value_max_kib * 1_024;
  const { timeout_ms: timeoutMs, prefix } = config;
  return openRedisCache({
    connection: openRedisConnection({ address, timeoutMs, replyBytesMax: bytesMax, logger }),
    prefix,
    bytesMax,
    keptMs: config.ttl_s * 1_000,
    turnMs: config.lock_ms,
  });
}
