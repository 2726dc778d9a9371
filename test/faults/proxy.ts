/** A proxy for one port: lets through, cuts or slows what goes through it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections at once, in the middle of whatever they carry; says how many. */
  cut(): number;
  /** From now on each piece waits this long on its way. */
  slow(ms: number): void;
}

/** Listens on `port`, or on any free one. */
export async function openProxy(target: number, port = 0): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  let delay = 0;
  const pass = (from: Socket, to: Socket) => {
    // What came later must not overtake when the delay becomes shorter.
    let last = Promise.resolve();
    const after = (then: () => void) => {
      const due = performance.now() + delay;
      last = last.then(async () => {
        const left = due - performance.now();
        if (left > 0) await sleep(left, undefined, { ref: false });
        then();
      });
    };
    from.on('data', (piece) => {
      after(() => {
        if (!to.destroyed) to.write(piece);
      });
    });
    from.on('end', () => after(() => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      after(() => setTimeout(() => to.destroy(), 50).unref());
    });
    sockets.add(from);
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    pass(near, far);
    pass(far, near);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      const count = sockets.size;
      for (const socket of sockets) socket.resetAndDestroy();
      return count / 2;
    },
    slow(ms) {
      delay = ms;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
