/** What clients may ask in a time: each rule, and what the answers say of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAccess } from '../access/access.ts';
import { openAudit } from '../access/audit.ts';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { observation } from '../table/testing/lake.ts';
import { openMemoryRateLimits } from './shared/memory-rate-limits.ts';
import type { RateLimits } from './shared/rate-limits.ts';
import { openTestApi } from './testing/api.ts';
import { openStream } from './testing/event-stream.ts';

type Limits = Config['api']['limits'];
const NONE: Limits = {
  points_per_s: 0,
  exports_per_minute: 0,
  streams: 0,
  address_requests_per_s: 0,
  address_connections: 0,
};

/** With a clock that stands still unless it is moved. */
async function openPlace(limits: Partial<Limits>, counts?: RateLimits) {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-limits-'));
  const access = openAccess(folder, { idleMs: 3_600_000, longestMs: 36_000_000 });
  const audit = openAudit(folder);
  let now = 0;
  const api = await openTestApi({
    observations: Array.from({ length: 12 }, (_, hour) => observation('oslo', hour * 3_600)),
    change: (context) => ({
      ...context,
      access: { access, audit },
      rateLimits: counts ?? openMemoryRateLimits({ now: () => now }),
      config: { ...context.config, limits: { ...NONE, ...limits } },
    }),
  });
  return {
    api,
    access,
    key: (name: string) => access.addKey(name, 'viewer', null),
    ask: (url: string, key: string | null, remoteAddress = '192.0.2.1') =>
      api.app.inject({
        ...{ url, remoteAddress },
        headers: key === null ? {} : { authorization: `Bearer ${key}` },
      }),
    later(ms: number) {
      now += ms;
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      access[Symbol.dispose]();
      await audit[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test('a client spends points by what it asks, and is told what is left', async () => {
  await using place = await openPlace({ points_per_s: 2 });
  const [one, other] = [await place.key('one'), await place.key('other')];
  const first = await place.ask('/api/cities', one);
  assert.deepEqual(
    [first.headers['ratelimit-policy'], first.headers.ratelimit],
    ['"points";q=20;w=10', '"points";r=15;t=10'],
  );
  const range = '/api/city-statistics?from=2024-11-01T00:00:00Z';
  assert.equal((await place.ask(range, one)).headers.ratelimit, '"points";r=5;t=10');
  assert.equal((await place.ask('/api/incidents', one)).headers.ratelimit, '"points";r=4;t=10');
  place.later(2_500);
  const beyond = await place.ask('/api/cities', one, '198.51.100.9');
  assert.deepEqual(
    [beyond.statusCode, beyond.json().code, beyond.headers['retry-after']],
    [429, 'RATE_LIMITED', '8'],
  );
  assert.equal(beyond.headers.ratelimit, '"points";r=0;t=8');
  assert.equal((await place.ask('/api/cities', other)).statusCode, 200, 'another key');
  place.later(7_500);
  assert.equal((await place.ask('/api/cities', one)).statusCode, 200, 'another window');
});

test('without a login an address is the client, and of IPv6 its network', async () => {
  await using place = await openPlace({ points_per_s: 1 });
  const session = (address: string) => place.ask('/api/session', null, address);
  for (let time = 0; time < 10; time += 1) {
    assert.equal((await session(`2001:db8:1:2::${time}`)).statusCode, 200);
  }
  assert.equal((await session('2001:db8:1:2:9::9')).statusCode, 429);
  assert.equal((await session('2001:db8:1:3::1')).statusCode, 200);
});

test('files have a limit of their own, beside the points', async () => {
  await using place = await openPlace({ points_per_s: 100, exports_per_minute: 2 });
  const key = await place.key('one');
  for (const format of ['csv', 'parquet']) {
    const answer = await place.ask(`/api/cities?format=${format}`, key);
    assert.equal(answer.statusCode, 200);
    assert.match(String(answer.headers.ratelimit), /^"points";r=\d+;t=10, "exports";r=[01];t=60$/);
  }
  const third = await place.ask('/api/cities?format=csv', key);
  assert.deepEqual([third.statusCode, third.headers['retry-after']], [429, '60']);
  assert.match(third.json().detail, /2 exports in 60 s/);
  assert.equal((await place.ask('/api/cities', key)).statusCode, 200);
});

test('streams of a client are counted while they are open', async () => {
  await using place = await openPlace({ streams: 2 });
  const address = await place.api.app.listen({ host: '127.0.0.1', port: 0 });
  const headers = { authorization: `Bearer ${await place.key('one')}` };
  const open = () => openStream(address, '', null, headers);
  const [first, second] = [await open(), await open()];
  const third = await open();
  assert.equal(third.response.statusCode, 429);
  first.close();
  await first.ended;
  const again = async (): Promise<number | undefined> => {
    const stream = await open();
    stream.close();
    return stream.response.statusCode;
  };
  while ((await again()) !== 200) await new Promise(setImmediate);
  second.close();
});

test('a flood from an address is answered once, and then cut off, whatever else it sends', async () => {
  await using place = await openPlace({ address_requests_per_s: 5 });
  await place.api.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = place.api.app.server.address() as AddressInfo;
  const request = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';
  /** What comes back until the connection is closed. */
  const send = async (localAddress: string, text: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let said = '';
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    socket.on('error', () => {});
    socket.write(text);
    await once(socket, 'close');
    return said;
  };
  const close = request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  const flood = await send('127.0.0.1', request.repeat(200));
  assert.ok((flood.match(/HTTP\/1\.1 /g) ?? []).length <= 6, flood);
  assert.equal(await send('127.0.0.1', close), '', 'for a while');
  assert.match(await send('127.0.0.2', close), /^HTTP\/1\.1 200/);
  const answers = [];
  for (let count = 0; count < 8; count += 1) answers.push(await place.ask('/livez', null));
  const refused = answers.filter(({ statusCode }) => statusCode === 429);
  assert.equal(refused.length, 3);
  for (const { headers } of refused) {
    assert.deepEqual([headers.connection, headers['retry-after']], ['close', '10']);
  }
});

test('connections of an address are closed beyond their limit, before they ask anything', async () => {
  await using place = await openPlace({ address_connections: 3 });
  await place.api.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = place.api.app.server.address() as AddressInfo;
  const open = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    return { socket, closed };
  };
  const first = [await open('127.0.0.1'), await open('127.0.0.1'), await open('127.0.0.1')];
  const beyond = await open('127.0.0.1');
  await beyond.closed;
  const other = await open('127.0.0.2');
  other.socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(String(await once(other.socket, 'data')), /^HTTP\/1\.1 200/);
  first[0]?.socket.destroy();
  const answers = async (): Promise<boolean> => {
    const { socket, closed } = await open('127.0.0.1');
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const isAnswered = await Promise.race([
      once(socket, 'data').then(() => true),
      closed.then(() => false),
    ]);
    socket.destroy();
    return isAnswered;
  };
  while (!(await answers())) await new Promise(setImmediate);
  for (const { socket } of [...first, other]) socket.destroy();
});

test('points are counted here while the engine that servers share does not', async () => {
  const broken: RateLimits = {
    count: () => Promise.reject(new IsobarError('CACHE_UNAVAILABLE', 'away')),
    async [Symbol.asyncDispose]() {},
  };
  await using place = await openPlace({ points_per_s: 1 }, broken);
  const key = await place.key('one');
  const codes = [];
  for (let time = 0; time < 3; time += 1)
    codes.push((await place.ask('/api/cities', key)).statusCode);
  assert.deepEqual(codes, [200, 200, 429]);
});

test('a wrong key is refused as one, and spends no points', async () => {
  await using place = await openPlace({ points_per_s: 1, address_requests_per_s: 1_000 });
  const answer = await place.ask('/api/cities', 'isobar_wrong');
  assert.equal(answer.statusCode, 401);
  assert.equal(answer.headers.ratelimit, undefined);
});
