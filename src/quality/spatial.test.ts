import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkBuddies } from './buddies.ts';
import { findNeighbours, type Places } from './neighbours.ts';
import { checkSpatial, openNetwork, type SpatialName } from './spatial.ts';

const SIDE = 7;
const COUNT = SIDE * SIDE;

/** Stations some 30 km apart, whose elevations are given. */
function gridOf(elevationAt: (one: number) => number): Places {
  const range = Array.from({ length: COUNT }, (_, one) => one);
  return {
    latitude: Float64Array.from(range, (one) => 45 + Math.floor(one / SIDE) * 0.27),
    longitude: Float64Array.from(range, (one) => 7 + (one % SIDE) * 0.38),
    elevation: Float64Array.from(range, elevationAt),
  };
}

function verdictsOf(
  places: Places,
  valueAt: (one: number) => number,
  { name = 'temperature_c' as SpatialName, wind = 5 } = {},
) {
  const values = Float64Array.from({ length: COUNT }, (_, one) => valueAt(one));
  const found = checkSpatial(name, openNetwork(places), {
    values,
    windSpeeds: new Float64Array(COUNT).fill(wind),
    checked: [...values.keys()],
    doubted: new Uint8Array(COUNT),
  });
  const verdicts = new Map(
    [...values.keys()].flatMap((one) => {
      const verdict = found.verdict(one);
      return verdict === null ? [] : [[one, verdict]];
    }),
  );
  return { verdicts, expected: found.expected, spread: found.spread };
}

/** A front: 8 °C over 200 km, with whole degrees. */
const field = (one: number) => Math.round(20 - (one % SIDE) * 1.3 - Math.floor(one / SIDE) * 0.4);

test('a field with a gradient, in whole degrees, is consistent', () => {
  assert.deepEqual(
    verdictsOf(
      gridOf(() => 100),
      field,
    ).verdicts,
    new Map(),
  );
});

test('a wrong value is found wherever it is, and nothing else is', () => {
  const places = gridOf((one) => (one * 37) % 300);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: COUNT - 1 }),
      fc.double({ min: 12, max: 40, noNaN: true }),
      fc.boolean(),
      (broken, error, isCold) => {
        const shift = isCold ? -error : error;
        const valueAt = (one: number) =>
          field(one) - 0.0065 * (places.elevation[one] ?? 0) + (one === broken ? shift : 0);
        const { verdicts } = verdictsOf(places, valueAt);
        assert.deepEqual([...verdicts.keys()], [broken]);
        if (error > 16) assert.equal(verdicts.get(broken), 'fail');
      },
    ),
  );
});

test('two wrong neighbours do not vouch for each other, nor drag others along', () => {
  const wrong = new Set([24, 25]);
  const valueAt = (one: number) => field(one) + (wrong.has(one) ? 20 : 0);
  const { verdicts } = verdictsOf(
    gridOf(() => 100),
    valueAt,
  );
  assert.deepEqual(new Set(verdicts.keys()), wrong);
});

test('a summit in an inversion is right, and so are valleys below it', () => {
  // Cold air lies below 600 m, warm air above it.
  const places = gridOf((one) => (one === 24 ? 1_900 : (one * 61) % 700));
  const valueAt = (one: number) => {
    const height = places.elevation[one] ?? 0;
    return height < 600 ? -8 + height * 0.008 : 9 - (height - 600) * 0.004;
  };
  assert.deepEqual(verdictsOf(places, valueAt).verdicts.get(24), undefined);
});

test('in still air more is allowed than in wind', () => {
  const places = gridOf(() => 100);
  const valueAt = (one: number) => field(one) + (one === 24 ? -7.5 : 0);
  assert.equal(verdictsOf(places, valueAt, { wind: 6 }).verdicts.get(24), 'suspect');
  assert.equal(verdictsOf(places, valueAt, { wind: 0 }).verdicts.get(24), undefined);
});

test('a pressure that was not reduced to sea level fails', () => {
  const places = gridOf((one) => (one * 53) % 900);
  const valueAt = (one: number) => 1_015 + (one % SIDE) * 0.4 - (one === 30 ? 90 : 0);
  const { verdicts } = verdictsOf(places, valueAt, { name: 'pressure_hpa' });
  assert.deepEqual(verdicts, new Map([[30, 'fail']]));
});

test('without neighbours, an elevation or a value nothing is said', () => {
  const places = gridOf((one) => (one === 3 ? Number.NaN : 100));
  const { verdicts, expected } = verdictsOf(places, (one) => (one < 45 ? Number.NaN : 99 * one));
  assert.deepEqual(verdicts, new Map());
  assert.ok(expected.every(Number.isNaN));
  const alone = verdictsOf(places, (one) => (one === 3 ? 60 : field(one)));
  assert.ok(Number.isNaN(alone.expected[3]));
  assert.equal(alone.verdicts.size, 0);
});

test('the buddy check follows its definition', () => {
  const list = fc.array(fc.double({ min: -20, max: 30, noNaN: true }), {
    minLength: COUNT,
    maxLength: COUNT,
  });
  const places = gridOf((one) => (one * 37) % 500);
  const buddies = findNeighbours(places, 100, 100);
  const options = { neighboursLeast: 5, elevationMost: 300, lapse: -0.0065, spreadLeast: 1 };
  fc.assert(
    fc.property(list, (numbers) => {
      const values = Float64Array.from(numbers);
      const { failed } = checkBuddies(
        places,
        buddies,
        { values, checked: values.keys(), doubted: new Uint8Array(COUNT) },
        { ...options, threshold: 2 },
      );
      const out = (one: number, before: ReadonlySet<number>) => {
        const height = places.elevation[one] ?? 0;
        const levelled = [...buddies.index.subarray(buddies.start[one], buddies.start[one + 1])]
          .filter((other) => !before.has(other))
          .filter((other) => Math.abs(height - (places.elevation[other] ?? 0)) <= 300)
          .map(
            (other) => (values[other] ?? 0) - 0.0065 * (height - (places.elevation[other] ?? 0)),
          );
        const count = levelled.length;
        if (count < 5) return false;
        const mean = levelled.reduce((sum, value) => sum + value, 0) / count;
        const variance = levelled.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
        const spread = Math.max(1, Math.sqrt(variance * (1 + 1 / count)));
        return Math.abs((values[one] ?? 0) - mean) > 2 * spread;
      };
      const first = new Set([...values.keys()].filter((one) => out(one, new Set())));
      const second = [...values.keys()].filter((one) => first.has(one) || out(one, first));
      assert.deepEqual(
        [...failed.keys()].filter((one) => failed[one] === 1),
        second,
      );
    }),
    { numRuns: 30 },
  );
});
