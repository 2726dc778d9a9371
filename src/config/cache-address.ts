/** Where the shared cache is, and which authority it is trusted by. */
import { parseRedisUrl, type RedisAddress } from './redis-address.ts';
import type { Config } from './schema.ts';
import { authorityOf } from './tls-authority.ts';

/** The configured address, with its authority; null for none. Rejects with CONFIG_INVALID. */
export function redisAddressOf(
  cache: Pick<Config['api']['cache'], 'redis_url' | 'tls_authority'>,
): RedisAddress | null {
  const address = parseRedisUrl(cache.redis_url);
  if (address === null) return null;
  const authority = authorityOf('api.cache.tls_authority', cache.tls_authority);
  return { ...address, ...(authority && { authority }) };
}
