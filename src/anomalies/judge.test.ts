import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCity, seasonOf } from './judge.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test('a wind speed that an earlier year had is not a record, whatever its last digit', () => {
  const day = 19_800;
  for (let speed = 0.1; speed < 30; speed += 0.1) {
    const hours = new Float64Array(24).fill(Math.sqrt(speed));
    const days = new Map([1, 2].map((year) => [day - Math.round(365.2425 * year), hours]));
    const peak = { at: day * DAY_MS, value: speed, expected: 1, score: 9 };
    const [from, to] = [peak.at, peak.at];
    const run = { city_id: 'a', variable: 'wind_speed_ms', from, to, peak, count: 1 } as const;
    assert.deepEqual(seasonOf(days, run), { years: 2, beyond: null }, String(speed));
  }
});

test('days before 1970 are judged as all others', () => {
  const found = [-400, 400].map((first) => {
    const at = Float64Array.from({ length: 60 * 24 }, (_, hour) => first * DAY_MS + hour * HOUR_MS);
    const series = at.map((_, hour) => 10 + 5 * Math.sin((hour * Math.PI) / 12) + ((hour * 7) % 5));
    const peak = 50 * 24 + 7;
    const days = new Map(
      Array.from({ length: 60 }, (_, day) => [first + day, series.slice(24 * day, 24 * day + 24)]),
    );
    series[peak] = 60;
    const values = { temperature_c: series };
    const history = { city_id: 'a', at, values, days: { temperature_c: days } };
    return judgeCity(history, first * DAY_MS).runs.map((run) => [
      ...[(run.from - first * DAY_MS) / HOUR_MS, run.peak.value, run.peak.score],
    ]);
  });
  assert.equal(found[1]?.length, 1);
  assert.deepEqual(found[0], found[1]);
});
