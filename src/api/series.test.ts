import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawLine } from './series.ts';

/** Microseconds since 1970. */
const at = (minute: number) => Date.UTC(2024, 0, 1, 0, minute) * 1_000;

/** One observation on its own, as an unsampled line has them. */
function one(minute: number, value: number, interval_s: number | null = 600) {
  const time = at(minute);
  return {
    sampled: false,
    interval_s,
    first_us: time,
    first_value: value,
    last_us: time,
    last_value: value,
    lowest_us: time,
    lowest_value: value,
    highest_us: time,
    highest_value: value,
  };
}

test('a line without gaps has exactly its observations', () => {
  assert.deepEqual(drawLine([one(0, 1), one(10, 2), one(20, 3)], 1), [
    [at(0), 1],
    [at(10), 2],
    [at(20), 3],
  ]);
  assert.deepEqual(drawLine([], 1), []);
  assert.deepEqual(drawLine([one(0, 1)], 1), [[at(0), 1]]);
});

test('a missing observation is a null at the time it was due; a late one is none', () => {
  assert.deepEqual(drawLine([one(0, 1), one(20, 2), one(34, 3)], 1), [
    [at(0), 1],
    [at(10), null],
    [at(20), 2],
    [at(34), 3],
  ]);
});

test('the longer interval counts where the source changes; without one there are no gaps', () => {
  assert.deepEqual(drawLine([one(0, 1, 3_600), one(60, 2, 60)], 1).length, 2);
  assert.deepEqual(drawLine([one(0, 1, null), one(600, 2, null)], 1).length, 2);
});

test('a sampled line keeps lowest and highest in their order, its ends, and the edges of gaps', () => {
  const bucket = (start: number, values: readonly number[]) => {
    const lowest = values.indexOf(Math.min(...values));
    const highest = values.indexOf(Math.max(...values));
    return {
      sampled: true,
      interval_s: 60,
      first_us: at(start),
      first_value: values[0] ?? 0,
      last_us: at(start + values.length - 1),
      last_value: values.at(-1) ?? 0,
      lowest_us: at(start + lowest),
      lowest_value: values[lowest] ?? 0,
      highest_us: at(start + highest),
      highest_value: values[highest] ?? 0,
    };
  };
  const line = drawLine(
    [bucket(0, [5, 9, 1, 5]), bucket(4, [5, 1, 9, 5]), bucket(40, [5, 6, 4, 5])],
    240_000,
  );
  assert.deepEqual(line, [
    [at(0), 5],
    [at(1), 9],
    [at(2), 1],
    [at(5), 1],
    [at(6), 9],
    [at(7), 5],
    [at(8), null],
    [at(40), 5],
    [at(41), 6],
    [at(42), 4],
    [at(43), 5],
  ]);
  // Two minutes missing within four-minute buckets: not visible.
  assert.ok(drawLine([bucket(0, [1, 2]), bucket(5, [1, 2])], 240_000).every(([, v]) => v !== null));
});
