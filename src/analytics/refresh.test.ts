import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { stormOf } from '../../test/storm.ts';
import { openLocalStorage } from '../lake/local.ts';
import type { Storage } from '../lake/storage.ts';
import type { Anomaly, CityStatistics, HourlyTrend } from '../model/datasets.ts';
import { type DataFile, OBSERVATION_COLUMNS, type Table } from '../table/table.ts';
import { openDuckdbEngine } from './duckdb.ts';
import type { SqlSession } from './engine.ts';
import { readDataset } from './export.ts';
import { cleanPublications, type Publication, readPublication } from './publication.ts';
import { createRefresher, type Refresher } from './refresh.ts';
import { verifyPublication } from './verify.ts';

/** One made-up observation: seconds since 2023-12-28, so that months and a year end in between. */
interface Made {
  readonly city: string;
  readonly at: number;
  readonly temperature: number | null;
  readonly humidity: number | null;
  readonly direction: number | null;
  readonly interval: number;
}

const START = Date.UTC(2023, 11, 28);

interface Place extends AsyncDisposable {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly table: Table;
  readonly scratch: string;
  /** One more commit with these observations. */
  add(made: readonly Made[]): Promise<void>;
  /** One more publisher, with a session of its own. */
  refresher(): Promise<Refresher>;
  rows(publication: Publication): Promise<{
    statistics: CityStatistics[];
    trends: HourlyTrend[];
    anomalies: Anomaly[];
  }>;
}

