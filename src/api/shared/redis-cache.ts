/** The shared cache in Redis: a value and a lock for each key, both of which expire. */
import { randomUUID } from 'node:crypto';
import type { CacheStatus } from '../../model/status.ts';
import type { Found, SharedCache } from './cache.ts';
import type { Command, RedisConnection } from './redis-connection.ts';

export interface RedisCacheOptions {
  /** Closed with the cache. */
  readonly connection: RedisConnection;
  readonly prefix: string;
  readonly bytesMax: number;
  readonly keptMs: number;
  readonly turnMs: number;
}

/**
 * KEYS: value, lock. ARGV: whose turn it would be, its milliseconds, the size that a value may have.
 * The value, or 1: it is your turn, 0: it is another's, 2: the value is too large for you.
 */
const FIND = `
local size = redis.call('STRLEN', KEYS[1])
if size > tonumber(ARGV[3]) then return 2 end
if size > 0 then return redis.call('GET', KEYS[1]) end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0`;

/** KEYS: lock. ARGV: whose turn it was. A lock that has expired may be another's by now. */
const END_TURN = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0`;

function isFound(reply: unknown): reply is Buffer | number {
  return Buffer.isBuffer(reply) || reply === 0 || reply === 1 || reply === 2;
}

/** Of SET, and of the script that ends a turn. */
function isDone(reply: unknown): reply is Buffer | number {
  return reply === 0 || (Buffer.isBuffer(reply) && reply.toString() === 'OK');
}

/** Nothing waits for it. */
const PUT_MS = 1_000;
const UNAVAILABLE = { kind: 'unavailable' } as const;

export function openRedisCache(options: RedisCacheOptions): SharedCache {
  return new RedisCache(options);
}

class RedisCache implements SharedCache {
  readonly bytesMax: number;
  readonly turnMs: number;
  readonly #options: RedisCacheOptions;
  readonly #process = randomUUID();
  readonly #lookups = { hit: 0, miss: 0, wait: 0, skipped: 0, failed: 0, garbled: 0 };
  readonly #underWay = new Set<Promise<void>>();
  #turns = 0;

  constructor(options: RedisCacheOptions) {
    this.#options = options;
    this.bytesMax = options.bytesMax;
    this.turnMs = options.turnMs;
  }

  async find<V>(
    key: string,
    parse: (bytes: Buffer) => Promise<V | null>,
    isAgain = false,
  ): Promise<Found<V>> {
    const { connection } = this.#options;
    if (!connection.takes()) return this.#unavailable('skipped');
    const turn = this.#nextTurn();
    const limits = [String(this.turnMs), String(this.bytesMax)];
    const command = ['EVAL', FIND, '2', ...this.#keys(key), turn, ...limits] as const;
    let reply: Buffer | number;
    try {
      reply = await connection.send(command, isFound);
    } catch {
      return this.#unavailable('failed');
    }
    if (reply === 1) {
      this.#lookups.miss += 1;
      return { kind: 'turn', turn };
    }
    if (reply === 0) {
      if (!isAgain) this.#lookups.wait += 1;
      return { kind: 'taken' };
    }
    const value = Buffer.isBuffer(reply) ? await parse(reply).catch(() => null) : null;
    if (value !== null) {
      this.#lookups.hit += 1;
      return { kind: 'value', value };
    }
    this.#lookups.garbled += 1;
    // Whoever sees it overwrites it, without a lock.
    return reply === 2 ? UNAVAILABLE : { kind: 'turn', turn };
  }

  #nextTurn(): string {
    this.#turns += 1;
    return `${this.#process}.${this.#turns}`;
  }

  #unavailable(outcome: 'skipped' | 'failed'): Found<never> {
    this.#lookups[outcome] += 1;
    return UNAVAILABLE;
  }

  #keys(key: string): readonly [value: string, lock: string] {
    const value = `${this.#options.prefix}answer:${key}`;
    return [value, `${value}:lock`];
  }

  async put(key: string, value: Buffer, turn: string): Promise<void> {
    const [name] = this.#keys(key);
    const kept = String(this.#options.keptMs);
    if (value.length <= this.bytesMax) await this.#send(['SET', name, value, 'PX', kept]);
    await this.endTurn(key, turn);
  }

  endTurn(key: string, turn: string): Promise<void> {
    return this.#send(['EVAL', END_TURN, '1', this.#keys(key)[1], turn]);
  }

  /** Whatever becomes of it: the lock expires by itself. */
  #send(command: Command): Promise<void> {
    const sending = this.#options.connection.send(command, isDone, PUT_MS).then(
      () => {},
      () => {},
    );
    this.#underWay.add(sending);
    return sending.finally(() => this.#underWay.delete(sending));
  }

  status(): CacheStatus {
    const { place, state, error } = this.#options.connection;
    return { engine: 'redis', address: place, state, lookups: { ...this.#lookups }, error };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#options.connection[Symbol.asyncDispose]();
  }
}
