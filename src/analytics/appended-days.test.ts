import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppendedDays, type DayValues } from './appended-days.ts';

/** 18:15 UTC is midnight five hours and three quarters east. */
const OFFSET_S = 20_700;

function valuesAt(observed_at: string, changes: Partial<DayValues> = {}): DayValues {
  const seconds = Date.parse(observed_at) / 1_000;
  return {
    ...{ city_id: 'kathmandu-np', month: observed_at.slice(0, 7), observed_at },
    ...{ day: Math.floor((seconds + OFFSET_S) / 86_400), utc_hour: Math.floor(seconds / 3_600) },
    ...{ interval_s: 600, utc_offset_s: OFFSET_S, temperature_c: 20, humidity_pct: null },
    ...{ pressure_hpa: null, wind_speed_ms: null, wind_gust_ms: null, wind_direction_deg: null },
    ...{ rain_1h_mm: null, snow_1h_mm: null },
    ...changes,
  };
}

function daysOf(...values: readonly DayValues[]): Record<string, unknown>[] {
  const days = new AppendedDays(new Map());
  for (const one of values) days.add(one);
  return days.rows();
}

test('an hour counts once for each day of the city that it is part of', () => {
  const hours = daysOf(
    valuesAt('2024-05-01T17:50:00Z'),
    valuesAt('2024-05-01T18:00:00Z'),
    valuesAt('2024-05-01T18:10:00Z'),
    valuesAt('2024-05-01T18:20:00Z'),
    valuesAt('2024-05-01T18:50:00Z', { temperature_c: null }),
    valuesAt('2024-05-01T19:00:00Z'),
  ).map((row) => row.temperature_c_hours);
  assert.deepEqual(hours, [2, 2]);
});

test('an hour that the rows before it have counted does not count again', () => {
  const first = valuesAt('2024-05-01T10:50:00Z');
  for (const [last, wanted] of [
    [{ utc_hour: first.utc_hour, day: first.day }, 0],
    [{ utc_hour: first.utc_hour - 1, day: first.day }, 1],
    [{ utc_hour: first.utc_hour, day: first.day - 1 }, 1],
  ] as const) {
    const days = new AppendedDays(new Map([['kathmandu-np', last]]));
    days.add(first);
    assert.equal(days.rows()[0]?.temperature_c_hours, wanted);
  }
});

test('a value of an earlier day in the same hour is left to the statements', () => {
  const before = valuesAt('2024-05-01T18:10:00Z');
  const after = valuesAt('2024-05-01T18:20:00Z');
  const last = { utc_hour: after.utc_hour, day: after.day };
  const days = new AppendedDays(new Map([['kathmandu-np', last]]));
  assert.equal(days.isNext(after), true);
  assert.equal(days.isNext(before), false);
  assert.equal(days.isNext({ ...before, temperature_c: null }), true);
  assert.equal(days.isNext({ ...before, utc_hour: before.utc_hour + 1 }), true);
  assert.equal(days.isNext({ ...before, city_id: 'oslo-no' }), true);
});

test('the longest interval of a day counts, and rain for at most an hour', () => {
  const [day] = daysOf(
    valuesAt('2024-05-01T10:00:00Z', { interval_s: 10_800, rain_1h_mm: 2 }),
    valuesAt('2024-05-01T10:10:00Z', { interval_s: 600, rain_1h_mm: 3 }),
  );
  assert.equal(day?.interval_s, 10_800);
  assert.equal(day?.rain_mm, 2.5);
  assert.equal(day?.rain_reported_s, 4_200);
  assert.equal(day?.snow_mm, undefined);
});
