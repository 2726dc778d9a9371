import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distanceKm } from '../model/city.ts';
import { findNeighbours, neighboursOf, openDistances, type Places } from './neighbours.ts';

const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});

function placesOf(
  list: readonly { readonly latitude: number; readonly longitude: number }[],
): Places {
  return {
    latitude: Float64Array.from(list, ({ latitude }) => latitude),
    longitude: Float64Array.from(list, ({ longitude }) => longitude),
    elevation: new Float64Array(list.length),
  };
}

test('neighbours are those that a look at every pair finds, the nearest first', () => {
  fc.assert(
    fc.property(
      fc.array(place, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 20 }),
      (list, radius, most) => {
        const neighbours = findNeighbours(placesOf(list), radius, most);
        for (const [one, from] of list.entries()) {
          const near = list
            .map((to, other) => ({ other, km: distanceKm(from, to) }))
            .filter(({ other, km }) => other !== one && km < radius - 1e-6)
            .sort((a, b) => a.km - b.km);
          const found = [...neighboursOf(neighbours, one)];
          const kms = found.map((other) => distanceKm(from, list[other] ?? from));
          assert.ok(found.length <= most);
          assert.ok(found.length >= Math.min(most, near.length));
          assert.ok(kms.every((km, at) => at === 0 || km >= (kms[at - 1] ?? 0) - 1e-6));
          const farthest = kms.at(-1) ?? 0;
          const nearer = near.filter(({ km }) => km < farthest - 1e-6);
          for (const { other } of nearer) assert.ok(found.includes(other));
        }
      },
    ),
  );
});

test('across the date line and at the poles places are as near as they are', () => {
  const list = [
    { latitude: 65, longitude: 179.9 },
    { latitude: 65, longitude: -179.9 },
    { latitude: 89.9, longitude: 0 },
    { latitude: 89.9, longitude: 180 },
  ];
  const neighbours = findNeighbours(placesOf(list), 50, 5);
  assert.deepEqual([...neighboursOf(neighbours, 0)], [1]);
  assert.deepEqual([...neighboursOf(neighbours, 3)], [2]);
  const distance = openDistances(placesOf(list));
  assert.ok(Math.abs(distance(0, 1) - distanceKm(list[0] as never, list[1] as never)) < 1e-6);
});
