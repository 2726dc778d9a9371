/** The table is read by Spark's own Delta, and what Spark writes into it is noticed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { isErrorCode } from '../../src/errors.ts';
import { tableFolder } from '../../src/lake/layout.ts';
import { formatRecord, type Observation } from '../../src/model/observation.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import type { SqlSession } from '../../src/sql/engine.ts';
import { addressOf } from '../../src/sql/spark/plans.ts';
import { openSparkEngine } from '../../src/sql/spark/spark.ts';
import { compact } from '../../src/table/compaction.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { vacuum } from '../../src/table/vacuum.ts';
import { makeHdfsPlace } from './hdfs-place.ts';
import { absent, service } from './services.ts';

const spark = service('spark');
const hdfs = service('hdfs');
const CITIES = ['a', 'b', 'c', "d'é"];
const DAY_MS = 86_400_000;

/** What a reader finds: sums that no row could leave unchanged, by month and city. */
const SUMS = `SELECT observed_month, city_id, count(*) AS n, sum(temperature_c) AS t,
    min(observed_at) AS first_at, max(collected_at) AS last_at, sum(log_offset) AS o,
    max(response) AS response, count(wind_gust_ms) AS gusts
  FROM found GROUP BY observed_month, city_id ORDER BY observed_month, city_id`;

async function land(workspace: Workspace, from: number, to: number, late = 0): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  for (let hour = from; hour < to; hour += 1) {
    const records = CITIES.map((city) => observation(city, hour, late));
    await log.append(records.map((one) => ({ key: one.city_id, value: formatRecord(one) })));
    for (let partition = 0; partition < log.partitionCount; partition += 1) {
      await sink.land(partition);
    }
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
    response: '{"a": "\\\\ 東京"}',
  };
}

async function assertSparkReadsTheSame(workspace: Workspace, session: SqlSession): Promise<void> {
  const { observations, storage } = workspace;
  const state = await observations.refresh();
  const here = await workspace.session();
  const selects: string[] = [];
  for (const [month = '', files] of Map.groupBy(state.files, (file) => file.month ?? '')) {
    const name = `files_${selects.length}`;
    await here.define(name, await observations.localPaths(files), OBSERVATION_COLUMNS);
    selects.push(`SELECT *, '${month}' AS observed_month FROM ${name}`);
  }
  await here.execute(`CREATE OR REPLACE TEMP VIEW found AS ${selects.join(' UNION ALL ')}`);
  const wanted = await here.query(SUMS);
  await session.execute(`CREATE OR REPLACE TEMP VIEW found AS SELECT * FROM ${nameOf(storage)}`);
  const found = await session.query(SUMS);
  assert.ok(found.length > CITIES.length);
  assert.deepEqual(found, wanted);
  // Pruned by statistics and by partition.
  const narrow = `SELECT count(*) AS n FROM found WHERE city_id = 'b'
    AND observed_at >= TIMESTAMP '2024-11-01 00:00:00' AND observed_month = '2024-11'`;
  assert.deepEqual(await session.query(narrow), await here.query(narrow));
}

function nameOf(storage: Workspace['storage']): string {
  return `delta.\`${addressOf(storage.address(tableFolder('observations')))}\``;
}

async function tryTable(workspace: Workspace, session: SqlSession): Promise<void> {
  const { observations, storage, scratch } = workspace;
  await land(workspace, 0, 3);
  await land(workspace, 3, 5);
  await assertSparkReadsTheSame(workspace, session);
  await land(workspace, 5, 8);
  assert.ok((await observations.refresh()).version > 10, 'there is a checkpoint');
  await assertSparkReadsTheSame(workspace, session);
  await land(workspace, 1, 2, 600);
  await assertSparkReadsTheSame(workspace, session);

  const options = { observations, storage, scratch, session: await workspace.session() };
  const done = await compact({ ...options, simulated: false, fileBytesMax: 1 << 26 });
  assert.ok(done.some(({ filesBefore }) => filesBefore > 1));
  await assertSparkReadsTheSame(workspace, session);
  const clock = () => new Date(Date.now() + 9 * DAY_MS);
  const removed = await vacuum({ table: observations, storage, keepDays: 7, clock });
  assert.ok(removed.dataFiles > 0 && removed.commits > 0);
  await assertSparkReadsTheSame(workspace, session);
  // It goes on afterwards.
  await land(workspace, 8, 9);
  await assertSparkReadsTheSame(workspace, session);

  await session.execute(`INSERT INTO ${nameOf(storage)} (city_id, observed_at, observed_month)
    VALUES ('z', TIMESTAMP '2024-11-02 00:00:00', '2024-11')`);
  const log = await workspace.log();
  await log.append([{ key: 'a', value: formatRecord(observation('a', 20, 0)) }]);
  const sink = await workspace.sink();
  const landing = async () => {
    for (let partition = 0; partition < log.partitionCount; partition += 1) {
      await sink.land(partition);
    }
  };
  const foreign = (error: unknown) => isErrorCode(error, 'TABLE_FOREIGN');
  await assert.rejects(landing(), foreign);
  const again = compact({ ...options, simulated: false, fileBytesMax: 1 << 26 });
  await assert.rejects(again, foreign);
}

async function withWorkspace(
  settings: Readonly<Record<string, string>>,
  use: (workspace: Workspace) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-delta-'));
  try {
    const flags = { data: folder, 'table.checkpoint_commits': '5', ...settings };
    const { config } = loadConfig({ file: null, env: {}, flags });
    await using workspace = await openWorkspace(config, false);
    await use(workspace);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('Delta for Spark', { skip: spark === null && absent('spark') }, () => {
  async function withSpark(use: (session: SqlSession) => Promise<void>): Promise<void> {
    const { address = '' } = spark ?? {};
    const options = { address, token: '', user: 'isobar', timeoutSeconds: 60, properties: '' };
    await using engine = openSparkEngine(options);
    await using session = await engine.session();
    await use(session);
  }

  it('reads the table of a local folder; its INSERT is refused by our writers', () =>
    withSpark((session) => withWorkspace({}, (workspace) => tryTable(workspace, session))));

  it('reads the table on HDFS; its INSERT is refused by our writers', {
    skip: hdfs === null && absent('hdfs'),
  }, async () => {
    if (hdfs === null) return;
    await using place = await makeHdfsPlace(hdfs);
    const settings = {
      'lake.engine': 'hdfs',
      'lake.hdfs.namenodes': hdfs.namenodes,
      'lake.hdfs.address': hdfs.address,
      'lake.hdfs.folder': place.folder,
    };
    await withSpark((session) =>
      withWorkspace(settings, (workspace) => tryTable(workspace, session)),
    );
  });
});
