import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClimateDay, growingSeason, heatWaves } from './climate.ts';

const DAY_MS = 86_400_000;

/** Days from this one on, of these means or highest temperatures; null is a day that is missing. */
function days(first: string, values: readonly (number | null)[]): ClimateDay[] {
  return values.flatMap((value, at) => {
    if (value === null) return [];
    const date = new Date(Date.parse(first) + at * DAY_MS).toISOString().slice(0, 10);
    return [{ date, temperature_c_mean: value, temperature_c_max: value, coverage_pct: 100 }];
  });
}

const repeat = (value: number, count: number): number[] => Array(count).fill(value);

test('a heat wave is three hot days in a row, and a day that is missing ends one', () => {
  assert.deepEqual(heatWaves(days('2024-07-01', [30, 31, 29.9, 30, 33, 30, 20])), [
    { from: '2024-07-04', to: '2024-07-06', days: 3, highest_c: 33 },
  ]);
  assert.deepEqual(heatWaves(days('2024-07-01', [30, 30, null, 30, 30])), []);
  assert.deepEqual(heatWaves(days('2024-12-30', repeat(31, 4))), [
    { from: '2024-12-30', to: '2025-01-02', days: 4, highest_c: 31 },
  ]);
  assert.deepEqual(heatWaves(days('2024-07-01', repeat(26, 3)), 25).length, 1);
  const unknown = days('2024-07-01', repeat(31, 4)).map((day, at) =>
    at === 1 ? { ...day, temperature_c_max: null } : day,
  );
  assert.deepEqual(heatWaves(unknown), []);
});

test('the growing season begins with six warm days and ends with six cold ones after midsummer', () => {
  // Cold to the tenth, five warm days, one of 5 °C, then warm; cold days in June do not end it.
  const year = [
    ...[...repeat(0, 10), ...repeat(6, 5), 5, ...repeat(6, 130)],
    ...[...repeat(0, 10), ...repeat(6, 150), ...repeat(4, 60)],
  ];
  assert.equal(year.length, 366);
  const season = growingSeason(days('2024-01-01', year), 2024, 'north');
  assert.deepEqual(season, { days: 290, from: '2024-01-17', to: '2024-11-01' });
  assert.deepEqual(growingSeason(days('2024-01-01', repeat(9, 366)), 2024, 'north'), {
    days: 366,
    from: '2024-01-01',
    to: '2024-12-31',
  });
  assert.equal(growingSeason(days('2024-01-01', repeat(1, 366)), 2024, 'north')?.days, 0);
  assert.equal(growingSeason(days('2024-01-01', repeat(9, 320)), 2024, 'north'), null);
  const poor = days('2024-01-01', repeat(9, 366)).map((day) => ({ ...day, coverage_pct: 50 }));
  assert.equal(growingSeason(poor, 2024, 'north'), null);
});

test('south of the equator a year is from July on', () => {
  const year = [...repeat(3, 40), ...repeat(12, 250), ...repeat(2, 75)];
  const season = growingSeason(days('2022-07-01', year), 2022, 'south');
  assert.deepEqual(season, { days: 250, from: '2022-08-10', to: '2023-04-16' });
});
