/** A key goes through a failing day: it must be in no file, line, metric, page or error. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startSimulator } from '../src/collector/simulator/server.ts';
import type { Status } from '../src/model/status.ts';
import { runChild, startChild } from './support/child.ts';

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const CANARY = 'canary/key+0123456789';
const ROUTES = [
  '/',
  '/api/status',
  '/api/cities',
  '/api/city-statistics',
  '/api/raw-data',
  '/api/nothing',
  '/api/raw-data?limit=wrong',
  '/metrics',
  '/healthz',
  '/openapi.json',
];
const FAULTS = {
  server_error: 0.2,
  cut: 0.1,
  bad_json: 0.1,
  html: 0.1,
  quota: 0.1,
  missing_fields: 0.1,
};
/** What goes wrong one after the other, and what the collector then says of it. */
const DAY = [
  ['faults', /./],
  ['connection refused', /ECONNREFUSED/],
  ['key refused', /key/],
] as const;
/** The key as it is, and as an address would carry it. */
const FORMS = [CANARY, encodeURIComponent(CANARY), CANARY.replace('+', ' '), 'canary%2Fkey'];

test('the key is nowhere to be found after a failing day', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-canary-'));
  const simulated = { seed: 7, intervalSeconds: 60, key: CANARY };
  let simulator = await startSimulator({ ...simulated, faults: FAULTS });
  const env = {
    ISOBAR_OPENWEATHER_KEY: CANARY,
    ISOBAR_OPENWEATHER_URL: simulator.url,
    ISOBAR_LOG_LEVEL: 'debug',
    ISOBAR_DATA: folder,
  };
  try {
    const said = [
      await runChild(commandLine('config'), { env }),
      await runChild(commandLine('config', '--json'), { env }),
      await runChild(commandLine('doctor', '--online'), { env }),
    ].map(({ output, errors }) => output + errors);
    const child = startChild(commandLine('start', '--port', '0'), { env });
    const url = await addressOf(join(folder, 'server.json'));
    for (const [phase, message] of DAY) {
      if (phase === 'connection refused') await simulator.stop();
      if (phase === 'key refused') {
        const { port } = simulator;
        simulator = await startSimulator({ ...simulated, port, faults: { key_refused: 1 } });
      }
      await fetch(`${url}/api/refresh`, { method: 'POST' });
      await until(`${phase}: ${message}`, async () => message.test(await messageOf(url)));
      for (const route of ROUTES) said.push(await (await fetch(url + route)).text());
    }
    said.push((await runChild(commandLine('status'), { env })).output);
    child.process.kill('SIGTERM');
    const { output, errors } = await child.ended;
    said.push(output, errors);
    for (const path of filesBelow(folder)) said.push(readFileSync(path, 'latin1'));
    assert.ok(said.join('').length > 10_000, 'the day left traces to look through');
    for (const form of FORMS) {
      const found = said.filter((text) => text.includes(form)).map((text) => text.slice(0, 200));
      assert.deepEqual(found, [], form);
    }
  } finally {
    await simulator.stop().catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The program with these arguments, as the source of a child. */
function commandLine(...args: readonly string[]): string {
  const argv = JSON.stringify(['node', MAIN, ...args]);
  return `process.argv = ${argv}; await import(${JSON.stringify(pathToFileURL(MAIN).href)});`;
}

async function addressOf(note: string): Promise<string> {
  await until(
    'it is up',
    async () => existsSync(note) && readFileSync(note, 'utf8').endsWith('\n'),
  );
  return `http://127.0.0.1:${JSON.parse(readFileSync(note, 'utf8')).port}`;
}

/** What the collector says; empty before it has asked. */
async function messageOf(url: string): Promise<string> {
  const answer = await (await fetch(`${url}/api/status`)).json();
  const { state, message } = (answer as { data: Status }).data.collector ?? {};
  return state === 'starting' ? '' : (message ?? '');
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, what);
    await delay(50);
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
