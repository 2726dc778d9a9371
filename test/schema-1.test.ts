import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyWorkspace } from '../src/cli/commands/verify.ts';
import { loadConfig } from '../src/config/load.ts';
import { openMaintenance } from '../src/pipeline/maintenance.ts';
import { openWorkspace, type Workspace } from '../src/pipeline/workspace.ts';
import { parquetSql } from '../src/sql/text.ts';
import { acceptForeign } from '../src/table/accept-foreign.ts';
import { SCHEMA_VERSION } from '../src/table/delta.ts';
import { restoreVersion } from '../src/table/restore-version.ts';
import { OBSERVATION_COLUMNS } from '../src/table/table.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'schema-1');

async function withFixture(run: (workspace: Workspace) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-schema-1-'));
  try {
    cpSync(FIXTURE, folder, { recursive: true });
    const flags = { data: folder, 'analytics.threads': '1' };
    const { config } = loadConfig({ file: null, env: {}, flags });
    await using workspace = await openWorkspace(config, false);
    await run(workspace);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a data folder of schema 1 is read as it is', async () => {
  await withFixture(async (workspace) => {
    const { sums, differences } = await verifyWorkspace(workspace);
    assert.deepEqual(differences, []);
    assert.equal(sums['observations rows'], 9);
    assert.equal(sums['offsets superseded'], 4);
  });
});

test('its waiting records land, it gets the new columns, and every step goes on', async () => {
  await withFixture(async (workspace) => {
    const log = await workspace.log();
    const sink = await workspace.sink();
    for (let partition = 0; partition < log.partitionCount; partition++) {
      while ((await sink.land(partition)) !== null) {}
    }
    const state = await workspace.observations.refresh();
    assert.equal(state.metadata?.configuration['isobar.schema'], String(SCHEMA_VERSION));
    assert.equal(state.rowCount, 11);
    await (await workspace.refresher()).refresh();
    const maintenance = await openMaintenance(workspace);
    await maintenance.compact();
    await maintenance.exporter.run({ closing: true });
    assert.deepEqual((await verifyWorkspace(workspace)).differences, []);
    const compacted = await workspace.observations.refresh();
    assert.equal(compacted.files.length, 2);
    const paths = await workspace.observations.localPaths(compacted.files);
    const session = await workspace.session();
    const rows = await session.query(
      'SELECT count(*) AS rows, count(import_id) AS numbered, ' +
        `count(*) FILTER (source = 'import:station') AS imported ` +
        `FROM ${parquetSql(paths, OBSERVATION_COLUMNS)}`,
    );
    assert.deepEqual(rows, [{ rows: 11, numbered: 0, imported: 6 }]);
  });
});

test('its cities have no elevation, and may get one', async () => {
  await withFixture(async (workspace) => {
    const before = [...(await workspace.cities.read()).values()];
    assert.ok(before.length > 1);
    assert.deepEqual(new Set(before.map(({ elevation_m }) => elevation_m)), new Set([null]));
    const [first] = before;
    assert.ok(first);
    assert.equal(await workspace.cities.remember(before), 0);
    assert.equal(await workspace.cities.remember([{ ...first, elevation_m: 61 }]), 1);
    const { elevation_m: _, ...unplaced } = first;
    assert.equal(await workspace.cities.remember([unplaced]), 0);
    const after = await workspace.cities.read();
    assert.equal(after.get(first.city_id)?.elevation_m, 61);
    assert.equal(after.size, before.length);
    assert.deepEqual((await verifyWorkspace(workspace)).differences, []);
  });
});

test('rows that another program deleted of it are accepted, or come back', async () => {
  for (const way of ['accept', 'restore'] as const) {
    await withFixture(async (workspace) => {
      const { observations, rejected, storage, scratch } = workspace;
      const state = await observations.refresh();
      const [file] = state.files;
      const remove = { path: file?.path, dataChange: true, deletionTimestamp: Date.now() };
      const info = { timestamp: Date.now(), operation: 'DELETE', engineInfo: 'other:1.0' };
      const version = state.version + 1;
      const path = `${observations.folder}/_delta_log/${String(version).padStart(20, '0')}.json`;
      const lines = [{ commitInfo: info }, { remove }].map((line) => `${JSON.stringify(line)}\n`);
      await storage.putIfAbsent(path, Buffer.from(lines.join('')));
      const session = await workspace.session();
      const options = { table: observations, observations, rejected, storage, session, scratch };
      if (way === 'accept') await acceptForeign(options, version);
      else await restoreVersion(options, state.version);
      const log = await workspace.log();
      const sink = await workspace.sink();
      for (let partition = 0; partition < log.partitionCount; partition++) {
        while ((await sink.land(partition)) !== null) {}
      }
      await (await workspace.refresher()).refresh();
      assert.deepEqual((await verifyWorkspace(workspace)).differences, [], way);
      const after = await observations.refresh();
      assert.equal(after.metadata?.configuration['isobar.schema'], String(SCHEMA_VERSION));
      if (way === 'restore') assert.equal(after.rowCount, 11);
    });
  }
});
