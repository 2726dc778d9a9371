import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  changeOver,
  gapsOf,
  lastOf,
  linePath,
  nearest,
  spreadLabels,
  valueRange,
} from './points.ts';

const points = (...values: readonly (number | null)[]) => ({
  times: values.map((_, index) => index * 10),
  values,
});

test('a gap reaches from the value before to the value after', () => {
  assert.deepEqual(gapsOf(points(1, null, null, 4, 5, null, 7)), [
    { from: 0, to: 30 },
    { from: 40, to: 60 },
  ]);
  assert.deepEqual(gapsOf(points(null, 1, 2, null)), []);
});

test('the newest value is the last that is none', () => {
  assert.deepEqual(lastOf(points(1, 2, null)), { at: 10, value: 2 });
  assert.equal(lastOf(points(null)), null);
  assert.equal(lastOf(points()), null);
});

test('a change needs a value near the time before', () => {
  assert.equal(changeOver(points(1, 2, 4, 8), 20), 6);
  assert.equal(changeOver(points(null, 2, 4, 8), 30), null);
  assert.equal(changeOver(points(null, null, null, 8), 20), null);
});

test('the nearest point with a value', () => {
  assert.deepEqual(nearest(points(1, null, 3), 12), { at: 20, value: 3 });
  assert.equal(nearest(points(), 12), null);
});

test('labels keep their place where there is room and move apart where there is none', () => {
  assert.deepEqual(spreadLabels([10, 50, 90], 16, 8, 92), [10, 50, 90]);
  assert.deepEqual(spreadLabels([50, 50, 52], 16, 8, 92), [50, 66, 82]);
  const low = spreadLabels([90, 91, 92], 16, 8, 92);
  assert.deepEqual(low, [60, 76, 92]);
});

test('a path is lifted at a gap', () => {
  const path = linePath(
    points(1, 2, null, 4),
    (x) => x,
    (y) => y,
  );
  assert.equal(path, 'M0,1L10,2M30,4Z');
});

test('one scale for several lines, at least as wide as asked for', () => {
  assert.deepEqual(valueRange([points(1, null, 9), points(4)], 2), [1, 9]);
  assert.deepEqual(valueRange([points(4, 6)], 12), [-1, 11]);
  assert.equal(valueRange([points(null)], 12), null);
});
