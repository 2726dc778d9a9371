/** Sends so many requests a second, pipelined over some connections, whatever becomes of them. */
import { connect, type Socket } from 'node:net';

const [port, perSecond, connections] = process.argv.slice(2).map(Number);
const REQUEST = 'GET /api/cities HTTP/1.1\r\nHost: localhost\r\n\r\n';
const TICK_MS = 10;
/** Bytes that may wait for the server on one connection. */
const WAITING_MAX = 256 * 1024;

let sent = 0;
let answered = 0;
const sockets = new Set<Socket>();

function open(): void {
  const socket = connect(port ?? 0, '127.0.0.1');
  sockets.add(socket);
  socket.on('data', (bytes) => {
    answered += bytes.toString('latin1').split('HTTP/1.1 ').length - 1;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    sockets.delete(socket);
    open();
  });
}

for (let index = 0; index < (connections ?? 1); index += 1) open();
const from = performance.now();
setInterval(() => {
  const due = ((performance.now() - from) / 1_000) * (perSecond ?? 0) - sent;
  const ready = [...sockets].filter(({ writableLength }) => writableLength < WAITING_MAX);
  if (ready.length === 0) return;
  const each = Math.ceil(due / ready.length);
  for (const socket of ready) socket.write(REQUEST.repeat(each));
  sent += each * ready.length;
}, TICK_MS);
process.once('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify({ sent, answered })}\n`, () => process.exit());
});
