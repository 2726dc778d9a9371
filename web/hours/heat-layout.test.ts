import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutHeat, nextPeriod, periodOf } from './heat-layout.ts';

const DAY = 86_400_000;
const row = (period_start: string, hour: number, mean = 10) => ({
  period_start,
  hour,
  mean,
  observation_count: 1,
});

test('the longer the range, the more days share a row', () => {
  assert.deepEqual(
    [7, 62, 63, 400, 1_826].map((days) => periodOf(0, days * DAY)),
    ['day', 'day', 'week', 'week', 'month'],
  );
});

test('a day without an observation keeps its row', () => {
  const rows = [row('2016-07-08', 0), row('2016-07-10', 23)];
  const { periods, cells, cellHeight } = layOutHeat(rows, { width: 800, height: 300 }, 'day');
  assert.deepEqual(periods, ['2016-07-08', '2016-07-09', '2016-07-10']);
  assert.deepEqual(
    cells.map(({ row, hour, y }) => [row, hour, y]),
    [
      [0, 0, 0],
      [2, 23, 2 * cellHeight],
    ],
  );
});

test('periods follow the calendar, over the ends of months and years', () => {
  assert.equal(nextPeriod('2016-02-28', 'day'), '2016-02-29');
  assert.equal(nextPeriod('2016-12-26', 'week'), '2017-01-02');
  assert.equal(nextPeriod('2016-12-01', 'month'), '2017-01-01');
  assert.equal(nextPeriod('2016-01-31', 'month'), '2016-02-01');
});

test('years are marked where they begin', () => {
  const rows = ['2012-10-01', '2017-11-01'].map((start) => row(start, 0));
  assert.deepEqual(
    layOutHeat(rows, { width: 800, height: 300 }, 'month').marks.map(({ period }) =>
      period.slice(0, 7),
    ),
    ['2013-01', '2014-01', '2015-01', '2016-01', '2017-01'],
  );
});

test('all cells lie within the width and the height, and fill them', () => {
  const many = Array.from({ length: 62 }, (_, at) =>
    row(new Date(Date.UTC(2016, 0, 1) + at * DAY).toISOString().slice(0, 10), 23),
  );
  const place = { width: 320, height: 280 };
  const { cells, cellWidth, cellHeight, marks } = layOutHeat(many, place, 'day');
  assert.ok(cells.every(({ x }) => x + cellWidth <= 320 + 1e-6));
  const last = Math.max(...cells.map(({ y }) => y + cellHeight));
  assert.ok(last <= 280 && last > 240 && marks.length < 12, `${last} ${marks.length}`);
  assert.deepEqual(layOutHeat([], place, 'day').cells, []);
});
