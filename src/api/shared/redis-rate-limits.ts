/** Rate limits that several servers share, in Redis. */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import type { RateLimits } from './rate-limits.ts';
import type { RedisConnection } from './redis-connection.ts';

/**
 * KEYS: the window. ARGV: its milliseconds, and how many more. Counts, and begins a window unless
 * one is running.
 */
const COUNT = `
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
local left = redis.call('PTTL', KEYS[1])
if left <= 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}`;

const ReplySchema = Type.Tuple([Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 1 })]);

function isReply(reply: unknown): reply is Static<typeof ReplySchema> {
  return Value.Check(ReplySchema, reply);
}

/** The connection stays the caller's. */
export function openRedisRateLimits(connection: RedisConnection, prefix: string): RateLimits {
  return {
    async count(key, windowMs, weight = 1) {
      const window = String(Math.ceil(windowMs));
      const command = ['EVAL', COUNT, '1', `${prefix}rate:${key}`, window, String(weight)] as const;
      const [count, leftMs] = await connection.send(command, isReply);
      return { count, leftMs };
    },
    async [Symbol.asyncDispose]() {},
  };
}
