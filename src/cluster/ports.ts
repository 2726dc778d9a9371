/**
 * Ports by name: the same ones each time, so that a profile stays right; free ones at first, below
 * those that the system gives to outgoing connections.
 */

import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { IsobarError } from '../errors.ts';

const LOWEST = 20_000;
const COUNT = 12_000;
const TRIES = 1_000;

export interface Ports {
  /** The port of 127.0.0.1 that belongs to the name. */
  of(name: string): Promise<number>;
  /** Remembers what was given. */
  save(): Promise<void>;
}

export async function openPorts(path: string, random: () => number = Math.random): Promise<Ports> {
  const text = await readFile(path, 'utf8').catch(() => '{}');
  const remembered: Record<string, unknown> = JSON.parse(text);
  const given = new Map<string, number>();

  async function choose(name: string): Promise<number> {
    const before = Number(remembered[name]);
    const taken = new Set([...given.values(), ...Object.values(remembered).map(Number)]);
    if (Number.isInteger(before) && (await isFree(before))) return before;
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const port = LOWEST + Math.floor(random() * COUNT);
      if (!taken.has(port) && (await isFree(port))) return port;
    }
    throw new IsobarError('CLUSTER_FAILED', `no free port from ${LOWEST} to ${LOWEST + COUNT - 1}`);
  }

  return {
    async of(name) {
      const port = given.get(name) ?? (await choose(name));
      given.set(name, port);
      return port;
    },
    save: () => writeFile(path, `${JSON.stringify(Object.fromEntries(given), null, 2)}\n`),
  };
}

/** Any port of 127.0.0.1 that is free now, for what has to know it before it listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
