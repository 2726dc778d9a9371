/** A real Redis with TLS and a user of few rights. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findRedis, NO_REDIS, startRedis } from '../../../test/support/redis-server.ts';
import { rejects } from '../../../test/support/rejects.ts';
import { makeTrust } from '../../../test/support/trust.ts';
import { freePort } from '../../cluster/ports.ts';
import { redisAddressOf } from '../../config/cache-address.ts';
import { openRedisProbe } from '../../engines/redis.ts';
import { silentLogger } from '../../logger.ts';
import { waitFor } from '../testing/api.ts';
import { checkRedis } from './check.ts';
import { openRateLimits, openSharedCache } from './open.ts';

const SECRET = 'a-password-of-the-cache';
/** What docs/security.md names. */
const RIGHTS =
  '~isobar:* resetchannels -@all +ping +eval +get +set +del +strlen +incrby +pttl +pexpire +info +select';
const program = await findRedis();

test('Redis is used over TLS by a user of few rights', {
  skip: program === null && NO_REDIS,
}, async () => {
  if (program === null) return;
  const folder = mkdtempSync(join(tmpdir(), 'isobar-redis-tls-'));
  using trust = makeTrust();
  const { pair, authority: file, other } = trust;
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const port = await freePort();
  const args = [
    ...['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-ca-cert-file', file],
    ...['--tls-cert-file', write('server.crt', pair.cert)],
    ...['--tls-key-file', write('server.key', pair.key)],
    ...['--user', 'isobar', 'on', `>${SECRET}`, ...RIGHTS.split(' ')],
  ];
  try {
    await using _redis = await startRedis(program, args);
    const config = {
      ...{ redis_url: `rediss://isobar:${SECRET}@127.0.0.1:${port}/0`, tls_authority: file },
      ...{ prefix: 'isobar:', value_max_kib: 64, ttl_s: 60, timeout_ms: 2_000, lock_ms: 1_000 },
    };
    const address = redisAddressOf(config);
    assert.ok(address !== null);
    assert.equal((await checkRedis(address, config.prefix)).place, `127.0.0.1:${port}`);
    await using cache = await openSharedCache(config, silentLogger);
    assert.ok(cache !== null);
    const shared = cache;
    await waitFor('the cache', () => shared.status().state === 'ready');
    const found = await cache.find('a', async (bytes) => String(bytes));
    assert.equal(found.kind, 'turn');
    if (found.kind === 'turn') await cache.put('a', Buffer.from('value'), found.turn);
    const again = await cache.find('a', async (bytes) => String(bytes));
    assert.deepEqual(again, { kind: 'value', value: 'value' });
    await using limits = await openRateLimits(config, silentLogger);
    const counted = async () => (await limits.count('a', 60_000, 5).catch(() => null))?.count;
    assert.equal(await waitFor('the count', counted), 5);
    await using probe = await openRedisProbe({ address, timeoutMs: 2_000 });
    const { figures } = await probe.read(AbortSignal.timeout(5_000));
    assert.ok(Number(figures.memory_used_bytes) > 0);

    const { authority: _, ...untrusting } = address;
    const foreign = redisAddressOf({ ...config, tls_authority: other });
    for (const wrong of [untrusting, foreign ?? untrusting, { ...address, tls: false }]) {
      await rejects(checkRedis(wrong, config.prefix), 'CACHE_UNAVAILABLE');
    }
    const refused = { ...address, password: 'wrong' };
    const error = await rejects(checkRedis(refused, config.prefix), 'CACHE_LOGIN_REFUSED');
    assert.ok(!error.message.includes(SECRET));
    assert.throws(() => redisAddressOf({ ...config, tls_authority: join(folder, 'none') }), {
      code: 'CONFIG_INVALID',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
