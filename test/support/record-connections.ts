/**
 * Loaded before a program (`node --import`): writes a line for each connection that its process opens
 * and each port that it listens on to the file that RECORD_CONNECTIONS names.
 */
import { appendFileSync } from 'node:fs';
import { type AddressInfo, Server, Socket } from 'node:net';

const file = process.env.RECORD_CONNECTIONS ?? '';
const { connect } = Socket.prototype;
const { listen } = Server.prototype;

Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
  this.once('connect', () => appendFileSync(file, `to ${this.remotePort}\n`));
  return Reflect.apply(connect, this, args);
};

Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  this.once('listening', () => {
    const address = this.address() as AddressInfo | string | null;
    if (typeof address === 'object') appendFileSync(file, `at ${address?.port}\n`);
  });
  return Reflect.apply(listen, this, args);
};
