/**
 * One SQL, two engines, over any range: statistics and trends of files that hold what no record of
 * ours does, too (NaN and infinities), and of ranges that cut months, days and cities.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  computeCityStatistics,
  computeHourlyTrends,
  type Selection,
} from '../../src/analytics/compute.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { SqlSession } from '../../src/sql/engine.ts';
import { openEngine } from '../../src/sql/open.ts';
import { OBSERVATION_COLUMNS } from '../../src/table/table.ts';
import { createRandom } from '../support/random.ts';
import { stormOf } from '../support/storm.ts';
import { absent, service } from './services.ts';

const SEED = Number(process.env.ISOBAR_TEST_SEED ?? 20_241_031);
const ROWS = 4_000;
const RANGES = stormOf(6, 2);
const spark = service('spark');

type Row = Readonly<Record<string, unknown>>;

/** Rows of cities that are difficult each in its own way, around a month's and a year's end. */
function valuesOf(random: () => number): string {
  const rows = Array.from({ length: ROWS }, (_, at) => {
    const city = at % 8;
    const moment = new Date(Date.UTC(2023, 11, 20) + Math.floor(at / 8) * 3_600_000);
    const usual = String(12 + 8 * Math.sin(at / 30) + random());
    const odd = ["'NaN'", "'Infinity'", "'-Infinity'", 'NULL', usual][Math.floor(random() * 5)];
    const temperature = [usual, odd, '21.5', String(1e6 + random()), "'NaN'", 'NULL'][city];
    const zone = (city * 5) % 24;
    return `('city-${city}', TIMESTAMPTZ '${moment.toISOString()}', ${moment.getUTCHours()},
      ${(moment.getUTCHours() + zone) % 24}, CAST(${temperature ?? usual} AS DOUBLE),
      CAST(${random() < 0.1 ? "'NaN'" : Math.round(random() * 100)} AS DOUBLE),
      ${Math.round(random() * 20)}, ${Math.round(random() * 360)}, ${random() < 0.5 ? 600 : 3_600})`;
  });
  const given: Readonly<Record<string, string>> = {
    city: "'City of ' || city_id",
    country: "'XX'",
  };
  const names = 'city_id, observed_at, hour_utc, hour_local, temperature_c, humidity_pct';
  const columns = Object.entries(OBSERVATION_COLUMNS).map(([name, type]) => {
    const value = given[name] ?? (names.includes(name) || NUMBERS.includes(name) ? name : 'NULL');
    return `CAST(${value} AS ${type}) AS ${name}`;
  });
  return (
    `SELECT ${columns.join(', ')} FROM (VALUES ${rows.join(', ')}) ` +
    `AS rows(${names}, ${NUMBERS.join(', ')})`
  );
}
const NUMBERS = ['wind_speed_ms', 'wind_direction_deg', 'interval_s'];

function selectionsOf(path: string, random: () => number): Selection[] {
  const start = Date.UTC(2023, 11, 20);
  const common = { paths: [path], columns: OBSERVATION_COLUMNS, cities: [], from: null, to: null };
  const at = (hours: number) => new Date(start + hours * 3_600_000).toISOString();
  const random_ = Array.from({ length: RANGES }, () => {
    const from = Math.floor(random() * 400);
    return { ...common, from: at(from), to: at(from + Math.floor(random() * 100)) };
  });
  return [
    common,
    { ...common, from: '2024-01-01T00:00:00Z' },
    { ...common, to: '2024-01-01T00:00:00.000001Z' },
    { ...common, from: at(5), to: at(6), cities: ['city-1', 'city-4', "o'brien"] },
    { ...common, from: '2030-01-01T00:00:00Z' },
    { ...common, paths: [] },
    ...random_,
  ];
}

describe('Spark and DuckDB over any range', { skip: spark === null && absent('spark') }, () => {
  it(`return the same, also for NaN and infinities (seed ${SEED})`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isobar-ranges-'));
    try {
      const open = (flags: Readonly<Record<string, string>>) =>
        openEngine(loadConfig({ file: null, env: {}, flags }).config.analytics, folder);
      await using duckdb = await open({});
      await using other = await open({
        'analytics.engine': 'spark',
        'analytics.spark.address': spark?.address ?? '',
      });
      await using here = await duckdb.session();
      await using there = await other.session();
      const random = createRandom(SEED);
      const path = join(folder, 'rows.parquet');
      assert.equal(await here.copy(valuesOf(random), path, 'parquet'), ROWS);
      for (const selection of selectionsOf(path, random)) {
        const label = JSON.stringify({ ...selection, paths: selection.paths.length });
        for (const compute of [computeCityStatistics, computeHourlyTrends]) {
          const expected = await sorted(compute, here, selection);
          assertSame(await sorted(compute, there, selection), expected, label);
          if (selection.from === null && selection.paths.length > 0) assert.ok(expected.length > 0);
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function sorted(
  compute: (session: SqlSession, selection: Selection) => Promise<readonly object[]>,
  session: SqlSession,
  selection: Selection,
): Promise<Row[]> {
  const rows = (await compute(session, selection)) as Row[];
  const keyOf = ({ city_id, clock, hour }: Row) => `${city_id} ${clock} ${hour}`;
  return rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function assertSame(actual: readonly Row[], expected: readonly Row[], label: string): void {
  assert.equal(actual.length, expected.length, label);
  for (const [at, row] of expected.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const other = actual[at]?.[name];
      const place = `${label}, ${row.city_id}, ${name}: ${String(other)} and ${String(value)}`;
      if (typeof value !== 'number') assert.equal(other, value, place);
      else assert.ok(isClose(Number(other), value), place);
    }
  }
}

/** Sums of terms that cancel out leave a rest around zero, which no relative bound can judge. */
function isClose(actual: number, expected: number): boolean {
  const difference = Math.abs(actual - expected);
  return difference <= 1e-9 * Math.max(Math.abs(actual), Math.abs(expected)) || difference < 1e-12;
}
