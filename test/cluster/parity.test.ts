/**
 * One SQL, two engines: what Spark computes and publishes is what DuckDB computes from the same
 * rows. `verify` is the judge: it computes every dataset anew with DuckDB and compares row by row,
 * numbers to a relative difference of 1e-9.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { startRecomputeLoop } from '../../src/analytics/recompute-loop.ts';
import { startRefreshLoop } from '../../src/analytics/refresh-loop.ts';
import { verifyPublication } from '../../src/analytics/verify.ts';
import { loadConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/logger.ts';
import { formatRecord, type Observation } from '../../src/model/observation.ts';
import { openWorkspace, type Workspace } from '../../src/pipeline/workspace.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { createRandom } from '../support/random.ts';
import { stormOf } from '../support/storm.ts';
import { until } from '../support/until.ts';
import { makeHdfsPlace } from './hdfs-place.ts';
import { absent, control, killService, service } from './services.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'src', 'cli', 'main.ts');
const HISTORY = join(ROOT, '..', 'shared', 'data', 'historical-hourly-weather');
const VARIABLES = ['temperature', 'humidity', 'pressure', 'wind_speed', 'wind_direction'];
const FILES = [...VARIABLES, 'weather_description'];
const ROWS = 1_500;
const SEED = Number(process.env.ISOBAR_TEST_SEED ?? 20_241_031);
const HOUR_MS = 3_600_000;
/** Hours of each landing. */
const ROUNDS = [40, 30, 5, 1];

const spark = service('spark');
const hdfs = service('hdfs');
const flags = (folder: string) => ({
  data: folder,
  'analytics.engine': 'spark',
  'analytics.spark.address': spark?.address ?? '',
  'analytics.spark.retries': '1',
  'analytics.spark.timeout_s': '10',
  // All runs are large.
  'analytics.spark.rows_least': '0',
});
const SMALL_RUNS = { 'analytics.spark.rows_least': '1000000' };

