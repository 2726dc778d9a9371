import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outlinePath } from './line-layout.ts';
import { daysPerPoint, stepWords, summarise } from './summarise.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Monday. */
const START = Date.parse('2016-01-04T00:00:00Z');

/** A day's swing from `base` − 5 to `base` + 5, every hour. */
function line(days: number, base = 10, stepHours = 1) {
  const count = (days * 24) / stepHours;
  const times = Array.from({ length: count }, (_, index) => START + index * stepHours * HOUR);
  const values = times.map((at) => base + 5 * Math.cos((2 * Math.PI * (at - START)) / DAY));
  return { cityId: 'a', name: 'a', place: 0, times, values: values as (number | null)[] };
}

test('days wide enough to be followed are drawn as they are', () => {
  assert.equal(daysPerPoint([line(7)], START, START + 7 * DAY, 1_200), null);
  assert.equal(daysPerPoint([line(30)], START, START + 30 * DAY, 1_200), null);
  assert.equal(daysPerPoint([line(30)], START, START + 30 * DAY, 250), 1);
  assert.equal(daysPerPoint([], START, START + 60_000, 250), null);
});

test('a point has room, and is longer than the steps that the server sampled', () => {
  assert.equal(daysPerPoint([line(365)], START, START + 365 * DAY, 1_200), 1);
  assert.equal(daysPerPoint([line(365, 10, 12)], START, START + 365 * DAY, 1_200), 2);
  assert.equal(daysPerPoint([line(1_825, 10, 48)], START, START + 1_825 * DAY, 1_200), 7);
  assert.equal(daysPerPoint([line(1_825)], START, START + 1_825 * DAY, 250), 28);
});

test('each day has its lowest, its highest and their middle, on the clock of the zone', () => {
  const { times, lows, highs, values } = summarise(line(3), 1, 'UTC');
  assert.deepEqual(
    times.map((at) => (at - START) / HOUR),
    [12, 36, 60],
  );
  assert.deepEqual(
    [lows[0], highs[0], values[0]].map((value) => Math.round(value ?? 0)),
    [5, 15, 10],
  );
  const tokyo = summarise(line(3), 1, 'Asia/Tokyo');
  assert.deepEqual(
    tokyo.times.map((at) => (at - START) / HOUR),
    [3, 27, 51, 75],
  );
});

test('weeks begin on Monday', () => {
  const { times } = summarise(line(14), 7, 'UTC');
  assert.deepEqual(
    times.map((at) => (at - START) / DAY),
    [3.5, 10.5],
  );
});

test('a day without a value parts the line and the band', () => {
  const whole = line(5);
  const values = whole.values.map((value, index) => (Math.floor(index / 24) === 2 ? null : value));
  const summary = summarise({ ...whole, values }, 1, 'UTC');
  assert.equal(summary.values[2], null);
  const path = outlinePath(
    summary,
    (at) => (at - START) / HOUR,
    (value) => value,
  );
  assert.equal(path.replaceAll('.0', ''), 'M12,15L36,15L36,5L12,5ZM84,15L108,15L108,5L84,5Z');
});

test('without values there is nothing', () => {
  const summary = summarise({ ...line(1), values: line(1).values.map(() => null) }, 1, 'UTC');
  assert.deepEqual([summary.times, outlinePath(summary, Number, Number)], [[], '']);
});

test('describes the step in words', () => {
  assert.deepEqual([1, 2, 7].map(stepWords), ['each day', 'every 2 days', 'each week']);
});
