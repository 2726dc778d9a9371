/** A polite client beside one that sends 10,000 requests a second without a login. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.ts';
import { openUsers } from '../src/pipeline/access.ts';
import { quantile } from './figures.ts';
import type { Measured } from './main.ts';

const RUDE_PER_SECOND = 10_000;
const RUDE_CONNECTIONS = 50;
const POLITE_PER_SECOND = 20;
const SECONDS = 20;
const BAR_MS = 50;
const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const UNLIMITED = {
  ISOBAR_API_LIMITS_POINTS_PER_S: '0',
  ISOBAR_API_LIMITS_ADDRESS_REQUESTS_PER_S: '0',
};

export async function benchRude(): Promise<Measured[]> {
  const alone = await measure({}, false);
  const limited = await measure({}, true);
  const without = await measure(UNLIMITED, true);
  const of = (times: readonly number[]) =>
    `p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)} ms`;
  return [
    {
      name: `a polite client beside ${RUDE_PER_SECOND.toLocaleString('en')} requests/s of a rude one`,
      figure: of(limited),
      bar: `p99 < ${BAR_MS} ms`,
      compared: `alone: ${of(alone)}; without rate limits: ${of(without)}; both clients on the server’s cores`,
      reached: quantile(limited, 0.99) < BAR_MS,
    },
  ];
}

/** Milliseconds from each request of the polite client to the end of its answer. */
async function measure(
  env: Readonly<Record<string, string>>,
  isBeset: boolean,
): Promise<readonly number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  using access = openUsers(config);
  const key = await access.addKey('polite', 'viewer', null);
  const server = spawn(process.execPath, [MAIN, 'start', '--port', '0', '--data', folder], {
    env: { ...process.env, ...env, ISOBAR_API_AUTH_MODE: 'local' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  stack.defer(() => stop(server));
  const port = await portOf(server.stderr);
  await delay(5_000);
  const rude = isBeset
    ? spawn(
        process.execPath,
        [
          join(import.meta.dirname, 'rude-client.ts'),
          String(port),
          String(RUDE_PER_SECOND),
          String(RUDE_CONNECTIONS),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      )
    : null;
  if (rude !== null) await delay(2_000);
  const times = await askPolitely(port, key);
  if (rude !== null) {
    const said = text(rude.stdout);
    await stop(rude);
    process.stderr.write(`  ${isBeset ? await said : ''}`);
  }
  return times;
}

async function stop(child: ReturnType<typeof spawn>): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

function portOf(output: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve) => {
    let said = '';
    output.on('data', (chunk) => {
      said += String(chunk);
      const port = /http:\/\/[^ ]*?:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

/** From an address of its own, at a steady pace whether or not the ones before were answered. */
async function askPolitely(port: number, key: string): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const options = {
    port,
    host: '127.0.0.1',
    localAddress: '127.0.0.2',
    agent,
    path: '/api/cities',
  };
  const headers = { authorization: `Bearer ${key}` };
  const times: number[] = [];
  const failures: unknown[] = [];
  for (let sent = 0; sent < POLITE_PER_SECOND * SECONDS; sent += 1) {
    const at = performance.now();
    get({ ...options, headers }, (response) => {
      if (response.statusCode !== 200) failures.push(response.statusCode);
      response.resume();
      response.once('end', () => times.push(performance.now() - at));
    }).once('error', (error) => failures.push(error));
    await delay(1_000 / POLITE_PER_SECOND);
  }
  for (let wait = 0; times.length < POLITE_PER_SECOND * SECONDS && wait < 300; wait += 1)
    await delay(100);
  agent.destroy();
  if (failures.length > 0)
    throw new Error(`${failures.length} polite requests failed: ${failures[0]}`);
  return times;
}
