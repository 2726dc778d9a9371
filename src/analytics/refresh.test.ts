import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stormOf } from '../../test/support/storm.ts';
import { publicationPath } from '../lake/layout.ts';
import type { CityStatistics } from '../model/datasets.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { cleanPublications, type Publication, readPublication } from './publication.ts';
import { cover } from './testing/coverage.ts';
import { type Made, made, openPlace, START, timeOf } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

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
    const observed = (kept: readonly Made[]) =>
      kept.map(({ at, interval }) => ({ at: START / 1_000 + at, interval }));
    const share = (holds: (row: Made) => boolean) => {
      const { held, expected } = cover(observed(rows), observed(rows.filter(holds)));
      return (100 * held) / expected;
    };
    const hasTemperature = ({ temperature }: Made) => temperature !== null;
    const hasHumidity = ({ humidity }: Made) => humidity !== null;
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
      coverage_pct: share(
        (row) => hasTemperature(row) || hasHumidity(row) || row.direction !== null,
      ),
      temperature_c_coverage_pct: share(hasTemperature),
      humidity_pct_coverage_pct: share(hasHumidity),
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

test('calm comes from nowhere, and a direction without a speed counts', async () => {
  await using place = await openPlace();
  const blown = (city: string, slot: number, speed: number | null, direction: number | null) => ({
    ...made(city, slot * 12, 10),
    ...{ speed, direction },
  });
  await place.add([
    ...[blown('a', 0, 0, 0), blown('a', 1, 0, 0), blown('a', 2, 0, 0)],
    ...[blown('a', 3, 5, 180), blown('a', 4, 5, 180)],
    ...[blown('b', 0, 0, 0), blown('b', 1, 0, 270)],
    ...[blown('c', 0, null, 90), blown('c', 1, 3, null), blown('c', 2, 0.1, 90)],
  ]);
  const { trends } = await place.rows((await (await place.refresher()).refresh()) as Publication);
  const found = new Map(trends.map((row) => [row.city_id, row.wind_direction_deg_mean]));
  assertClose(found.get('a'), 180, 'a');
  assert.equal(found.get('b'), null);
  assertClose(found.get('c'), 90, 'c');
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

test('what an earlier version of the program published is made anew, and never misread', async () => {
  await using place = await openPlace();
  const { storage, session, table } = place;
  await place.add([made('a', 0, 1), made('a', 1, 2)]);
  const first = await (await place.refresher()).refresh();
  const aggregates = {
    ...(first?.aggregates as object),
    format: 2,
    rollup: { months: ['2023-12'] },
  };
  const old = { ...first, aggregates };
  await storage.replace(publicationPath(1), Buffer.from(JSON.stringify(old)));
  const verdict = await verifyPublication({
    ...{ storage, session, table, columns: OBSERVATION_COLUMNS },
  });
  assert.deepEqual(verdict.differences, []);
  const anew = await (await place.refresher()).refresh();
  assert.deepEqual([anew?.version, anew?.table_version], [2, 0]);
  const { statistics } = await place.rows(anew as Publication);
  assert.equal(statistics[0]?.coverage_pct, 100);
  assert.equal((await (await place.refresher()).refresh())?.version, 2);
});

test('a mean lies between the lowest and the highest of its values', async () => {
  await using place = await openPlace();
  // Sums of equal values that do not divide back to them.
  const values = [0.1, 21.1, 67.7, -3.3, 99.9];
  await place.add(
    values.flatMap((value, city) =>
      Array.from({ length: 700 }, (_, slot) => ({
        ...made(`city-${city}`, slot, value),
        humidity: Math.abs(value),
      })),
    ),
  );
  const newest = await (await place.refresher()).refresh();
  const { statistics, trends } = await place.rows(newest as Publication);
  for (const [city, value] of values.entries()) {
    const row = statistics[city];
    assert.deepEqual([row?.temperature_c_mean, row?.humidity_pct_mean], [value, Math.abs(value)]);
    for (const trend of trends.filter(({ city_id }) => city_id === row?.city_id)) {
      assert.deepEqual(
        [trend.temperature_c_mean, trend.humidity_pct_mean],
        [value, Math.abs(value)],
      );
    }
  }
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
