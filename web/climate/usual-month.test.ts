import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MonthlySummary } from '../../src/model/climate-datasets.ts';
import { usualOf } from './usual-month.ts';

const month = (name: string, mean: number, more: Partial<MonthlySummary> = {}) =>
  ({
    month: name,
    is_full: true,
    temperature_c_mean: mean,
    rain_mm: 10,
    rain_reported_s: 29 * 86_400,
    ...more,
  }) as MonthlySummary;

test('what is usual is of other years and full months, and the month itself is not in it', () => {
  const months = [
    month('2014-11', 4),
    month('2015-11', 6, { rain_mm: 99, rain_reported_s: 86_400 }),
    month('2016-11', 50, { is_full: false }),
    month('2016-12', 70),
    month('2017-11', 90),
  ];
  const usual = usualOf(months, months[4] as MonthlySummary);
  assert.deepEqual(usual.years, [2014, 2015]);
  assert.equal(usual.means.temperature_c_mean, 5);
  assert.equal(usual.means.rain_mm, 10, 'a month of little rain data does not count');
  assert.equal(usual.means.hot_day_count, null);
  assert.equal(usual.basis, 'few_years');
  const none = usualOf(months, months[3] as MonthlySummary);
  assert.deepEqual([none.years, none.means.temperature_c_mean], [[], null]);
});

test('only thirty years make a normal', () => {
  const of = (count: number) =>
    usualOf(
      Array.from({ length: count }, (_, at) => month(`${1990 + at}-05`, 12)),
      month('2024-05', 13),
    ).basis;
  assert.deepEqual([9, 10, 29, 30].map(of), [
    'few_years',
    'period_average',
    'period_average',
    'normal',
  ]);
});
