import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openRates } from './rates.ts';
import { openTrend } from './trend.ts';

const MINUTE = 60_000;
const START = 28_000_000 * MINUTE;

test('one value a minute, the last one of each; a minute without one is a gap', () => {
  const trend = openTrend(1);
  trend.add(START, 1);
  trend.add(START + 15_000, 2);
  trend.add(START + MINUTE, 3);
  trend.add(START + 4 * MINUTE, 4);
  assert.deepEqual(trend.points(), { step_s: 60, values: [2, 3, null, null, 4] });
});

test('whatever the clock does, few values are kept, and the newest is the last', () => {
  const steps = fc.array(
    fc.record({
      step: fc.integer({ min: -100 * MINUTE, max: 10_000 * MINUTE }),
      value: fc.double({ noNaN: true }),
    }),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 48 }), (list, hours) => {
      const trend = openTrend(hours);
      let at = START;
      for (const { step, value } of list) {
        at += step;
        trend.add(at, value);
      }
      const { values, step_s } = trend.points();
      assert.ok(values.length >= 1 && values.length <= 72);
      assert.ok((values.length - 1) * step_s <= hours * 3_600);
      assert.equal(values.at(-1), Number(list.at(-1)?.value.toPrecision(4)));
    }),
  );
});

test('a trend of hours is thinned out evenly', () => {
  const trend = openTrend(6);
  for (let minute = 0; minute < 1_000; minute += 1) trend.add(START + minute * MINUTE, minute);
  const { values, step_s } = trend.points();
  assert.equal(step_s, 300);
  assert.equal(values.length, 72);
  assert.deepEqual(values.slice(-3), [989, 994, 999]);
});

test('a rate is that between two looks; the first look and a new start have none', () => {
  let now = 0;
  const rates = openRates(() => now);
  assert.equal(rates.perSecond('a', 100), null);
  now += 2_000;
  assert.equal(rates.perSecond('a', 110), 5);
  assert.equal(rates.perSecond('b', 1), null);
  now += 1_000;
  assert.equal(rates.perSecond('a', 3), null);
  assert.equal(rates.perSecond('a', 4), null);
});
