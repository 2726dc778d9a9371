import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { openTestApi, type TestApi } from './test-api.ts';

describe('who may ask, and how', () => {
  let api: TestApi;
  const done: string[] = [];
  before(async () => {
    const note = (what: string) => async () => void done.push(what);
    api = await openTestApi({
      change: (context) => ({
        ...context,
        controls: { pause: note('pause'), resume: note('resume'), refreshNow: note('refresh') },
      }),
    });
  });
  after(() => api[Symbol.asyncDispose]());

  test('every answer carries a strict policy', async () => {
    for (const url of ['/', '/docs', '/api/cities', '/nothing', '/api/cities?x=1', '/%zz']) {
      const { headers } = await api.app.inject(url);
      const policy = String(headers['content-security-policy']);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, url);
      assert.doesNotMatch(policy, /unsafe|https?:/, url);
      assert.equal(headers['x-content-type-options'], 'nosniff', url);
      assert.equal(headers['referrer-policy'], 'no-referrer', url);
      assert.equal(headers['access-control-allow-origin'], undefined, url);
    }
  });

  test('on a loopback address only its own names are answered', async () => {
    for (const [host, status] of [
      ['localhost:5000', 200],
      ['127.0.0.1:5000', 200],
      ['[::1]:5000', 200],
      ['isobar.localhost', 200],
      ['evil.example:5000', 403],
      ['127.0.0.1.evil.example', 403],
      ['localhost.evil.example', 403],
      ['evillocalhost', 403],
      ['192.168.0.7', 403],
    ] as const) {
      const answer = await api.app.inject({ url: '/api/cities', headers: { host } });
      assert.equal(answer.statusCode, status, host);
      if (status === 403) assert.equal(answer.json().code, 'REQUEST_REFUSED');
    }
  });

  test('only our own page and programs may change something', async () => {
    const host = 'localhost:5000';
    for (const [headers, status] of [
      [{}, 200],
      [{ 'sec-fetch-site': 'same-origin', origin: `http://${host}` }, 200],
      [{ origin: `http://${host}` }, 200],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ 'sec-fetch-site': 'none' }, 403],
      [{ origin: 'http://evil.example' }, 403],
      [{ origin: 'http://localhost:5001' }, 403],
      [{ origin: 'null' }, 403],
    ] as const) {
      done.length = 0;
      const answer = await api.app.inject({
        method: 'POST',
        url: '/api/pause',
        headers: { host, ...headers },
      });
      assert.equal(answer.statusCode, status, JSON.stringify(headers));
      assert.deepEqual(done, status === 200 ? ['pause'] : []);
    }
    for (const what of ['resume', 'refresh']) {
      const answer = await api.app.inject({ method: 'POST', url: `/api/${what}` });
      assert.deepEqual(answer.json(), { done: what });
      assert.equal(done.at(-1), what);
    }
  });

  test('a method that an address does not take is 405 with those it takes', async () => {
    for (const [method, url, allow] of [
      ['POST', '/api/cities', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/api/raw-data?limit=3', 'GET, HEAD, OPTIONS'],
      ['GET', '/api/pause', 'POST, OPTIONS'],
      ['HEAD', '/api/events', 'GET, OPTIONS'],
      ['PUT', '/', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const answer = await api.app.inject({ method, url });
      assert.deepEqual([answer.statusCode, answer.headers.allow], [405, allow], `${method} ${url}`);
    }
    const options = await api.app.inject({ method: 'OPTIONS', url: '/api/cities' });
    assert.deepEqual([options.statusCode, options.headers.allow], [204, 'GET, HEAD, OPTIONS']);
    assert.equal((await api.app.inject({ method: 'OPTIONS', url: '/x' })).statusCode, 404);
    assert.equal((await api.app.inject({ method: 'POST', url: '/x' })).statusCode, 404);
  });

  test('what is too large or no HTTP is refused', async () => {
    const long = await api.app.inject(`/api/cities?city=${'x'.repeat(9_000)}`);
    assert.deepEqual([long.statusCode, long.json().code], [413, 'REQUEST_TOO_LARGE']);
    const body = { method: 'POST', url: '/api/refresh', payload: 'x'.repeat(17 * 1_024) } as const;
    assert.equal((await api.app.inject(body)).json().code, 'REQUEST_TOO_LARGE');

    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const port = Number(new URL(address).port);
    assert.match(await exchange(port, 'NONSENSE\r\n\r\n'), /^HTTP\/1.1 400 .*REQUEST_INVALID/s);
    const head = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(30_000)}\r\n\r\n`;
    assert.match(await exchange(port, head), /^HTTP\/1.1 431 .*REQUEST_TOO_LARGE/s);
  });
});

test('bound to all addresses, any name is answered', async () => {
  await using api = await openTestApi({
    change: (context) => ({ ...context, config: { ...context.config, host: '0.0.0.0' } }),
  });
  const answer = await api.app.inject({ url: '/livez', headers: { host: 'weather.example' } });
  assert.equal(answer.statusCode, 200);
});

test('an error that nobody expected tells nothing to the caller', async () => {
  await using api = await openTestApi({
    change: (context) => ({ ...context, status: () => Promise.reject(new Error('secret')) }),
  });
  const answer = await api.app.inject('/api/status');
  assert.deepEqual([answer.statusCode, answer.json().code], [500, 'INTERNAL']);
  assert.doesNotMatch(answer.body, /secret/);
  assert.equal((await api.app.inject('/metrics')).statusCode, 200);
  assert.equal((await api.app.inject('/healthz')).statusCode, 503);
  assert.equal((await api.app.inject('/api/pause')).statusCode, 405);
  const pause = await api.app.inject({ method: 'POST', url: '/api/pause' });
  assert.deepEqual([pause.statusCode, pause.json().code], [404, 'NOT_FOUND']);
});

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

test('closing waits for nobody who never asked, and not long for one who asks half', async () => {
  await using api = await openTestApi();
  const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
  const open = async (text: string) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1').on('error', () => {});
    socket.write(text);
    await once(socket, 'connect');
    socket.resume();
    return { closed: once(socket, 'close') };
  };
  const silent = await open('');
  const half = await open('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
  // One after it was answered: both others are with the server by then.
  assert.equal((await fetch(`${address}/livez`)).status, 200);
  await api.app.close();
  await Promise.all([silent.closed, half.closed]);
});
