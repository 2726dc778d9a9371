/** A proxy for one port: lets through, cuts or slows what goes through it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections at once, in the middle of whatever they carry. */
  cut(): void;
  /** From now on each piece waits this long on its way. */
  slow(ms: number): void;
}

export async function openProxy(target: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let delay = 0;
  const pass = (from: Socket, to: Socket) => {
    from.on('data', (piece) => {
      setTimeout(() => {
        if (!to.destroyed) to.write(piece);
      }, delay);
    });
    from.on('end', () => setTimeout(() => to.end(), delay));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      setTimeout(() => to.destroy(), delay + 50);
    });
    sockets.add(from);
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    pass(near, far);
    pass(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    slow(ms) {
      delay = ms;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
