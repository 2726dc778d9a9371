/** The table is read by another program: delta-rs sees the same rows and the same transactions. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { formatRecord, type Observation } from '../../src/model/observation.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import { compact } from '../../src/table/compaction.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { landingAppId } from '../../src/table/transactions.ts';
import { vacuum } from '../../src/table/vacuum.ts';
import { findPython } from '../support/python.ts';

const root = join(import.meta.dirname, '../..');
const python = await findPython();

test('delta-rs reads what we wrote', { skip: python === null && 'no Python 3 here' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-foreign-'));
  try {
    const flags = { data: folder, 'table.checkpoint_commits': '5' };
    await using workspace = await openWorkspace(
      loadConfig({ file: null, env: {}, flags }).config,
      false,
    );
    const { observations, storage, scratch } = workspace;
    const session = await workspace.session();

    await land(workspace, 0, 3);
    await t.test('before a checkpoint', () => compareWithForeign(workspace));
    await land(workspace, 3, 8);
    await t.test('after a checkpoint', () => compareWithForeign(workspace));
    await land(workspace, 1, 2, 600);
    await t.test('after superseding', () => compareWithForeign(workspace));
    const options = { observations, storage, session, scratch, simulated: false };
    const done = await compact({ ...options, fileBytesMax: 1 << 26 });
    assert.ok(done.some(({ filesBefore }) => filesBefore > 1));
    await t.test('after compaction', () => compareWithForeign(workspace));
    const clock = () => new Date(Date.now() + 9 * 86_400_000);
    const removed = await vacuum({ table: observations, storage, keepDays: 7, clock });
    assert.ok(removed.dataFiles > 0 && removed.commits > 0);
    await t.test('after vacuum', () => compareWithForeign(workspace));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A landing of every partition for each hour; `late` seconds make newer versions of the same. */
async function land(workspace: Workspace, from: number, to: number, late = 0): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  for (let hour = from; hour < to; hour++) {
    await log.append(
      ['a', 'b', 'c', 'd'].map((city) => {
        return { key: city, value: formatRecord(observation(city, hour, late)) };
      }),
    );
    for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
  }
}

function observation(city: string, hour: number, late: number): Observation {
  const at = Date.UTC(2024, 9, 31, 20 + hour);
  return {
    city_id: city,
    city,
    country: 'DE',
    observed_at: new Date(at).toISOString(),
    collected_at: new Date(at + late * 1_000).toISOString(),
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: 3_600,
    provider_city_id: null,
    temperature_c: hour + late / 1_000,
    response: '{}',
  };
}

async function compareWithForeign(workspace: Workspace): Promise<void> {
  const { observations, storage } = workspace;
  const state = await observations.refresh();
  const log = await workspace.log();
  const apps = Array.from({ length: log.partitionCount }, (_, partition) =>
    landingAppId(log.id, partition),
  ).filter((app) => state.transactions.has(app));
  const folder = join(storage.location, observations.folder);
  const args = [join(root, 'test/foreign-reader.py'), folder, apps.join(',')];
  const foreign = JSON.parse(execFileSync(python ?? '', args, { encoding: 'utf8' }));
  const session = await workspace.session();
  await session.define('ours', await observations.localPaths(state.files), OBSERVATION_COLUMNS);
  const rows = await session.query(
    'SELECT city_id, epoch_us(observed_at) AS at, temperature_c, log_partition, log_offset, ' +
      "strftime(observed_at, '%Y-%m') AS observed_month FROM ours ORDER BY city_id, observed_at",
  );
  assert.ok(rows.length > 0);
  assert.equal(foreign.version, state.version);
  assert.deepEqual(foreign.rows, rows);
  const wanted = Object.fromEntries(apps.map((app) => [app, state.transactions.get(app)]));
  assert.deepEqual(foreign.transactions, wanted);
}
