import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeAnomaly, episodesOf } from './anomaly.ts';

function row(observedAt: string, value: number, city = 'london') {
  return {
    city_id: city,
    city,
    observed_at: observedAt,
    variable: 'temperature_c',
    value,
    expected: 10,
    score: (value - 10) / 2,
    threshold: 3,
    rule: 'three_sigma',
    observation_count: 100,
    reason: '',
  } as const;
}

test('describes a value with what is usual, in the chosen unit', () => {
  assert.deepEqual(describeAnomaly(row('2026-11-20T05:00:00Z', 2), 'c'), {
    variable: 'Temperature',
    value: '2.0 °C',
    usual: '4.0 to 16.0',
    off: '4.0 spreads below',
    mean: '10.0 °C',
  });
  const warm = describeAnomaly(row('2026-11-20T05:00:00Z', 20), 'f');
  assert.equal(warm.value, '68.0 °F');
  assert.equal(warm.usual, '39.2 to 60.8');
  assert.deepEqual([warm.off, warm.mean], ['5.0 spreads above', '50.0 °F']);
});

test('values that stay unusual for hours are one episode, shown by the most unusual', () => {
  const rows = [
    row('2026-11-20T06:00:00Z', 2.5),
    row('2026-11-20T05:00:00Z', 1),
    row('2026-11-20T04:00:00Z', 3),
    row('2026-11-20T05:00:00Z', 18, 'dubai'),
    row('2026-11-21T05:00:00Z', 2),
  ];
  assert.deepEqual(
    episodesOf(rows).map(({ peak, from, to, count }) => [
      peak.city_id,
      peak.value,
      (to - from) / 3_600_000,
      count,
    ]),
    [
      ['london', 2, 0, 1],
      ['london', 1, 2, 3],
      ['dubai', 18, 0, 1],
    ],
  );
});
