/** Closing the HTTP server: what is being answered may end, what is not is closed at once. */
import type { IncomingMessage } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Node closes a connection that waits for its next request, but not one that never sent any: to
 * Node it is in the middle of its first. Browsers open such connections ahead of need, and one of
 * them would keep the server, and so the process, from ever ending.
 */
export function closeWithin(app: FastifyInstance, ms: number): void {
  // By where they come from: with TLS a request has another socket than its connection.
  const all = new Map<string, Socket>();
  const unused = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  app.server.on('connection', (socket: Socket) => {
    const place = placeOf(socket);
    all.set(place, socket);
    unused.add(place);
    socket.once('close', () => {
      if (all.get(place) === socket) all.delete(place);
      unused.delete(place);
    });
  });
  app.server.on('request', ({ httpVersionMajor, socket }: IncomingMessage) => {
    if (httpVersionMajor < 2) unused.delete(placeOf(socket));
  });
  // Node closes these by itself once nothing is under way on them.
  app.server.on('session', ({ socket }: ServerHttp2Session) => unused.delete(placeOf(socket)));
  app.addHook('preClose', async () => {
    for (const place of unused) all.get(place)?.destroy();
    timer = setTimeout(() => {
      for (const socket of all.values()) socket.destroy();
    }, ms);
  });
  app.addHook('onClose', async () => clearTimeout(timer));
}

function placeOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>) {
  return `${remoteAddress} ${remotePort}`;
}
