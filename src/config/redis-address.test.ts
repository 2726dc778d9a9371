import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from './load.ts';
import { parseRedisUrl } from './redis-address.ts';

test('an address names host, port, login, database and encryption', () => {
  const plain = { host: 'cache', port: 6_379, tls: false, user: '', password: '', database: 0 };
  assert.deepEqual(parseRedisUrl('redis://cache'), plain);
  assert.deepEqual(parseRedisUrl('redis://cache:7000/3'), { ...plain, port: 7_000, database: 3 });
  assert.deepEqual(parseRedisUrl('rediss://:p%40ss%2F@cache/'), {
    ...plain,
    tls: true,
    password: 'p@ss/',
  });
  assert.deepEqual(parseRedisUrl('redis://me:secret@[::1]:1'), {
    ...plain,
    host: '::1',
    port: 1,
    user: 'me',
    password: 'secret',
  });
});

const PASSWORD = 'pass-that-stays';

test('another address is one error at the start, which does not show it', () => {
  for (const url of [
    'cache:6379',
    'http://cache',
    'redis://',
    `redis://:${PASSWORD}@cache:99999`,
    `redis://:${PASSWORD}@cache:0`,
    `redis://:${PASSWORD}@cache/one`,
    `redis://:${PASSWORD}%zz@cache`,
    `redis://cache?password=${PASSWORD}`,
    `redis://cache/#${PASSWORD}`,
  ]) {
    const env = { ISOBAR_API_CACHE_REDIS_URL: url };
    assert.throws(
      () => loadConfig({ file: null, env, flags: {} }),
      ({ message }: Error) =>
        /^api\.cache\.redis_url \(ISOBAR_API_CACHE_REDIS_URL\): expected an address/.test(
          message,
        ) && !message.includes(PASSWORD),
      url,
    );
  }
});

test('the password is a secret of its own', () => {
  const flags = { 'api.cache.redis_url': `redis://:${PASSWORD}%21@cache` };
  assert.ok(loadConfig({ file: null, env: {}, flags }).secrets.includes(`${PASSWORD}!`));
});

test('a prefix is one word', () => {
  for (const prefix of ['', 'two words', 'ü', 'x'.repeat(101)]) {
    const flags = { 'api.cache.prefix': prefix };
    assert.throws(
      () => loadConfig({ file: null, env: {}, flags }),
      /^.*api\.cache\.prefix \(flag\)/,
    );
  }
});
