import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRedis, NO_REDIS, startRedis } from '../../../test/support/redis-server.ts';
import { rejects } from '../../../test/support/rejects.ts';
import { openMemoryRateLimits } from './memory-rate-limits.ts';
import { openRedisRateLimits } from './redis-rate-limits.ts';
import { connectionTo } from './testing/connection.ts';
import { describeRateLimits } from './testing/contract.ts';

describeRateLimits('memory', async () => ({
  open: async () => openMemoryRateLimits(),
  async [Symbol.asyncDispose]() {},
}));

test('memory forgets the windows that began first, and never holds more than its keys', async () => {
  let now = 0;
  await using limits = openMemoryRateLimits({ keysMax: 2, now: () => now });
  for (const key of ['a', 'b', 'b', 'c']) await limits.count(key, 100);
  assert.deepEqual(await limits.count('b', 100), { count: 3, leftMs: 100 });
  assert.equal((await limits.count('a', 100)).count, 1, 'a made room for c');
  now = 99;
  assert.deepEqual(await limits.count('a', 100), { count: 2, leftMs: 1 });
  now = 100;
  assert.deepEqual(await limits.count('a', 100), { count: 1, leftMs: 100 });
});

const program = await findRedis();
if (program === null) test('rate limits in Redis', { skip: NO_REDIS }, () => {});
else {
  describeRateLimits('Redis', async () => {
    const redis = await startRedis(program);
    const connection = await connectionTo(redis);
    return {
      open: async () => openRedisRateLimits(connection, 'test:'),
      async [Symbol.asyncDispose]() {
        await connection[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      },
    };
  });

  test('rate limits in Redis are shared, and reject while it is away', async () => {
    await using redis = await startRedis(program);
    await using one = await connectionTo(redis);
    await using other = await connectionTo(redis);
    const limits = [one, other].map((connection) => openRedisRateLimits(connection, 'test:'));
    const counts = await Promise.all(limits.map((each) => each.count('a', 60_000)));
    assert.deepEqual(counts.map(({ count }) => count).sort(), [1, 2]);
    await redis.stop();
    for (const each of limits) await rejects(each.count('a', 60_000), 'CACHE_UNAVAILABLE');
  });
}
