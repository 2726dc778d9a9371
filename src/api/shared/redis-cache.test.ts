/** The shared cache on a real Redis, and on what is not one: no trouble of it is a caller's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import {
  findRedis,
  NO_REDIS,
  startRedis,
  type TestRedis,
} from '../../../test/support/redis-server.ts';
import { rejects } from '../../../test/support/rejects.ts';
import { ERRORS } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { silentLogger } from '../../logger.ts';
import { waitFor } from '../testing/api.ts';
import type { SharedCache } from './cache.ts';
import { cacheOver, connectionTo, openConnection } from './testing/connection.ts';
import { describeSharedCache } from './testing/contract.ts';

const program = await findRedis();
const asText = async (bytes: Buffer) => bytes.toString();
const isAny = (_: unknown): _ is unknown => true;
const QUICK = { least: 5, most: 40 };
/** Far above what a look-up waits for, as machines are busy; how late answers are is a bench. */
const LATE_MS = 500;

function collectLines(): { readonly lines: string[]; readonly logger: Logger } {
  const lines: string[] = [];
  const line = (level: string) => (_: unknown, message?: string) =>
    void lines.push(`${level}: ${message ?? String(_)}`);
  return { lines, logger: { ...silentLogger, warn: line('warn'), info: line('info') } };
}

/** The cache answers, however it fares; returns how long that took. */
async function timeFind(cache: SharedCache, key: string) {
  const from = performance.now();
  const found = await cache.find(key, asText);
  return { found, ms: performance.now() - from };
}

/** The machine may be busy with something else for a moment. */
function nearlyAll(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(0.9 * (sorted.length - 1))] ?? 0;
}

