/** Looks at the Redis of the configuration once, as the servers will use it. */
import { placeOf, type RedisAddress } from '../../config/redis-address.ts';
import { closeRedis, connectRedis, translateRedisError } from './redis-client.ts';

export interface RedisFacts {
  /** `127.0.0.1:6379` */
  readonly place: string;
  /** Null where it does not say. */
  readonly version: string | null;
  /** What it does at its memory limit, such as `allkeys-lru`; null where it does not say. */
  readonly policy: string | null;
}

const TIMEOUT_MS = 5_000;
const PROBE_MS = '1000';

/** Rejects with CACHE_UNAVAILABLE, CACHE_LOGIN_REFUSED or CACHE_FULL. */
export async function checkRedis(address: RedisAddress, prefix: string): Promise<RedisFacts> {
  const place = placeOf(address);
  const client = await connectRedis({ address, timeoutMs: TIMEOUT_MS });
  client.options.commandTimeout = TIMEOUT_MS;
  try {
    const set = "return redis.call('SET', KEYS[1], '', 'PX', ARGV[1])";
    await client.callBuffer('EVAL', set, '1', `${prefix}doctor`, PROBE_MS);
    // A user who may do everything else need not be allowed this.
    const info = await client.callBuffer('INFO').then(String, () => '');
    const find = (name: string) => new RegExp(`^${name}:([\\w.-]{1,40})\\r?$`, 'm').exec(info)?.[1];
    return {
      place,
      version: find('redis_version') ?? null,
      policy: find('maxmemory_policy') ?? null,
    };
  } catch (error) {
    throw translateRedisError(error, place);
  } finally {
    closeRedis(client);
  }
}
