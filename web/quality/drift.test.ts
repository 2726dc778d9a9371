import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StationDrift } from '../../src/model/quality.ts';
import { driftRows } from './drift.ts';

function days(city_id: string, differences: readonly number[]): StationDrift[] {
  return differences
    .map((difference, day) => ({
      ...{ city_id, variable: 'temperature_c' as const, difference, spread: 1.5, count: 24 },
      began_at: new Date(Date.UTC(2024, 0, 1 + day)).toISOString(),
    }))
    .reverse();
}

test('stations that are off or drift come first, with their change', () => {
  const still = days(
    'still',
    Array.from({ length: 20 }, () => 0.3),
  );
  const drifting = days(
    'drifting',
    Array.from({ length: 20 }, (_, day) => -day / 10),
  );
  const young = days('young', [1, 1.2]);
  const rows = driftRows([...still, ...drifting, ...young]);
  assert.deepEqual(
    rows.map(({ cityId }) => cityId),
    ['drifting', 'young', 'still'],
  );
  const [first, second] = rows;
  assert.ok(Math.abs((first?.newest ?? 0) + 1.6) < 1e-9);
  assert.ok(Math.abs((first?.change ?? 0) + 1.3) < 1e-9);
  assert.equal(second?.change, null);
  assert.ok(Math.abs((second?.newest ?? 0) - 1.1) < 1e-9);
  assert.equal(first?.points.times[0], Date.UTC(2024, 0, 1));
});
