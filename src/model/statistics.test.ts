import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { medianOf } from './statistics.ts';

test('the median is that of the sorted numbers, whatever lies beyond the count', () => {
  const numbers = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, fc.nat(), (list, beyond) => {
      const sorted = Float64Array.from(list).sort();
      const middle = sorted.length >> 1;
      const [low = 0, high = 0] = [sorted[middle - 1], sorted[middle]];
      const wanted = sorted.length % 2 === 1 ? high : (low + high) / 2;
      const values = Float64Array.from([...list, ...Array(beyond % 5).fill(-1e9)]);
      assert.equal(medianOf(values, list.length), wanted);
      assert.deepEqual(values.slice(0, list.length).sort(), sorted);
    }),
  );
  assert.ok(Number.isNaN(medianOf(new Float64Array(3), 0)));
});

test('many equal numbers do not make it slow or wrong', () => {
  const values = Float64Array.from({ length: 100_000 }, (_, at) => at % 3);
  assert.equal(medianOf(values, values.length), 1);
});
