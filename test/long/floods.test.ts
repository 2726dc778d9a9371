/** Hostile clients of each kind, while a polite one is answered. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../../src/config/load.ts';
import { openUsers } from '../../src/pipeline/access.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const FLOOD = join(import.meta.dirname, '..', 'support', 'flood.ts');
const ASKED = 60;
const EVERY_MS = 100;

let folder: string;
let server: ChildProcess;
let port: number;
let key: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-floods-'));
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  using access = openUsers(config);
  key = await access.addKey('polite', 'viewer', null);
  server = spawn(process.execPath, [MAIN, 'start', '--port', '0', '--data', folder], {
    env: { ...process.env, ISOBAR_API_AUTH_MODE: 'local' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  port = await new Promise((resolve) => {
    let said = '';
    server.stderr?.on('data', (chunk) => {
      said += String(chunk);
      const found = /http:\/\/[^ ]*?:(\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
  });
});

after(async () => {
  await stop(server);
  rmSync(folder, { recursive: true, force: true });
});

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** From an address of its own; each request on a connection of its own, so that it needs one. */
async function ask(agent: Agent): Promise<number> {
  const begun = performance.now();
  const options = { port, host: '127.0.0.1', localAddress: '127.0.0.2', agent };
  const headers = { authorization: `Bearer ${key}` };
  const status = await new Promise<number>((resolve, reject) => {
    get({ ...options, headers, path: '/api/cities' }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
  });
  assert.equal(status, 200);
  return performance.now() - begun;
}

for (const kind of ['silent', 'slow', 'headers', 'bodies', 'requests']) {
  test(`a polite client is answered during a flood: ${kind}`, async (t) => {
    const flood = spawn(process.execPath, [FLOOD, kind, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => flood.kill('SIGKILL'));
    const said = text(flood.stdout);
    const agent = new Agent({ keepAlive: false });
    await delay(2_000);
    const times: number[] = [];
    for (let count = 0; count < ASKED; count += 1) {
      times.push(await ask(agent));
      await delay(EVERY_MS);
    }
    await stop(flood);
    times.sort((a, b) => a - b);
    const [median, most] = [times[ASKED / 2] ?? 0, times.at(-1) ?? 0];
    t.diagnostic(`${median.toFixed(0)} ms (median), ${most.toFixed(0)} ms (most); ${await said}`);
    assert.equal(server.exitCode, null, 'the server goes on');
  });
}
