import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { corsOriginsProblem, parseCorsOrigins } from '../config/cors-origins.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const ALLOWED = 'https://www.example.org';

describe('pages of other sites', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi({
      change: (context) => ({
        ...context,
        config: { ...context.config, cors_origins: `${ALLOWED}, http://localhost:3000/` },
      }),
    });
  });
  after(() => api[Symbol.asyncDispose]());

  const ask = (origin: string, method: 'GET' | 'OPTIONS' | 'POST' = 'GET', url = '/api/cities') =>
    api.app.inject({ method, url, headers: { origin, host: 'localhost:5000' } });

  test('may read where they are allowed to, without a session', async () => {
    for (const origin of [ALLOWED, 'http://localhost:3000']) {
      const { headers, statusCode } = await ask(origin);
      assert.deepEqual([statusCode, headers['access-control-allow-origin']], [200, origin]);
      assert.equal(headers['access-control-allow-credentials'], undefined);
      assert.match(String(headers['access-control-expose-headers']), /etag.*x-isobar-meta/);
      assert.equal(headers.vary, 'origin, accept-encoding');
    }
    const before = await ask(ALLOWED, 'OPTIONS');
    assert.equal(before.statusCode, 204);
    assert.equal(before.headers['access-control-allow-methods'], 'GET, HEAD');
    assert.match(String(before.headers['access-control-allow-headers']), /authorization/);
  });

  test('get no such header elsewhere, and change nothing anywhere', async () => {
    for (const origin of [
      'https://www.example.org.evil.example',
      'http://www.example.org',
      'https://www.example.org:8443',
      'https://example.org',
      'null',
      '*',
    ]) {
      for (const method of ['GET', 'OPTIONS'] as const) {
        const { headers } = await ask(origin, method);
        assert.equal(headers['access-control-allow-origin'], undefined, origin);
        assert.equal(headers.vary?.toString().startsWith('origin'), true, 'caches know why');
      }
    }
    const changed = await ask(ALLOWED, 'POST', '/api/silence?for=1h');
    assert.equal(changed.statusCode, 403);
  });
});

test('origins are refused by the setting unless browsers send them so', () => {
  for (const text of ['*', 'example.org', 'https://a/b', 'ftp://a', 'https://u@a', 'https://']) {
    assert.match(corsOriginsProblem(text) ?? '', /expected origins/, text);
    assert.equal(parseCorsOrigins(text).size, 0);
  }
  assert.equal(corsOriginsProblem(' https://A.example:443 ,http://b:80/'), null);
  assert.deepEqual(
    [...parseCorsOrigins('https://A.example:443,http://b:8080/')],
    ['https://a.example', 'http://b:8080'],
  );
});