if (program !== null) {
  describeSharedCache('Redis', async () => {
    const redis = await startRedis(program);
    return {
      open: async (options) => cacheOver(await connectionTo(redis), options),
      [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
    };
  });
}

describe('a Redis in trouble', { skip: program === null && NO_REDIS }, () => {
  const start = (args: readonly string[] = [], password?: string): Promise<TestRedis> => {
    if (program === null) throw new Error(NO_REDIS);
    return startRedis(program, args, password);
  };

  test('stopped: look-ups end in time, it is left alone, and used again when it goes on', async () => {
    await using redis = await start();
    const { lines, logger } = collectLines();
    await using connection = await connectionTo(redis, { timeoutMs: 10, logger, pauses: QUICK });
    await using cache = cacheOver(connection);
    assert.equal((await cache.find('a', asText)).kind, 'turn');
    redis.signal('SIGSTOP');
    const times: number[] = [];
    await waitFor('it is left alone', async () => {
      const { found, ms } = await timeFind(cache, 'b');
      assert.equal(found.kind, 'unavailable');
      times.push(ms);
      return connection.state === 'away';
    });
    assert.ok(times.length <= 4, `left alone after ${times.length} look-ups`);
    assert.ok(Math.min(...times) < LATE_MS, `took ${times.map(Math.round)} ms`);
    for (let round = 0; round < 100; round += 1) times.push((await timeFind(cache, 'b')).ms);
    assert.ok(nearlyAll(times) < LATE_MS, `took ${times.map(Math.round)} ms`);
    assert.equal(cache.status().error?.code, 'CACHE_UNAVAILABLE');
    const { skipped, failed } = cache.status().lookups;
    assert.ok(failed >= 3 && skipped >= 100, `${failed} failed, ${skipped} skipped`);
    redis.signal('SIGCONT');
    await waitFor('it is used again', async () => (await cache.find('c', asText)).kind === 'turn');
    assert.equal(cache.status().error, null);
    assert.deepEqual(
      lines.map((line) => line.split(':')[0]),
      ['warn', 'info'],
      lines.join('\n'),
    );
  });

  test('full: what it holds is found, nothing is written, and it says so once', async () => {
    await using redis = await start(['--maxmemory-policy', 'noeviction']);
    const { lines, logger } = collectLines();
    await using connection = await connectionTo(redis, { logger });
    await using cache = cacheOver(connection);
    const found = await cache.find('a', asText);
    if (found.kind === 'turn') await cache.put('a', Buffer.from('value'), found.turn);
    await redis.call('CONFIG', 'SET', 'maxmemory', '1');
    assert.deepEqual(await cache.find('a', asText), { kind: 'value', value: 'value' });
    for (const key of ['b', 'c', 'd', 'e']) {
      assert.deepEqual(await cache.find(key, asText), { kind: 'unavailable' });
    }
    assert.equal(connection.state, 'ready');
    assert.equal(cache.status().error?.code, 'CACHE_FULL');
    assert.equal(lines.length, 1, lines.join('\n'));
    await redis.call('CONFIG', 'SET', 'maxmemory', '0');
    const again = await cache.find('b', asText);
    assert.equal(again.kind, 'turn');
    if (again.kind === 'turn') await cache.put('b', Buffer.from('value'), again.turn);
    assert.equal(cache.status().error, null);
  });

  test('down, and back without anything: it is filled again', async () => {
    await using redis = await start();
    await using connection = await connectionTo(redis, { pauses: QUICK });
    await using cache = cacheOver(connection);
    const found = await cache.find('a', asText);
    if (found.kind === 'turn') await cache.put('a', Buffer.from('value'), found.turn);
    await redis.stop();
    await waitFor('it is away', () => connection.state === 'away');
    assert.ok((await timeFind(cache, 'a')).ms < LATE_MS);
    await redis.start();
    await waitFor('it is used again', async () => (await cache.find('a', asText)).kind === 'turn');
  });

  test('with another password: it is named, the password is not', async () => {
    await using redis = await start(['--requirepass', 'right'], 'right');
    const { lines, logger } = collectLines();
    const { port } = redis;
    for (const login of [':wrong-secret', 'stranger:wrong-secret', '']) {
      const url = `redis://${login === '' ? '' : `${login}@`}127.0.0.1:${port}`;
      await using connection = openConnection(url, { logger, pauses: QUICK });
      await using cache = cacheOver(connection);
      await waitFor('the refusal', () => connection.error?.code === 'CACHE_LOGIN_REFUSED');
      assert.equal((await cache.find('a', asText)).kind, 'unavailable');
      assert.doesNotMatch(JSON.stringify([cache.status(), lines]), /wrong-secret/);
    }
    await using right = openConnection(`redis://:right@127.0.0.1:${port}`);
    await waitFor('the login', () => right.state === 'ready');
  });

  test('without the right to a command: it is named', async () => {
    const rules = ['user', 'default', 'on', 'nopass', '~*', '+@all', '-eval'];
    await using redis = await start();
    await redis.call('ACL', 'SETUSER', ...rules.slice(1));
    await using connection = await connectionTo(redis, { pauses: QUICK });
    await rejects(connection.send(['EVAL', 'return 1', '0'], isAny), 'CACHE_LOGIN_REFUSED');
  });

  test('a user with the rights that the remedy names is enough', async () => {
    await using redis = await start();
    const { remedy } = ERRORS.CACHE_LOGIN_REFUSED;
    const commands = [...remedy.matchAll(/\b[A-Z]{3,}\b/g)].map(([name]) => `+${name}`);
    await redis.call('ACL', 'SETUSER', 'isobar', 'on', '>right', '~test:*', ...commands);
    const url = `redis://isobar:right@127.0.0.1:${redis.port}/1`;
    await using connection = await connectionTo({ url });
    await using cache = cacheOver(connection);
    const found = await cache.find('a', asText);
    if (found.kind === 'turn') await cache.put('a', Buffer.from('value'), found.turn);
    assert.deepEqual(await cache.find('a', asText), { kind: 'value', value: 'value' });
    assert.equal(cache.status().error, null);
  });

  test('without the database of that number: it is named, and no other is used', async () => {
    await using redis = await start();
    await using connection = openConnection(`${redis.url}/99`, { pauses: QUICK });
    await waitFor('the refusal', () => connection.error !== null);
    assert.match(connection.error?.message ?? '', /it has no database of that number$/);
    assert.equal(connection.takes(), false);
  });

  test('many commands at once are sent up to the limit, and all of them end', async () => {
    await using redis = await start();
    await using connection = await connectionTo(redis, { timeoutMs: 2_000, pauses: QUICK });
    redis.signal('SIGSTOP');
    const all = Array.from({ length: 1_000 }, () =>
      connection.send(['PING'], isAny).catch(() => null),
    );
    assert.equal(connection.takes(), false);
    redis.signal('SIGCONT');
    const replies = await Promise.all(all);
    assert.equal(replies.filter((reply) => reply !== null).length, 256);
    assert.equal(connection.takes(), true);
  });
});

interface Stranger extends AsyncDisposable {
  readonly url: string;
  readonly sockets: ReadonlySet<Socket>;
  readonly accepted: number;
}

/** A server that speaks something else. */
async function startStranger(speak: (socket: Socket) => void): Promise<Stranger> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server: Server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    speak(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    get accepted() {
      return accepted;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const answerAll = (reply: string) => (socket: Socket) =>
  socket.on('data', () => socket.write(reply));

/** Greets as Redis does, then answers every command like this. */
function afterGreeting(speak: (socket: Socket) => void) {
  return (socket: Socket) => {
    let greeted = false;
    socket.on('data', (data) => {
      const text = data.toString('latin1');
      if (greeted) return speak(socket);
      if (/hello/i.test(text)) socket.write('%1\r\n$5\r\nproto\r\n:3\r\n');
      if (!/ping/i.test(text)) return;
      socket.write('+PONG\r\n');
      greeted = true;
    });
  };
}

const KIB = Buffer.alloc(64 * 1_024, 'x');

function flood(socket: Socket): void {
  const more = () => {
    if (socket.destroyed) return;
    if (socket.write(KIB)) setImmediate(more);
    else socket.once('drain', more);
  };
  more();
}

const STRANGERS: Readonly<Record<string, (socket: Socket) => void>> = {
  'is silent': (socket) => socket.resume(),
  'is silent after the greeting': afterGreeting(() => {}),
  'closes at once': (socket) => socket.end(),
  'closes after the greeting': afterGreeting((socket) => socket.end()),
  'speaks HTTP': answerAll('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'),
  'speaks without being asked': (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
  'says OK to everything': answerAll('+OK\r\n'),
  'answers with a list': afterGreeting((socket) => socket.write('*2\r\n:1\r\n$1\r\na\r\n')),
  'answers garbage': afterGreeting((socket) => socket.write('\u0000\u0001?*$$$-\r\n\r\n')),
  'answers more than was asked for': afterGreeting((socket) => socket.write(':1\r\n'.repeat(9))),
  'announces a huge answer and sends it': afterGreeting((socket) => {
    socket.write('$9999999999\r\n');
    flood(socket);
  }),
  'sends without an end': afterGreeting((socket) => {
    socket.write('+');
    flood(socket);
  }),
};

describe('a Redis that', () => {
  for (const [what, speak] of Object.entries(STRANGERS)) {
    test(`${what} is left alone, and costs no answer time`, { timeout: 30_000 }, async () => {
      await using stranger = await startStranger(speak);
      const { lines, logger } = collectLines();
      const limits = { timeoutMs: 10, connectMs: 200, replyBytesMax: 100_000 };
      await using connection = openConnection(stranger.url, { ...limits, logger, pauses: QUICK });
      await using cache = cacheOver(connection, { bytesMax: 100_000 });
      const times: number[] = [];
      await waitFor('an error', async () => {
        const { found, ms } = await timeFind(cache, 'a');
        assert.notEqual(found.kind, 'value');
        times.push(ms);
        return connection.error !== null;
      });
      assert.ok(nearlyAll(times) < LATE_MS, `took ${times.map(Math.round)} ms`);
      assert.equal(connection.error?.code, 'CACHE_UNAVAILABLE');
      assert.ok(stranger.sockets.size <= 2, `${stranger.sockets.size} sockets`);
      assert.ok(lines.filter((line) => line.startsWith('warn')).length <= stranger.accepted);
    });
  }
});

test('a reply that never ends is given up at its size, long before its time', async () => {
  let sent = 0;
  await using stranger = await startStranger(
    afterGreeting((socket) => {
      socket.write('$9999999999\r\n');
      flood(socket);
      socket.on('close', () => {
        sent = socket.bytesWritten;
      });
    }),
  );
  const limits = { timeoutMs: 60_000, replyBytesMax: 100_000 };
  await using connection = await connectionTo(stranger, limits);
  await rejects(connection.send(['PING'], isAny), 'CACHE_UNAVAILABLE');
  await waitFor('the end of the connection', () => sent > 0);
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
});

test('closing it closes its socket, whatever the other side does', async () => {
  await using stranger = await startStranger(afterGreeting(() => {}));
  const connection = openConnection(stranger.url, { pauses: QUICK });
  await waitFor('the connection', () => connection.state === 'ready');
  const pending = connection.send(['PING'], isAny, 60_000).catch(() => 'ended');
  await connection[Symbol.asyncDispose]();
  assert.equal(await pending, 'ended');
  await waitFor('the socket is closed', () => stranger.sockets.size === 0);
});
