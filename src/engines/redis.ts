/** Redis by its command INFO. */
import { clientOptions, placeOf, type RedisAddress } from '../config/redis-address.ts';
import type { EngineProbe } from './engine-probe.ts';
import { misunderstood, unreachable } from './fetch-json.ts';
import { openRates, ratio } from './rates.ts';

export interface RedisProbeOptions {
  /** Its password is shown nowhere. */
  readonly address: RedisAddress;
  readonly timeoutMs: number;
}

export async function openRedisProbe(options: RedisProbeOptions): Promise<EngineProbe<'redis'>> {
  const { Redis } = await import('ioredis');
  const address = placeOf(options.address);
  const { timeoutMs } = options;
  const rates = openRates();

  /** One connection a look: nothing is kept alive for a service that is away. */
  async function ask(signal: AbortSignal): Promise<string> {
    const redis = new Redis({
      ...clientOptions(options.address),
      lazyConnect: true,
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      enableOfflineQueue: false,
    });
    const cut = () => redis.disconnect();
    signal.addEventListener('abort', cut, { once: true });
    // Without a listener the library writes to the console.
    redis.on('error', () => {});
    try {
      await redis.connect();
      return await redis.info();
    } catch (error) {
      signal.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      throw unreachable(address, /^E[A-Z]{1,30}$/.test(code ?? '') ? String(code) : 'no answer');
    } finally {
      signal.removeEventListener('abort', cut);
      redis.disconnect();
    }
  }

  return {
    kind: 'redis',
    address,
    async read(signal) {
      const info = parseInfo(await ask(signal));
      const numberOf = (name: string): number => {
        const value = Number(info.get(name) ?? Number.NaN);
        if (Number.isFinite(value) && value >= 0) return value;
        throw misunderstood(address, `INFO has no number ${name}`);
      };
      const [hits, misses] = [numberOf('keyspace_hits'), numberOf('keyspace_misses')];
      return {
        figures: {
          memory_used_bytes: numberOf('used_memory'),
          memory_limit_bytes: numberOf('maxmemory'),
          connections: numberOf('connected_clients'),
          commands_per_second: rates.perSecond('commands', numberOf('total_commands_processed')),
          hit_ratio: ratio(hits, hits + misses),
          evictions_total: numberOf('evicted_keys'),
          keys: keysOf(info),
        },
        parts: [],
      };
    },
    async [Symbol.asyncDispose]() {},
  };
}

const LINES_MAX = 2_000;

/** `name:value`, a line each; lines that begin with # are titles. */
function parseInfo(text: string): ReadonlyMap<string, string> {
  const pairs = text
    .split(/\r?\n/)
    .slice(0, LINES_MAX)
    .flatMap((line) => {
      const [, name, value] = /^([a-z\d_]+):(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
  return new Map(pairs);
}

/** `db0:keys=2,expires=0,avg_ttl=0` */
function keysOf(info: ReadonlyMap<string, string>): number {
  let keys = 0;
  for (const [name, value] of info) {
    if (/^db\d+$/.test(name)) keys += Number(/^keys=(\d{1,15}),/.exec(value)?.[1] ?? 0);
  }
  return keys;
}
