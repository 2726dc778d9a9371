/** The recount says what the publisher says, of any small world and whatever way it was merged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stormOf } from '../../../test/support/storm.ts';
import { type Made, openPlace, timeOf } from '../../analytics/testing/place.ts';
import type { Row } from '../../sql/engine.ts';
import { AnomaliesRecount } from './anomalies.ts';
import { CityStatisticsRecount } from './city-statistics.ts';
import { compareRecount } from './compare.ts';
import { HourlyTrendsRecount } from './hourly-trends.ts';
import { Moments } from './moments.ts';
import { parseRawRow, type RawRow } from './raw-row.ts';

const RUNS = stormOf(300, 12);
const DAYS = 100;

const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 4 });
/** Whole degrees, so that extremes come several times; now and then one far out. */
const temperature = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -4, max: 4 }) },
  { weight: 10, arbitrary: fc.double({ min: -30, max: 40, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-60, 60) },
);

/** On the grid of the interval, or anywhere; months end in between. */
const observation = fc
  .record({
    city: fc.constantFrom('a', 'b', 'c'),
    slot: fc.integer({ min: 0, max: 24 * DAYS }),
    beside: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_599 })),
    interval: fc.constantFrom(600, 3_600, 10_800),
    temperature: orNull(temperature),
    humidity: orNull(fc.integer({ min: 0, max: 100 })),
    direction: orNull(fc.constantFrom(0, 90, 180, 270, 359, 1)),
    speed: orNull(fc.integer({ min: 0, max: 3 })),
  })
  .map(({ slot, beside, ...rest }): Made => ({ ...rest, at: slot * 3_600 + beside }));

/** Commits that follow each other; each observation once. */
const world = fc
  .uniqueArray(observation, {
    minLength: 1,
    maxLength: 120,
    selector: ({ city, at }) => `${city} ${at}`,
  })
  .chain((all) =>
    fc.record({
      all: fc.constant(all),
      commits: fc.array(fc.integer({ min: 0, max: all.length }), { maxLength: 3 }),
    }),
  );

function rawRow(made: Made): RawRow {
  const { city, at, interval, temperature, humidity, direction, speed = null } = made;
  const line = JSON.stringify({
    ...{ city_id: city, city: city.toUpperCase(), country: 'XX', observed_at: timeOf(at) },
    ...{ interval_s: interval, utc_offset_s: 5 * 3_600 },
    ...{ temperature_c: temperature, humidity_pct: humidity },
    ...{ wind_speed_ms: speed, wind_direction_deg: direction },
  });
  const row = parseRawRow(line);
  assert.ok(typeof row === 'object', String(row));
  return row;
}

test('small random worlds, landed in parts, are recounted as they were published', async () => {
  await fc.assert(
    fc.asyncProperty(world, async ({ all, commits }) => {
      await using place = await openPlace();
      const refresher = await place.refresher();
      let publication = null;
      let from = 0;
      for (const to of [...commits.toSorted((a, b) => a - b), all.length]) {
        if (to === from) continue;
        await place.add(all.slice(from, to));
        publication = await refresher.refresh();
        from = to;
      }
      assert.ok(publication !== null);
      const { statistics, trends, anomalies } = await place.rows(publication);
      const recount = new CityStatisticsRecount();
      const recounts = [
        ['city_statistics', recount, statistics],
        ['hourly_trends', new HourlyTrendsRecount(), trends],
        ['anomalies', new AnomaliesRecount(recount, statistics as Row[]), anomalies],
      ] as const;
      for (const made of all.toSorted((a, b) => a.at - b.at)) {
        for (const [, one] of recounts) one.add(rawRow(made));
      }
      const differences = recounts.flatMap(([dataset, one, rows]) =>
        compareRecount(dataset, one, rows as unknown as Row[]),
      );
      assert.deepEqual(differences, []);
    }),
    { numRuns: RUNS },
  );
});

test('mean and deviation do not depend on the order, and lose no digit far from zero', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 2 }), (values) => {
      const moments = new Moments();
      for (const value of values) moments.add(1e9 + value);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const stddev = Math.sqrt(squares / (values.length - 1));
      assert.ok(Math.abs((moments.mean ?? Number.NaN) - 1e9 - mean) < 1e-5);
      assert.ok(Math.abs((moments.stddev ?? Number.NaN) - stddev) < 1e-5);
    }),
  );
});

test('a value as far out as the rule asks may be on either side', () => {
  // Ten zeros and x: the deviation of x is the largest that a value of eleven can have.
  const line = (index: number, value: number) =>
    rawRow({ ...MADE, at: index * 3_600, temperature: value });
  const statistics = new CityStatisticsRecount();
  const anomalies = new AnomaliesRecount(statistics, [
    { city_id: 'a', temperature_c_mean: 1, temperature_c_stddev: 3 },
  ]);
  for (let index = 0; index < 11; index += 1) {
    const row = line(index, index === 10 ? 11 : 0);
    statistics.add(row);
    anomalies.add(row);
  }
  const tally = statistics.tallies.get('a') ?? assert.fail();
  const { mean, stddev } = tally.temperature;
  const edge = (mean ?? 0) + 3 * (stddev ?? 0);
  assert.equal(anomalies.isUndecided({ city_id: 'a', value: edge }), true);
  assert.equal(anomalies.isUndecided({ city_id: 'a', value: edge + 1e-6 }), false);
  assert.deepEqual(
    [...anomalies.rows()].map(({ value }) => value),
    [11],
  );
});

test('statistics that are far off keep the anomalies of their city from being compared', () => {
  const statistics = new CityStatisticsRecount();
  const published = [{ city_id: 'a', temperature_c_mean: 1, temperature_c_stddev: 30 }];
  const anomalies = new AnomaliesRecount(statistics, published);
  for (let index = 0; index < 12; index += 1) {
    const row = rawRow({ ...MADE, at: index * 3_600, temperature: index % 5 });
    statistics.add(row);
    anomalies.add(row);
  }
  const row = { city_id: 'a', observed_at: timeOf(0), variable: 'temperature_c', rule: 'r' };
  assert.deepEqual(compareRecount('anomalies', anomalies, [row]), [
    'anomalies a: not compared: its published statistics are too far from the raw export',
  ]);
});

const MADE: Made = {
  ...{ city: 'a', at: 0, interval: 3_600 },
  ...{ temperature: 0, humidity: null, direction: null },
};

test('a line that makes no row says why', () => {
  const whole = { city_id: 'a', observed_at: '2024-10-31T14:00:00Z' };
  for (const [line, problem] of [
    ['', 'it is not JSON'],
    ['[]', 'it is not an object'],
    [JSON.stringify({ ...whole, city_id: 3 }), 'city_id is not a text'],
    [JSON.stringify({ ...whole, observed_at: '2024-10-31' }), 'observed_at is not a time'],
    [
      JSON.stringify({ ...whole, observed_at: '2024-13-31T14:00:00Z' }),
      'observed_at is not a time',
    ],
  ] as const) {
    assert.equal(parseRawRow(line), problem);
  }
  const row = parseRawRow(JSON.stringify({ ...whole, temperature_c: '12', condition: 'rain' }));
  assert.ok(typeof row === 'object');
  assert.deepEqual([row.values.temperature_c, row.hasValue], [null, true]);
});
