import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { openRedisProbe } from './redis.ts';

/** Answers whatever comes with this. */
async function startServer(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: {
      ...{ host: '127.0.0.1', port: (server.address() as AddressInfo).port, tls: false },
      ...{ user: 'someone', password: 'hunter2', database: 0 },
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const CASES: Readonly<Record<string, (socket: Socket) => void>> = {
  'a page of HTML': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'a refusal': (socket) => socket.write('-NOAUTH Authentication required.\r\n'),
  'a line that is cut': (socket) => socket.destroy(),
  silence: () => {},
};

for (const [name, answer] of Object.entries(CASES)) {
  test(`${name} is refused, without the password`, { timeout: 20_000 }, async () => {
    await using server = await startServer(answer);
    await using probe = await openRedisProbe({ address: server.address, timeoutMs: 200 });
    assert.doesNotMatch(probe.address, /hunter2/);
    await assert.rejects(probe.read(AbortSignal.timeout(10_000)), (error) => {
      const { code, message } = error as { code: string; message: string };
      assert.match(code, /^SERVICE_/);
      assert.doesNotMatch(message, /hunter2|NOAUTH/);
      return true;
    });
  });
}
