import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../test/support/random.ts';
import { flagUnseasonal, knownSeason } from './climatology.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TODAY = Date.UTC(2024, 1, 20);

/** The same season of so many earlier years: −5 to 15 °C, warmest at 12 UTC. */
function seasons(years: number): Map<number, Float64Array> {
  const random = createRandom(3);
  const days = new Map<number, Float64Array>();
  for (let year = 1; year <= years; year += 1) {
    const middle = Math.floor(TODAY / DAY_MS) - Math.round(year * 365.2425);
    for (let day = middle - 15; day <= middle + 15; day += 1) {
      const hours = Float64Array.from(
        { length: 24 },
        (_, hour) => 5 - 8 * Math.cos((hour / 12) * Math.PI) + 4 * (random() - 0.5),
      );
      days.set(day, hours);
    }
  }
  return days;
}

/** Values of the hours of today. */
function judge(values: readonly number[], years: number, from = TODAY) {
  return flagUnseasonal({
    ...{ city_id: 'oslo', variable: 'temperature_c', days: seasons(years), from },
    at: Float64Array.from(values, (_, hour) => TODAY + hour * HOUR_MS),
    series: Float64Array.from(values),
  });
}

test('a value that no earlier year had, and far from all, is suspect and never fails', () => {
  // At three some −0.6 °C are usual.
  const [flag, ...others] = judge([-3, 1, Number.NaN, -22], 3);
  assert.deepEqual(others, []);
  assert.equal(flag?.observed_at, '2024-02-20T03:00:00Z');
  assert.deepEqual([flag?.test, flag?.verdict, flag?.value], ['climatology', 'suspect', -22]);
  assert.ok(Math.abs((flag?.expected ?? 0) - -0.6) < 1, String(flag?.expected));
  assert.ok((flag?.spread ?? 0) >= 0.8);
});

test('the hour counts: what is usual at noon is not at midnight', () => {
  assert.equal(judge([13], 3).length, 1);
  const noon = Array.from({ length: 13 }, (_, hour) => (hour === 12 ? 13 : Number.NaN));
  assert.equal(judge(noon, 3).length, 0);
});

test('a record that is not far is not flagged', () => {
  // All values of the season at midnight lie between −5 and 1 °C.
  assert.deepEqual(judge([8], 3), []);
});

test('one earlier year is too few, and values before the beginning are not judged', () => {
  assert.equal(judge([40], 2).length, 1);
  assert.deepEqual(judge([40], 1), []);
  assert.deepEqual(judge([40], 2, TODAY + 1), []);
});

test('a season is known of two earlier years with enough values at the hour', () => {
  assert.deepEqual(knownSeason(seasons(3), TODAY), { years: 3, isEnough: true });
  assert.deepEqual(knownSeason(seasons(2), TODAY), { years: 2, isEnough: true });
  assert.deepEqual(knownSeason(seasons(1), TODAY), { years: 1, isEnough: false });
  assert.deepEqual(knownSeason(new Map(), TODAY), { years: 0, isEnough: false });
  // A source that reports every three hours has one value around an hour, not three.
  const sparse = (years: number) =>
    new Map(
      [...seasons(years)].map(([day, hours]) => [
        day,
        hours.map((value, hour) => (hour % 3 === 0 ? value : Number.NaN)),
      ]),
    );
  assert.deepEqual(knownSeason(sparse(2), TODAY), { years: 2, isEnough: false });
  assert.deepEqual(knownSeason(sparse(3), TODAY), { years: 3, isEnough: true });
});

test('a variable without limits is passed over', () => {
  const found = flagUnseasonal({
    ...{ city_id: 'oslo', variable: 'wind_direction_deg', days: seasons(3), from: 0 },
    ...{ at: Float64Array.of(TODAY), series: Float64Array.of(40) },
  });
  assert.deepEqual(found, []);
});