/** A table of real Parquet files whose commits this test makes itself. */
async function openPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-analytics-'));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  mkdirSync(join(folder, 'rows'));
  const engine = await openDuckdbEngine({ memoryMib: 256, threads: 1, tempFolder: scratch });
  const session = await engine.session();
  const sessions: SqlSession[] = [session];
  const storage = await openLocalStorage(join(folder, 'lake'));
  const commits: DataFile[][] = [];
  const snapshot = () => ({
    version: commits.length - 1,
    committedAt: null,
    files: commits.flat(),
    transactions: new Map(),
    rowCount: 0,
    simulated: false,
  });
  const table: Table = {
    latest: null,
    refresh: async () => snapshot(),
    async changes(from, to) {
      const added = commits.slice(from + 1, to.version + 1).flat();
      const months = [...new Set(added.map((file) => file.month ?? ''))].sort();
      return { months, added, onlyAdded: true };
    },
    localPaths: async (files) => files.map((file) => file.path),
  };

  async function add(made: readonly Made[]): Promise<void> {
    const files: DataFile[] = [];
    for (const [month, rows] of Map.groupBy(made, ({ at }) => timeOf(at).slice(0, 7))) {
      const path = join(folder, 'rows', `${commits.length}-${month}.parquet`);
      const values = rows.map(
        ({ city, at, temperature, humidity, direction, interval }) =>
          `('${city}', TIMESTAMPTZ '${timeOf(at)}', ${temperature}, ${humidity}, ${direction}, ${interval})`,
      );
      await session.copy(rowsSql(values), path, 'parquet');
      const none = { cityIdMin: null, cityIdMax: null, observedAtMin: null, observedAtMax: null };
      files.push({ path, storagePath: path, month, bytes: 1, rows: rows.length, ...none });
    }
    commits.push(files);
  }

  return {
    storage,
    session,
    table,
    scratch,
    add,
    async refresher() {
      const own = await engine.session();
      sessions.push(own);
      return createRefresher({
        table,
        columns: OBSERVATION_COLUMNS,
        storage,
        session: own,
        engineName: 'duckdb',
        scratch,
      });
    },
    async rows(publication) {
      return {
        statistics: await readDataset(storage, session, publication, 'city_statistics'),
        trends: await readDataset(storage, session, publication, 'hourly_trends'),
        anomalies: await readDataset(storage, session, publication, 'anomalies'),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const one of sessions) await one[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function rowsSql(values: readonly string[]): string {
  const made: Record<string, string> = {
    city_id: 'c',
    city: 'upper(c)',
    country: "'XX'",
    observed_at: 'moment',
    collected_at: 'moment',
    interval_s: 'i',
    hour_utc: 'hour(moment)',
    hour_local: '(hour(moment) + 5) % 24',
    temperature_c: 't',
    humidity_pct: 'h',
    wind_direction_deg: 'd',
  };
  const columns = Object.entries(OBSERVATION_COLUMNS).map(
    ([name, type]) => `CAST(${made[name] ?? 'NULL'} AS ${type}) AS ${name}`,
  );
  return `SELECT ${columns.join(', ')} FROM (VALUES ${values.join(', ')}) v(c, moment, t, h, d, i)`;
}

function timeOf(at: number): string {
  return new Date(START + at * 1_000).toISOString().replace('.000Z', 'Z');
}

const madeArbitrary = fc
  .array(
    fc.record({
      city: fc.constantFrom('a', 'b', 'c'),
      at: fc.integer({ min: 0, max: 700 }).map((slot) => slot * 7_200),
      temperature: fc.option(
        fc.oneof(fc.integer({ min: -90, max: 60 }), fc.constant(1e6 / 3), fc.constant(20)),
        { freq: 5 },
      ),
      humidity: fc.option(fc.integer({ min: 0, max: 100 })),
      direction: fc.option(fc.constantFrom(0, 10, 90, 180, 270, 350, 360)),
      interval: fc.constantFrom(3_600, 7_200),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((all) => [...new Map(all.map((made) => [`${made.city} ${made.at}`, made])).values()]);

/** Numbers from the definitions, in the plainest way. */
function bruteForce(all: readonly Made[]) {
  const statistics = new Map<string, Record<string, unknown>>();
  for (const [city, rows] of Map.groupBy(all, ({ city }) => city)) {
    const values = rows.flatMap(({ temperature, at }) =>
      temperature === null ? [] : [{ temperature, at }],
    );
    const mean = average(values.map(({ temperature }) => temperature));
    const squares = values.map(({ temperature }) => (temperature - (mean ?? 0)) ** 2);
    const least = Math.min(...values.map(({ temperature }) => temperature));
    const most = Math.max(...values.map(({ temperature }) => temperature));
    const first = (wanted: number) =>
      Math.min(...values.filter(({ temperature }) => temperature === wanted).map(({ at }) => at));
    let held = 0;
    let expected = 0;
    for (const [interval, group] of Map.groupBy(rows, ({ interval }) => interval)) {
      const slots = group.map(({ at }) => Math.floor((START / 1_000 + at) / interval));
      held += new Set(slots).size * interval;
      expected += (Math.max(...slots) - Math.min(...slots) + 1) * interval;
    }
    statistics.set(city, {
      observation_count: rows.length,
      temperature_c_mean: mean,
      temperature_c_min: values.length === 0 ? null : least,
      temperature_c_min_at: values.length === 0 ? null : timeOf(first(least)),
      temperature_c_max: values.length === 0 ? null : most,
      temperature_c_max_at: values.length === 0 ? null : timeOf(first(most)),
      temperature_c_stddev:
        values.length < 2
          ? null
          : Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / (values.length - 1)),
      humidity_pct_mean: average(rows.flatMap(({ humidity }) => humidity ?? [])),
      first_observed_at: timeOf(Math.min(...rows.map(({ at }) => at))),
      last_observed_at: timeOf(Math.max(...rows.map(({ at }) => at))),
      coverage_pct: (100 * held) / expected,
    });
  }
  return statistics;
}

function average(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function assertClose(found: unknown, wanted: unknown, what: string): void {
  if (typeof wanted !== 'number' || typeof found !== 'number') {
    assert.equal(found, wanted, what);
    return;
  }
  const scale = Math.max(1, Math.abs(wanted));
  assert.ok(Math.abs(found - wanted) <= 1e-9 * scale, `${what}: ${found}, not ${wanted}`);
}

test('the statistics are those of the definitions, however the rows came in', async () => {
  await fc.assert(
    fc.asyncProperty(madeArbitrary, fc.integer({ min: 1, max: 5 }), async (all, commits) => {
      await using place = await openPlace();
      const refresher = await place.refresher();
      let publication: Publication | null = null;
      for (let commit = 0; commit < commits; commit++) {
        const part = all.filter((_, index) => index % commits === commit);
        if (part.length === 0) continue;
        await place.add(part);
        publication = await refresher.refresh();
      }
      assert.ok(publication);
      const { statistics, trends } = await place.rows(publication);
      const wanted = bruteForce(all);
      assert.deepEqual(
        statistics.map((row) => row.city_id),
        [...wanted.keys()].sort(),
      );
      for (const row of statistics) {
        const numbers = wanted.get(row.city_id) ?? {};
        for (const [name, value] of Object.entries(numbers)) {
          assertClose(row[name as keyof CityStatistics], value, `${row.city_id} ${name}`);
        }
      }
      for (const row of trends.filter(({ clock }) => clock === 'utc')) {
        const rows = all.filter(
          ({ city, at }) =>
            city === row.city_id && new Date(START + at * 1e3).getUTCHours() === row.hour,
        );
        assert.equal(row.observation_count, rows.length);
        assertClose(
          row.temperature_c_mean,
          average(rows.flatMap(({ temperature }) => temperature ?? [])),
          `${row.city_id} at ${row.hour}`,
        );
      }
      const { table, session, storage } = place;
      const options = { storage, session, table, columns: OBSERVATION_COLUMNS };
      const verdict = await verifyPublication(options);
      assert.deepEqual(verdict.differences, []);
    }),
    { numRuns: stormOf(12, 4) },
  );
});

test('three sigma flags by the whole history, with the value included, and says so in words', async () => {
  await using place = await openPlace();
  const quiet = Array.from({ length: 200 }, (_, index) => made('a', index, 10 + (index % 5)));
  const few = Array.from({ length: 10 }, (_, index) => made('b', index, index === 9 ? 60 : 10));
  const constant = Array.from({ length: 30 }, (_, index) => made('c', index, 10));
  await place.add([...quiet, ...few, ...constant]);
  const refresher = await place.refresher();
  const before = await refresher.refresh();
  assert.deepEqual((await place.rows(before as Publication)).anomalies, []);
  assert.deepEqual(before?.not_enough_values, ['b']);
  await place.add([made('a', 300, 40)]);
  const publication = await refresher.refresh();
  const { anomalies } = await place.rows(publication as Publication);
  assert.equal(anomalies.length, 1);
  const [flagged] = anomalies;
  assert.equal(flagged?.value, 40);
  assert.equal(flagged?.observed_at, timeOf(300 * 7_200));
  assert.match(
    flagged?.reason ?? '',
    /^Temperature 40\.0 °C is \d+\.\d deviations above .*usual in A/,
  );
});

test('a direction is the mean of unit vectors, and none where they cancel out', async () => {
  await using place = await openPlace();
  await place.add([
    { ...made('a', 0, 10), direction: 350 },
    { ...made('a', 12, 10), direction: 10 },
    { ...made('b', 0, 10), direction: 90 },
    { ...made('b', 12, 10), direction: 270 },
  ]);
  const { trends } = await place.rows((await (await place.refresher()).refresh()) as Publication);
  const directions = (city: string) =>
    trends.filter((row) => row.city_id === city).map((row) => row.wind_direction_deg_mean);
  for (const direction of directions('a')) {
    const fromNorth = Math.min(direction ?? 99, 360 - (direction ?? 99));
    assert.ok(fromNorth < 1e-9, String(direction));
  }
  assert.deepEqual(directions('b'), [null, null]);
});

test('two publishers at once: one number each, the newest says the newest version', async () => {
  await using place = await openPlace();
  const publishers = await Promise.all([1, 2, 3].map(() => place.refresher()));
  for (let round = 0; round < 4; round++) {
    await place.add([made('a', round, round)]);
    await Promise.all(publishers.map((publisher) => publisher.refresh()));
  }
  const newest = await readPublication(place.storage);
  assert.equal(newest?.table_version, 3);
  const { statistics } = await place.rows(newest as Publication);
  assert.equal(statistics[0]?.observation_count, 4);
});

test('cleaning keeps the newest and whatever it names', async () => {
  await using place = await openPlace();
  const refresher = await place.refresher();
  for (let round = 0; round < 3; round++) {
    await place.add([made('a', round, round)]);
    await refresher.refresh();
  }
  const later = () => new Date(Date.now() + 30 * 86_400_000);
  assert.ok((await cleanPublications(place.storage, 7, later)) > 0);
  const newest = await readPublication(place.storage);
  assert.equal(newest?.version, 3);
  assert.equal((await place.rows(newest as Publication)).statistics.length, 1);
  await place.add([made('a', 9, 9)]);
  assert.equal((await (await place.refresher()).refresh())?.version, 4);
});

function made(city: string, slot: number, temperature: number): Made {
  return {
    city,
    at: slot * 7_200,
    temperature,
    humidity: 50,
    direction: null,
    interval: 7_200,
  };
}
