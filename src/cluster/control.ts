/**
 * The control of a running cluster: HTTP over a Unix socket that only this user can reach. One
 * process holds the cluster; others look at its services, start, stop and disturb them through it.
 * `cluster.json` in the cluster's folder holds the path of the socket.
 */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asIsobarError, ERRORS, type ErrorCode, IsobarError } from '../errors.ts';
import type { Cluster } from './cluster.ts';
import type { Addresses } from './plan.ts';
import type { ServiceStatus } from './service.ts';

/** What `cluster.json` says. */
export interface ClusterNote {
  readonly pid: number;
  readonly control: string;
  readonly folder: string;
  readonly ha: boolean;
  readonly addresses: Addresses;
}

export interface ClusterControl {
  readonly note: ClusterNote;
  status(): Promise<ServiceStatus[]>;
  /** Resolves when it is ready. */
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  signal(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Asks the whole cluster to stop; resolves when all services have ended. */
  down(): Promise<void>;
}

const NOTE = 'cluster.json';
const ANSWER_MS = 240_000;

/** Listens until disposed of; `down` is called on request, and awaited. */
export async function openControl(
  cluster: Cluster,
  ha: boolean,
  down: () => Promise<void>,
): Promise<AsyncDisposable> {
  // A socket's path is short: the cluster's folder may lie too deep.
  const place = await mkdtemp(join(tmpdir(), 'isobar-cluster-'));
  const control = join(place, 'control');
  const server = createServer((incoming, outgoing) => {
    answer(cluster, down, incoming)
      .then((body) => send(outgoing, 200, body))
      .catch((error) => {
        const { code, message } = asIsobarError(error);
        send(outgoing, ERRORS[code].status, { code, message });
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(control, resolve);
  });
  const { folder, addresses } = cluster;
  const note: ClusterNote = { pid: process.pid, control, folder, ha, addresses };
  const path = join(folder, NOTE);
  await writeFile(`${path}.draft`, `${JSON.stringify(note, null, 2)}\n`);
  await rename(`${path}.draft`, path);
  return {
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(place, { recursive: true, force: true });
    },
  };
}

/** The control of the cluster of this folder; rejects with CLUSTER_ABSENT when none runs. */
export async function connectControl(folder: string): Promise<ClusterControl> {
  const absent = (cause: unknown) => new IsobarError('CLUSTER_ABSENT', folder, { cause });
  const note: ClusterNote = await readFile(join(folder, NOTE), 'utf8').then(JSON.parse, (error) => {
    throw absent(error);
  });
  const call = async <T>(method: string, path: string): Promise<T> => {
    const reply = await ask(note.control, method, path).catch((error) => {
      const { code } = error as NodeJS.ErrnoException;
      throw code === 'ENOENT' || code === 'ECONNREFUSED' ? absent(error) : error;
    });
    return reply as T;
  };
  return {
    note,
    status: () => call('GET', '/services'),
    start: (name) => call('POST', `/services/${name}/start`),
    stop: (name) => call('POST', `/services/${name}/stop`),
    signal: (name, signal) => call('POST', `/services/${name}/${signal}`),
    down: () => call('POST', '/down'),
  };
}

async function answer(
  cluster: Cluster,
  down: () => Promise<void>,
  { method, url = '' }: IncomingMessage,
): Promise<unknown> {
  const [, room = '', name = '', verb = ''] = url.split('/');
  if (method === 'GET' && room === 'services') return cluster.status();
  if (method === 'POST' && room === 'down') await down();
  else if (method === 'POST' && room === 'services' && verb === 'start') await cluster.start(name);
  else if (method === 'POST' && room === 'services' && verb === 'stop') await cluster.stop(name);
  else if (method === 'POST' && room === 'services' && /^SIG[A-Z]+$/.test(verb)) {
    cluster.signal(name, verb as NodeJS.Signals);
  } else throw new IsobarError('NOT_FOUND', url);
  return {};
}

function send(outgoing: ServerResponse, status: number, body: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  outgoing.end(JSON.stringify(body));
}

function ask(socketPath: string, method: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, timeout: ANSWER_MS }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      incoming.on('error', reject).on('end', () => {
        const body = JSON.parse(text || '{}');
        if (incoming.statusCode === 200) resolve(body);
        else reject(new IsobarError(body.code as ErrorCode, String(body.message)));
      });
    });
    outgoing.on('error', reject).on('timeout', () => {
      outgoing.destroy(new IsobarError('CLUSTER_FAILED', `no answer to ${path}`));
    });
    outgoing.end();
  });
}
