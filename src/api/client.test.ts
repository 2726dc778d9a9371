import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { openTestApi, type TestApi } from './testing/api.ts';
import { openLogRecorder } from './tls/testing/secure-api.ts';

const HOST = 'weather.example.org';
const logger = openLogRecorder();
let api: TestApi;
let port = 0;
before(async () => {
  api = await openTestApi({
    change: (context) => ({
      ...context,
      logger,
      controls: { pause: async () => {}, resume: async () => {}, refreshNow: async () => {} },
      config: { ...context.config, allowed_hosts: HOST, trusted_proxies: '127.0.0.1, 10.0.0.0/8' },
    }),
  });
  port = Number(new URL(await api.app.listen({ host: '127.0.0.1', port: 0 })).port);
});
after(() => api[Symbol.asyncDispose]());

/** One request from that address of this machine; resolves with its status and the logged client. */
async function ask(
  localAddress: string,
  headers: Readonly<Record<string, string>>,
  { path = '/livez', method = 'GET' } = {},
): Promise<readonly [number | undefined, string]> {
  const asked = request({
    host: '127.0.0.1',
    port,
    localAddress,
    path,
    method,
    agent: false,
    headers,
  });
  asked.end();
  const [answer] = await once(asked, 'response');
  answer.resume();
  await once(answer, 'end');
  const details = JSON.parse(logger.lines.at(-1)?.replace(/^[^{]*/, '') ?? '{}');
  return [answer.statusCode, details.client];
}

test('a trusted proxy says who the visitor is, another client does not', async () => {
  for (const [from, forwarded, client] of [
    ['127.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['127.0.0.1', '2001:db8::1', '2001:db8::1'],
    // What the visitor claimed stands before what the proxy saw.
    ['127.0.0.1', '192.0.2.66, 203.0.113.7', '203.0.113.7'],
    ['127.0.0.1', '203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['127.0.0.1', 'unknown', '127.0.0.1'],
    ['127.0.0.1', "'; DROP", '127.0.0.1'],
    ['127.0.0.2', '203.0.113.7', '127.0.0.2'],
    ['127.0.0.2', '127.0.0.1', '127.0.0.2'],
  ] as const) {
    const [status, found] = await ask(from, { 'x-forwarded-for': forwarded });
    assert.deepEqual([status, found], [200, client], `${from} ${forwarded}`);
  }
});

test('so it does for the host, but the own host is looked at as well', async () => {
  for (const [from, host, forwarded, status] of [
    ['127.0.0.1', '127.0.0.1:5000', HOST, 200],
    ['127.0.0.1', '127.0.0.1:5000', 'evil.example', 403],
    ['127.0.0.1', '127.0.0.1:5000', `evil.example, ${HOST}`, 200],
    // A page whose name was made to point here can send this.
    ['127.0.0.1', 'evil.example', HOST, 403],
    ['127.0.0.2', '127.0.0.1:5000', 'evil.example', 200],
    ['127.0.0.2', 'evil.example', HOST, 403],
  ] as const) {
    const [found] = await ask(from, { host, 'x-forwarded-host': forwarded });
    assert.equal(found, status, `${from} ${host} ${forwarded}`);
  }
});

test('a page below the forwarded host may change something, others may not', async () => {
  const pause = { path: '/api/pause', method: 'POST' };
  const via = (from: string, origin: string, forwarded: string) =>
    ask(from, { host: 'localhost:5000', origin, 'x-forwarded-host': forwarded }, pause);
  const port = 'localhost:8443';
  assert.equal((await via('127.0.0.1', `https://${port}`, port))[0], 200);
  assert.equal((await via('127.0.0.2', `https://${port}`, port))[0], 403);
  assert.equal((await via('127.0.0.1', 'https://evil.example', 'localhost'))[0], 403);
});

test('plain HTTP never asks to come by HTTPS, whatever a proxy says', async () => {
  const headers = { host: HOST, 'x-forwarded-proto': 'https' };
  const answer = await api.app.inject({ url: '/livez', headers });
  assert.equal(answer.headers['strict-transport-security'], undefined);
});
