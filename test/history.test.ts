/** A slice of the real history: the statistics are those of an independent read of the CSVs. */
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
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { loadConfig } from '../src/config/load.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';

const HISTORY = join(import.meta.dirname, '../../shared/data/historical-hourly-weather');
const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const FILES = [
  'temperature',
  'humidity',
  'pressure',
  'wind_speed',
  'wind_direction',
  'weather_description',
];
/** From the first, half empty hours on into the winter of stuck sensors and jumps. */
const ROWS = 2_500;

test('the statistics of a slice of real history are those of one query over its files', {
  skip: !existsSync(HISTORY) && 'the history is not beside the project',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-history-'));
  try {
    const slice = join(folder, 'slice');
    mkdirSync(slice);
    copyFileSync(join(HISTORY, 'city_attributes.csv'), join(slice, 'city_attributes.csv'));
    for (const file of FILES) {
      const text = gunzipSync(readFileSync(join(HISTORY, `${file}.csv.gz`))).toString('utf8');
      writeFileSync(
        join(slice, `${file}.csv`),
        `${text
          .split('\n')
          .slice(0, ROWS + 1)
          .join('\n')}\n`,
      );
    }
    const data = join(folder, 'data');
    // The one query over the files leaves no value out.
    const settings = ['--data', data, '--set', 'analytics.quality_interval_s=0', '--json'];
    const run = (...args: readonly string[]) =>
      execFileSync(process.execPath, [MAIN, ...args, ...settings], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const first = JSON.parse(run('import', slice));
    assert.ok(first.read > 80_000);
    assert.equal(first.landed, first.read);
    const months =
      "SELECT count(DISTINCT strftime(observed_at, '%Y-%m')) AS months FROM observations";
    const { table, analytics } = JSON.parse(run('status'));
    assert.equal(table.files, JSON.parse(run('query', months))[0].months, 'a file a month');
    assert.equal(analytics.table_version, table.version);
    const again = JSON.parse(run('import', slice));
    assert.deepEqual([again.imported_before, again.landed], [true, 0]);
    const published = JSON.parse(run('query', 'SELECT * FROM city_statistics ORDER BY city'));
    await compareWithFiles(slice, published);
    run('verify');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function compareWithFiles(slice: string, published: Record<string, number | string>[]) {
  const { config } = loadConfig({ file: null, env: {}, flags: { data: join(slice, 'other') } });
  await using workspace = await openWorkspace(config, false);
  const session = await workspace.session();
  const cells = (file: string) => `
    SELECT strptime(datetime, '%Y-%m-%d %H:%M:%S') AS moment, name AS city,
      CAST(cell AS DOUBLE) AS value
    FROM (UNPIVOT (SELECT * FROM read_csv('${join(slice, `${file}.csv`)}', all_varchar = true))
      ON COLUMNS(* EXCLUDE datetime) INTO NAME name VALUE cell)`;
  const expected = await session.query<Record<string, number | string>>(`
    WITH t AS (${cells('temperature')}), h AS (${cells('humidity')})
    SELECT city, avg(t.value - 273.15) AS temperature_c_mean, min(t.value) - 273.15 AS temperature_c_min,
      max(t.value) - 273.15 AS temperature_c_max, stddev_samp(t.value) AS temperature_c_stddev,
      min(moment) FILTER (t.value = (SELECT min(value) FROM t t2 WHERE t2.city = t.city))
        AS temperature_c_min_at,
      (SELECT avg(h.value) FROM h WHERE h.city = t.city) AS humidity_pct_mean
    FROM t GROUP BY city ORDER BY city`);
  assert.equal(published.length, 36);
  assert.deepEqual(
    published.map((row) => row.city),
    expected.map((row) => row.city),
  );
  for (const [index, row] of expected.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const found = published[index]?.[name];
      if (typeof value !== 'number') assert.equal(found, value, `${row.city} ${name}`);
      else
        assert.ok(Math.abs(Number(found) - value) <= 1e-9 * Math.abs(value), `${row.city} ${name}`);
    }
  }
}

test('recorded answers of the provider come in with their cities, and what is wrong with the rest', {
  skip: !existsSync(HISTORY) && 'the recorded answers are not beside the project',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-recorded-'));
  try {
    const run = (...args: readonly string[]) =>
      execFileSync(process.execPath, [MAIN, ...args, '--data', folder, '--json'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const recorded = join(HISTORY, '../owm-current');
    const outcome = JSON.parse(run('import', recorded));
    const { read, landed, duplicate, superseded, replaced, invalid } = outcome;
    // 87 single answers, 1,995 of the batch, 12 errors, and an index that is none.
    assert.equal(read, 87 + 1_995 + 12 + 1);
    assert.equal(landed + duplicate + superseded - replaced + invalid, read);
    assert.ok(landed > 2_000);
    const [cities] = JSON.parse(run('query', 'SELECT count(*) AS known FROM cities'));
    assert.ok(cities.known > 1_500);
    run('verify');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
