/** A key goes through a failing day: it must be in no file, line, metric, page or error. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSimulator } from '../src/collector/simulator/server.ts';
import type { Status } from '../src/model/status.ts';
import { addressOf, assertNowhere, commandLine, filesBelow, formsOf } from './support/canary.ts';
import { runChild, startChild } from './support/child.ts';
import { until } from './support/until.ts';

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
const FORMS = [...formsOf(CANARY), CANARY.replace('+', ' '), 'canary%2Fkey'];

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
    const url = await addressOf(folder);
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
    said.push(...filesBelow(folder));
    assert.ok(said.join('').length > 10_000, 'the day left traces to look through');
    assertNowhere(said, FORMS);
  } finally {
    await simulator.stop().catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  }
});

/** What the collector says; empty before it has asked. */
async function messageOf(url: string): Promise<string> {
  const answer = await (await fetch(`${url}/api/status`)).json();
  const { state, message } = (answer as { data: Status }).data.collector ?? {};
  return state === 'starting' ? '' : (message ?? '');
}
