/** delta-rs at our tables: what it may do goes on, what changes rows is named and can be undone. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { verifyWorkspace } from '../../src/cli/commands/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { isErrorCode } from '../../src/errors.ts';
import { formatRecord } from '../../src/model/observation.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import { acceptForeign } from '../../src/table/accept-foreign.ts';
import { restoreVersion } from '../../src/table/restore-version.ts';
import { findPython } from '../support/python.ts';

const python = await findPython();
const options = { skip: python === null && 'no Python 3 here' };
const ROWS = 8;
const NO_RETENTION =
  "d.alter.set_table_properties({'delta.logRetentionDuration': 'interval 0 days'}); d = DeltaTable(t)";
let folder = '';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-delta-rs-'));
  await using workspace = await open(join(folder, 'whole'));
  for (let hour = 0; hour < ROWS; hour++) await land(workspace, hour);
  await (await workspace.refresher()).refresh();
});
after(() => rmSync(folder, { recursive: true, force: true }));

function open(data: string): Promise<Workspace> {
  const flags = { data, 'table.checkpoint_commits': '3' };
  return openWorkspace(loadConfig({ file: null, env: {}, flags }).config, false);
}

async function land(workspace: Workspace, hour: number): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  const at = new Date(Date.UTC(2024, 9, 31, 20 + hour)).toISOString();
  const value = formatRecord({
    city_id: 'a',
    city: 'A',
    country: 'DE',
    observed_at: at,
    collected_at: at,
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: 3_600,
    provider_city_id: null,
    temperature_c: hour,
    response: '{}',
  });
  await log.append([{ key: 'a', value }]);
  for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
}

/** What delta-rs does to a copy: `d` is the table `t`. Then as after a restart. */
async function withForeign(
  code: string,
  look: (workspace: Workspace, data: string) => Promise<void>,
): Promise<void> {
  const data = mkdtempSync(join(folder, 'copy-'));
  cpSync(join(folder, 'whole'), data, { recursive: true });
  foreign(data, code);
  await using workspace = await open(data);
  await look(workspace, data);
}

function foreign(data: string, code: string): void {
  const table = join(data, 'lake/weather_data/table/observations');
  // Arrow's threads sometimes abort Python on its ordinary way out.
  const script = `
import os, sys
from deltalake import DeltaTable, write_deltalake
t = sys.argv[1]
d = DeltaTable(t)
${code}
os._exit(0)`;
  execFileSync(python ?? '', ['-c', script, table], { stdio: 'pipe' });
}

async function differences(workspace: Workspace): Promise<readonly string[]> {
  return (await verifyWorkspace(workspace)).differences;
}

async function repairOf(workspace: Workspace) {
  const { observations, rejected, storage, scratch } = workspace;
  const session = await workspace.session();
  return { table: observations, observations, rejected, storage, session, scratch };
}

const UPKEEP = {
  compaction: 'd.optimize.compact()',
  'z-order': "d.optimize.z_order(['observed_at'])",
  'a full vacuum':
    'd.optimize.compact(); d = DeltaTable(t); ' +
    'd.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)',
  'a checkpoint': 'd.create_checkpoint()',
  'a property': "d.alter.set_table_properties({'delta.appendOnly': 'false'})",
  'log clean-up': `${NO_RETENTION}; d.create_checkpoint(); d.cleanup_metadata()`,
  'all of it': `${NO_RETENTION}; d.optimize.z_order(['observed_at']); d = DeltaTable(t); d.create_checkpoint(); d.cleanup_metadata(); d.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True)`,
};

for (const [name, code] of Object.entries(UPKEEP)) {
  test(`${name} by delta-rs changes no row: after a restart all goes on`, options, async () => {
    await withForeign(code, async (workspace, data) => {
      assert.equal((await workspace.observations.refresh()).rowCount, ROWS);
      await land(workspace, ROWS);
      assert.deepEqual(await differences(workspace), []);
      await using again = await open(data);
      assert.equal((await again.observations.refresh()).rowCount, ROWS + 1);
      await land(again, ROWS + 1);
      assert.deepEqual(await differences(again), []);
      foreign(data, 'assert len(d.to_pyarrow_table()) == 10');
    });
  });
}

const CHANGES: Readonly<Record<string, { code: string; rows: number; accepted: boolean }>> = {
  DELETE: { code: 'd.delete("temperature_c < 3")', rows: ROWS - 3, accepted: true },
  UPDATE: {
    code: 'd.update(updates={"temperature_c": "temperature_c + 1"}, predicate="temperature_c < 3")',
    rows: ROWS,
    accepted: true,
  },
  append: {
    code: "write_deltalake(t, d.to_pyarrow_table().slice(0, 2), mode='append')",
    rows: ROWS + 2,
    accepted: false,
  },
  overwrite: {
    code: "write_deltalake(t, d.to_pyarrow_table().slice(0, 2), mode='overwrite')",
    rows: 2,
    accepted: true,
  },
};

for (const [name, { code, rows, accepted }] of Object.entries(CHANGES)) {
  test(`rows that delta-rs changed (${name}) are named, accepted or undone`, options, async () => {
    for (const cleanUp of ['', `; ${NO_RETENTION}; d.create_checkpoint()`]) {
      await withForeign(
        `${code}${cleanUp.replace('; d.alter', '; d = DeltaTable(t); d.alter')}`,
        async (workspace) => {
          const state = await workspace.observations.refresh();
          assert.equal(state.rowCount, rows);
          const [commit] = state.foreign;
          assert.match(commit?.engine ?? '', /^delta-rs/);
          await assert.rejects(land(workspace, ROWS), { code: 'TABLE_FOREIGN' });
          const accepting = acceptForeign(await repairOf(workspace), commit?.version ?? -1);
          if (accepted) {
            await accepting;
            await land(workspace, ROWS + 1);
            assert.deepEqual(await differences(workspace), []);
          } else {
            await assert.rejects(accepting, { code: 'TABLE_FOREIGN' });
          }
        },
      );
      await withForeign(code, async (workspace) => {
        const { foreign: waiting } = await workspace.observations.refresh();
        const done = await restoreVersion(
          await repairOf(workspace),
          (waiting[0]?.version ?? 0) - 1,
        );
        assert.equal(done.rowsAfter, ROWS);
        await land(workspace, ROWS);
        await (await workspace.refresher()).refresh();
        assert.deepEqual(await differences(workspace), []);
      });
    }
  });
}

test(
  'the change data feed: the commit and the feature are named, and it is undone',
  options,
  async () => {
    const code = "d.alter.set_table_properties({'delta.enableChangeDataFeed': 'true'})";
    await withForeign(code, async (workspace) => {
      await assert.rejects(land(workspace, ROWS), (error) => {
        assert.ok(isErrorCode(error, 'TABLE_PROTOCOL'));
        assert.match(
          String(error),
          /SET TBLPROPERTIES by delta-rs.*writer version 4 \(change data feed\)/,
        );
        return true;
      });
      assert.deepEqual(await differences(workspace), []);
      const { version } = await workspace.observations.refresh();
      await restoreVersion(await repairOf(workspace), version - 1);
      await land(workspace, ROWS + 1);
      assert.deepEqual(await differences(workspace), []);
    });
  },
);
