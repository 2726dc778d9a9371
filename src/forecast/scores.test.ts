import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MODELS, SCORED_HORIZONS } from '../model/forecast.ts';
import type { Judged } from './forecaster.ts';
import { addScore, fieldOf, mergeScores, openScores, skillOf } from './scores.ts';

const value = fc.double({ min: -40, max: 40, noNaN: true });
const judged: fc.Arbitrary<Judged> = fc.record({
  horizon: fc.constantFrom(...SCORED_HORIZONS),
  value,
  said: fc.array(fc.oneof(value, fc.constant(Number.NaN)), {
    minLength: MODELS.length,
    maxLength: MODELS.length,
  }),
  low: fc.oneof(value, fc.constant(Number.NaN)),
  median: value,
  high: value,
});

function sumOf(list: readonly Judged[]): Float64Array {
  const sums = openScores();
  for (const one of list) addScore(sums, one);
  return sums;
}

test('sums of parts, in any order, are those of the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.array(judged, { maxLength: 8 }), { maxLength: 5 }), (parts) => {
      const merged = openScores();
      for (const part of parts.toReversed()) mergeScores(merged, sumOf(part));
      const whole = sumOf(parts.flat());
      for (const [at, sum] of whole.entries()) assert.ok(Math.abs(sum - (merged[at] ?? 0)) < 1e-6);
    }),
  );
});

test('errors are forecast less observation, and the CRPS that of three quantiles', () => {
  const said = MODELS.map((model) => (model === 'persistence' ? 7 : Number.NaN));
  const all = Array.from({ length: 168 }, (_, at) => ({
    ...{ horizon: 6, value: at % 2 === 0 ? 10 : 14, said, low: 8, median: 11, high: 13 },
  }));
  const [, few] = skillOf(sumOf(all.slice(1)), openScores());
  assert.deepEqual([few?.n, few?.inside_pct, few?.crps], [167, null, null]);
  const [, six] = skillOf(sumOf(all), openScores());
  assert.equal(six?.horizon_h, 6);
  assert.equal(six?.n, 168);
  // +1 and −3.
  assert.deepEqual([six?.bias, six?.mae, six?.rmse], [-1, 2, 2.2361]);
  assert.equal(six?.inside_pct, 50);
  assert.equal(six?.persistence_mae, 5);
  assert.equal(six?.learned_mae, null);
  assert.deepEqual([six?.baseline, six?.baseline_mae], ['persistence', 5]);
  // Quantile losses 0.2, 0.5, 0.3 and 0.6, 1.5, 0.9; twice their mean.
  assert.equal(six?.crps, 1.3333);
});

test('without an interval neither CRPS nor coverage is counted', () => {
  const said = MODELS.map(() => 1);
  const one = { horizon: 1, value: 1, said, low: Number.NaN, median: 2, high: Number.NaN };
  const [first] = skillOf(sumOf([one]), openScores());
  assert.deepEqual([first?.n, first?.mae, first?.crps, first?.inside_pct], [1, 1, null, null]);
  assert.equal(fieldOf(sumOf([one]), 'served', 1, 'intervals'), 0);
});
