/** Another program changes rows while isobar serves: it says so at once, reads on, and recovers. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildProgram } from '../src/cli/program.ts';
import { openTestEnvironment } from '../src/cli/testing/environment.ts';
import { loadConfig } from '../src/config/load.ts';
import { formatVersion, tableFolder } from '../src/lake/layout.ts';
import { silentLogger } from '../src/logger.ts';
import { formatRecord } from '../src/model/observation.ts';
import { ROLES, startPipeline } from '../src/pipeline/pipeline.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';

const folder = mkdtempSync(join(tmpdir(), 'isobar-foreign-'));
const flags = { data: folder, 'collector.source': 'none', 'api.port': '0' };
const { config } = loadConfig({ file: null, env: {}, flags });

async function fill(): Promise<void> {
  await using workspace = await openWorkspace(config, false);
  const log = await workspace.log();
  const sink = await workspace.sink();
  for (const hour of ['20', '21']) {
    const at = `2024-10-31T${hour}:00:00Z`;
    const value = formatRecord({
      city_id: 'a',
      city: 'A',
      country: 'DE',
      observed_at: at,
      collected_at: at,
      source: 'openweathermap',
      interval_s: 3_600,
      utc_offset_s: 0,
      provider_city_id: null,
      temperature_c: 1,
      response: '{}',
    });
    await log.append([{ key: 'a', value }]);
    for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
  }
}

/** Removes the file that the first commit added, as another program's DELETE would. */
function deleteRows(): number {
  const log = join(folder, 'lake', tableFolder('observations'), '_delta_log');
  const lines = readFileSync(join(log, `${formatVersion(0)}.json`), 'utf8').split('\n');
  const { add } = JSON.parse(lines.find((line) => line.includes('"add"')) ?? '');
  const { path, partitionValues, size } = add;
  const remove = { path, partitionValues, size, dataChange: true, deletionTimestamp: Date.now() };
  const info = { timestamp: Date.now(), operation: 'DELETE', engineInfo: 'other:1.0' };
  writeFileSync(
    join(log, `${formatVersion(2)}.json`),
    `${JSON.stringify({ commitInfo: info })}\n${JSON.stringify({ remove })}\n`,
  );
  return 2;
}

async function run(...argv: readonly string[]): Promise<{ text: string; error: unknown }> {
  const { environment, printed } = openTestEnvironment();
  const args = [...argv, '--data', folder, '--log-level', 'silent'];
  const error = await buildProgram(environment)
    .parseAsync(args, { from: 'user' })
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  return { text: printed.stdout + printed.stderr, error };
}

test('a foreign change shows in health, status and doctor until it is decided', async () => {
  try {
    await fill();
    const options = { config, roles: ROLES, logger: silentLogger, version: '0', command: 'test' };
    {
      await using pipeline = await startPipeline({ ...options, webFolder: null });
      const get = async (path: string) => (await fetch(`${pipeline.url}${path}`)).text();
      assert.equal(JSON.parse(await get('/healthz')).status, 'ok');
      deleteRows();
      const health = await untilDegraded(() => get('/healthz'));
      assert.match(health, /TABLE_FOREIGN.*commit 2 \(DELETE by other:1\.0\) changed rows/);
      assert.equal(JSON.parse(await get('/readyz')).status, 'ok', 'reading goes on');
      assert.match(await get('/api/status'), /isobar table accept-foreign 2/);
      assert.match(await get('/api/raw-data?limit=5'), /2024-10-31T21:00:00Z/);
    }
    assert.match((await run('status')).text, /TABLE_FOREIGN since .*commit 2 \(DELETE/);
    assert.match((await run('doctor')).text, /fail {2}data .*commit 2 \(DELETE/);
    assert.match((await run('query', 'SELECT count(*) AS n FROM observations')).text, /\b1\b/);
    assert.match((await run('table', 'history')).text, /DELETE .* waits for a decision/);
    assert.match((await run('verify')).text, /DIFFERENCE .*commit 2 \(DELETE/);
    const restored = await run('table', 'restore', '1');
    assert.equal(restored.error, null);
    assert.match(
      restored.text,
      /is at version 3, as it was at 1: 2 rows \(1 before\), 1 files back/,
    );
    assert.match((await run('verify')).text, /everything adds up/);
    await using pipeline = await startPipeline({ ...options, webFolder: null });
    assert.equal(JSON.parse(await (await fetch(`${pipeline.url}/healthz`)).text()).status, 'ok');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The status is kept for a moment. */
async function untilDegraded(look: () => Promise<string>): Promise<string> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const text = await look();
    if (JSON.parse(text).status === 'degraded' || performance.now() > deadline) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