async function withWorkspace(
  use: (workspace: Workspace) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-parity-'));
  try {
    const all = { ...flags(folder), ...settings };
    const { config } = loadConfig({ file: null, env: {}, flags: all });
    await using workspace = await openWorkspace(config, false);
    await use(workspace);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function land(workspace: Workspace, observations: readonly Observation[]): Promise<void> {
  const log = await workspace.log();
  const sink = await workspace.sink();
  await log.append(observations.map((one) => ({ key: one.city_id, value: formatRecord(one) })));
  for (let partition = 0; partition < log.partitionCount; partition += 1) {
    while ((await sink.land(partition)) !== null) {}
  }
}

async function assertSame(workspace: Workspace, label: string): Promise<void> {
  const { differences, version } = await verifyPublication({
    storage: workspace.storage,
    session: await workspace.session(),
    columns: OBSERVATION_COLUMNS,
    table: workspace.observations,
  });
  assert.deepEqual(differences, [], label);
  assert.ok(version > 0);
}

/** Cities that are difficult each in its own way, over a month's end and a change of the clocks. */
function difficult(random: () => number, from: number, hours: number, step = 1): Observation[] {
  const observations: Observation[] = [];
  const zones = [0, 3_600, -18_000, 20_700, 46_800];
  for (let hour = from; hour < from + hours; hour += step) {
    const at = new Date(Date.UTC(2024, 9, 30) + hour * HOUR_MS).toISOString();
    const swing = 10 * Math.sin((hour / 24) * 2 * Math.PI) + random();
    const temperatures: Record<string, number | null> = {
      usual: swing,
      constant: 21.5,
      offset: 50 + 1e-7 * random(),
      gaps: random() < 0.5 ? null : swing,
      jumps: random() < 0.02 ? 45 : swing,
      // Quality control finds that it cannot be right.
      faulty: hour % 17 === 5 ? 45 : swing,
      'never-measured': null,
    };
    if (hour === from) temperatures[`once-${from}`] = swing;
    for (const [at_, [city, temperature]] of Object.entries(temperatures).entries()) {
      observations.push({
        city_id: city,
        city: city.toUpperCase(),
        country: 'XX',
        observed_at: at,
        collected_at: at,
        source: 'test',
        interval_s: 3_600 * step,
        // Some days are those of UTC.
        utc_offset_s: hour % 200 < 20 ? null : (zones[at_ % zones.length] ?? 0),
        provider_city_id: at_,
        ...(temperature === null ? {} : { temperature_c: temperature }),
        ...(random() < 0.9 ? { humidity_pct: Math.round(100 * random()) } : {}),
        ...(random() < 0.9 ? { wind_speed_ms: 20 * random() } : {}),
        ...(random() < 0.9 ? { pressure_hpa: 980 + 50 * random() } : {}),
        ...(random() < 0.3 ? { wind_gust_ms: 30 * random() } : {}),
        ...(random() < 0.5 ? { rain_1h_mm: Math.max(0, 4 * random() - 3) } : {}),
        ...(random() < 0.9 ? { wind_direction_deg: Math.round(360 * random()) } : {}),
        response: '{}',
      });
    }
  }
  return observations;
}

describe('Spark and DuckDB', { skip: spark === null && absent('spark') }, () => {
  async function tryRefreshes(workspace: Workspace): Promise<void> {
    const random = createRandom(SEED);
    const refresher = await workspace.refresher();
    let failed = 0;
    for (const [round, hours] of ROUNDS.slice(0, stormOf(ROUNDS.length, 2)).entries()) {
      await land(workspace, difficult(random, round * 40, hours));
      const publication = await refresher.refresh();
      assert.equal(publication?.engine, 'spark');
      await assertSame(workspace, `round ${round}`);
      // The values that jump fail, and Spark leaves them out as DuckDB does.
      const checked = await refresher.check();
      assert.ok(checked !== null, `round ${round}`);
      failed += checked.failed;
      await assertSame(workspace, `round ${round}, checked`);
    }
    assert.ok(failed > 0);
  }

  it(`publish the same of difficult values, refresh after refresh (seed ${SEED})`, () =>
    withWorkspace(tryRefreshes));

  it('publish the same on HDFS, where Spark reads and writes by itself', {
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
    await withWorkspace(tryRefreshes, settings);
  });

  it('publish the same of many months, which are rolled up', () =>
    withWorkspace(async (workspace) => {
      const random = createRandom(SEED);
      const refresher = await workspace.refresher();
      // Half a year at a step of six hours, two more months, and a correction long ago.
      const half = 184 * 24;
      await land(workspace, difficult(random, 0, half, 6));
      await refresher.refresh();
      await assertSame(workspace, 'half a year');
      await land(workspace, difficult(random, half, 61 * 24, 6));
      await refresher.refresh();
      await assertSame(workspace, 'eight months');
      const late = difficult(random, 24, 48, 6).map((one) => ({
        ...one,
        collected_at: '2025-12-01T00:00:00Z',
      }));
      await land(workspace, late);
      const publication = await refresher.refresh();
      assert.equal(publication?.engine, 'spark');
      await assertSame(workspace, 'a correction');
    }));

  it('share the work: DuckDB follows the landings, Spark computes the same afterwards', () =>
    withWorkspace(async (workspace) => {
      const random = createRandom(SEED);
      const refresher = await workspace.refresher();
      for (const [round, hours] of [40, 30, 5].entries()) {
        await land(workspace, difficult(random, round * 40, hours));
        const published = await refresher.refresh();
        assert.equal(published?.engine, 'duckdb');
        const again = await refresher.recompute();
        assert.deepEqual([again?.version, again?.differences], [published.version, []]);
        const settled = await refresher.refresh();
        assert.deepEqual([settled?.engine, settled?.version], ['spark', published.version + 1]);
        await assertSame(workspace, `round ${round}`);
      }
      assert.equal(await refresher.recompute(), null);
    }, SMALL_RUNS));

  it('go on without Spark, and compute again what it has missed when it is back', () =>
    withWorkspace(async (workspace) => {
      const random = createRandom(SEED);
      const refresher = await workspace.refresher();
      await land(workspace, difficult(random, 0, 30));
      await refresher.refresh();
      const recomputing = startRecomputeLoop({
        refresher,
        intervalSeconds: 0.5,
        logger: silentLogger,
        onRecomputed: () => {},
      });
      try {
        await until('version 1', () => recomputing.status?.version === 1);
        await killService('spark-connect');
        await land(workspace, difficult(random, 30, 30));
        assert.equal((await refresher.refresh())?.version, 3);
        await until('it fails', () => recomputing.status?.error !== null);
        assert.equal(recomputing.status?.error?.code, 'ENGINE_UNAVAILABLE');
        await (await control()).start('spark-connect');
        await until(
          'version 3',
          () => recomputing.status?.version === 3 && recomputing.status.error === null,
        );
        assert.equal(recomputing.failure, null);
      } finally {
        await recomputing.stop();
      }
      await assertSame(workspace, 'after Spark came back');
    }, SMALL_RUNS));

  it('publish the same of real history', {
    skip: !existsSync(HISTORY) && 'the history is not beside the project',
  }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobar-parity-'));
    try {
      const slice = join(folder, 'slice');
      mkdirSync(slice);
      copyFileSync(join(HISTORY, 'city_attributes.csv'), join(slice, 'city_attributes.csv'));
      for (const file of FILES) {
        const text = gunzipSync(readFileSync(join(HISTORY, `${file}.csv.gz`))).toString('utf8');
        const lines = text.split('\n').slice(0, ROWS + 1);
        writeFileSync(join(slice, `${file}.csv`), `${lines.join('\n')}\n`);
      }
      const settings = Object.entries(flags(join(folder, 'data'))).flatMap(([name, value]) =>
        name === 'data' ? ['--data', value] : ['--set', `${name}=${value}`],
      );
      const run = (...args: readonly string[]) =>
        execFileSync(process.execPath, [MAIN, ...args, ...settings, '--json'], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        });
      assert.ok(JSON.parse(run('import', slice)).landed > 40_000);
      const report = JSON.parse(run('verify'));
      assert.deepEqual(report.differences, []);
      assert.ok(report.sums['analytics version'] > 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('keep the last good version when Spark dies in the middle, and go on when it is back', () =>
    withWorkspace(async (workspace) => {
      const random = createRandom(SEED);
      await land(workspace, difficult(random, 0, 30));
      const loop = startRefreshLoop({
        refresher: await workspace.refresher(),
        intervalSeconds: 3_600,
        delaySeconds: 0,
        logger: silentLogger,
        onPublished: () => {},
      });
      try {
        await until('version 1', () => loop.newest?.version === 1);
        await land(workspace, difficult(random, 30, 30));
        loop.landed();
        await until('Spark computes', () => workspace.computing.progress !== null);
        await killService('spark-connect');
        await until('it fails', () => loop.failure !== null);
        assert.equal(loop.failure?.code, 'ENGINE_UNAVAILABLE');
        assert.equal(loop.newest?.version, 1);
        await assertSame(workspace, 'while Spark is gone');
        await (await control()).start('spark-connect');
        // Without a request: the loop tries again by itself.
        await until('version 2', () => loop.newest?.version === 2);
        assert.equal(loop.failure, null);
        assert.ok(workspace.computing.facts.version?.startsWith('4.'));
      } finally {
        await loop.stop();
      }
      await assertSame(workspace, 'after Spark came back');
    }));
});
