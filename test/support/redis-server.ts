/** A real Redis for a test or a bench: at a free port, without a file, gone with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { Redis } from 'ioredis';
import type { DebianProgram } from '../../src/cluster/debian.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { findProgram } from './debian-program.ts';
import { openLeash } from './leash.ts';

export interface TestRedis extends AsyncDisposable {
  readonly port: number;
  /** `redis://127.0.0.1:…` */
  readonly url: string;
  signal(name: NodeJS.Signals): void;
  /** Kills it; what it held is gone. */
  stop(): Promise<void>;
  /** At the same port. */
  start(): Promise<void>;
  /** The reply to a command, over a connection of its own. */
  call(name: string, ...rest: (string | Buffer)[]): Promise<unknown>;
}

export const findRedis = () => findProgram('redis-server', 'redis-server');

export const NO_REDIS = 'no redis-server here, and no tools of Debian to unpack one with';

/** `args` are further ones of the program; with `--requirepass` calls need `password`. */
export async function startRedis(
  program: DebianProgram,
  args: readonly string[] = [],
  password?: string,
): Promise<TestRedis> {
  const leash = openLeash();
  const port = await freePort();
  let child: ChildProcess | null = null;

  const client = (retry: boolean) =>
    new Redis({
      host: '127.0.0.1',
      port,
      ...(password === undefined ? {} : { password }),
      retryStrategy: retry ? () => 20 : () => null,
    }).on('error', () => {});

  const redis: TestRedis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: (name) => void child?.kill(name),
    async stop() {
      if (child === null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      if (child.pid !== undefined) leash.letGo(child.pid);
      child = null;
    },
    async start() {
      const common = ['--port', String(port), '--bind', '127.0.0.1', '--save', ''];
      const env = { ...process.env, ...program.env };
      const options = { cwd: tmpdir(), env, stdio: 'ignore' } as const;
      child = spawn(program.path, [...common, ...args], options);
      if (child.pid !== undefined) leash.hold(child.pid);
      const waiting = client(true);
      try {
        await waiting.ping();
      } finally {
        waiting.disconnect();
      }
    },
    async call(name, ...rest) {
      const calling = client(false);
      try {
        return await calling.callBuffer(name, ...rest);
      } finally {
        calling.disconnect();
      }
    },
    async [Symbol.asyncDispose]() {
      child?.kill('SIGCONT');
      await redis.stop();
      leash[Symbol.dispose]();
    },
  };
  await redis.start();
  return redis;
}
