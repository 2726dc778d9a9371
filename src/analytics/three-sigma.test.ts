import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CityStatistics } from '../model/datasets.ts';
import { flagCandidate, hasEnoughValues, isOutgrown } from './three-sigma.ts';

function statistics(changes: Partial<CityStatistics> = {}): CityStatistics {
  return {
    ...{ city_id: 'a', city: 'A', country: 'XX', observation_count: 100 },
    ...{ temperature_c_count: 100, temperature_c_mean: 10, temperature_c_stddev: 2 },
    ...{ temperature_c_min: 0, temperature_c_min_at: null },
    ...{ temperature_c_max: 20, temperature_c_max_at: null, humidity_pct_mean: null },
    ...{ first_observed_at: '2024-01-01T00:00:00Z', last_observed_at: '2024-01-05T00:00:00Z' },
    ...{ coverage_pct: 100, temperature_c_coverage_pct: 100, humidity_pct_coverage_pct: 0 },
    ...changes,
  };
}

function flag(value: number, changes: Partial<CityStatistics> = {}) {
  const candidate = { city_id: 'a', observed_at: '2024-01-02T00:00:00Z', temperature_c: value };
  return flagCandidate(candidate, statistics(changes));
}

test('a value is flagged from more than three deviations on, of eleven values or more', () => {
  assert.equal(flag(16), null);
  assert.equal(flag(4), null);
  assert.equal(flag(16.001)?.expected, 10);
  assert.equal(flag(3)?.score, -3.5);
  assert.equal(flag(99, { temperature_c_count: 10 }), null);
  assert.equal(flag(99, { temperature_c_count: 11 })?.observation_count, 11);
  assert.ok(!hasEnoughValues(statistics({ temperature_c_count: 10 })));
});

test('what is left of the deviation of equal values flags nothing', () => {
  assert.equal(flag(10 + 1e-8, { temperature_c_stddev: 1e-9 }), null);
  assert.equal(flag(99, { temperature_c_stddev: null }), null);
});

test('bounds are outgrown before a value that the rule flags could be missing', () => {
  const bounds = { low: 5, high: 15 };
  assert.ok(!isOutgrown(statistics(), bounds));
  assert.ok(isOutgrown(statistics({ temperature_c_stddev: 1.6 }), bounds));
  assert.ok(isOutgrown(statistics({ temperature_c_mean: 11.1 }), bounds));
  assert.ok(isOutgrown(statistics(), undefined));
  assert.ok(!isOutgrown(statistics({ temperature_c_stddev: null }), undefined));
  assert.ok(!isOutgrown(statistics({ temperature_c_count: 10 }), undefined));
});
