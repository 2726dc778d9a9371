/**
 * A hostile client: `node flood.ts KIND PORT` goes on until SIGTERM.
 *
 *     silent    keeps 10,000 connections that never send anything, as far as it gets them
 *     slow      sends a byte of its headers at a time, on 300 connections
 *     headers   sends headers without an end
 *     bodies    announces large bodies for the login, and sends them slowly
 *     requests  sends 10,000 requests a second, with wrong keys and cookies
 */
import { connect, type Socket } from 'node:net';

const [kind = '', port = '0'] = process.argv.slice(2);
const TICK_MS = 50;

interface Attack {
  readonly connections: number;
  /** New connections in a tick at most. */
  readonly opened: number;
  tick?(socket: Socket, age: number): void;
}

const LINE = 'GET /api/cities HTTP/1.1\r\nHost: localhost\r\n';
const LOGIN = 'POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const ATTACKS: Readonly<Record<string, Attack>> = {
  silent: { connections: 10_000, opened: 500 },
  slow: {
    ...{ connections: 300, opened: 50 },
    tick: (socket, age) => socket.write(LINE[age] ?? `X-${age}: a\r\n`),
  },
  headers: {
    ...{ connections: 50, opened: 20 },
    tick: (socket, age) => socket.write(age === 0 ? LINE : `X-${age}: ${'a'.repeat(4_096)}\r\n`),
  },
  bodies: {
    ...{ connections: 200, opened: 50 },
    tick: (socket, age) =>
      socket.write(age === 0 ? `${LOGIN}Content-Length: 16000\r\n\r\n` : 'a'.repeat(10)),
  },
  requests: {
    ...{ connections: 50, opened: 20 },
    tick(socket, age) {
      const cookie = `Cookie: __Host-isobar=${String(age).padEnd(43, 'x')}\r\n`;
      const key = 'Authorization: Bearer isobar_nonsense\r\n';
      for (let count = 0; count < 10; count += 1) {
        socket.write(`${LINE}${count % 2 === 0 ? cookie : key}\r\n`);
      }
    },
  },
};

const attack = ATTACKS[kind];
if (attack === undefined) throw new Error(`no attack ${kind}`);
const sockets = new Map<Socket, number>();
let opened = 0;
let refused = 0;

function open(): void {
  const socket = connect(Number(port), '127.0.0.1');
  opened += 1;
  sockets.set(socket, 0);
  socket.resume();
  socket.on('error', () => {});
  socket.on('close', () => {
    refused += 1;
    sockets.delete(socket);
  });
}

setInterval(() => {
  const missing = Math.min(attack.opened, attack.connections - sockets.size);
  for (let count = 0; count < missing; count += 1) open();
  for (const [socket, age] of sockets) {
    if (socket.connecting || socket.writableLength > 65_536) continue;
    sockets.set(socket, age + 1);
    attack.tick?.(socket, age);
  }
}, TICK_MS);
process.once('SIGTERM', () => {
  process.stdout.write(JSON.stringify({ opened, refused }), () => process.exit());
});
