import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { QualityFlag } from '../model/quality.ts';
import { checkObservations } from './check.ts';
import { stationsIn } from './testing/metar-stations.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const SHARED = join(import.meta.dirname, '../../../shared/data/metar-cache');

const failing = (flags: readonly QualityFlag[], variable: string) =>
  new Set(
    flags
      .filter((flag) => flag.verdict === 'fail' && flag.variable === variable)
      .map((flag) => flag.city_id),
  );

test('the broken thermometer of Marina is found, and no neighbour of it is', async () => {
  const { flags } = await checkObservations(await stationsIn([join(FIXTURES, 'marina.csv')]));
  assert.deepEqual(failing(flags, 'temperature_c'), new Set(['koar']));
  const own = flags.filter(
    ({ city_id, test: name }) => city_id === 'koar' && name === 'consistency',
  );
  const temperatures = own.filter(({ variable }) => variable === 'temperature_c');
  assert.deepEqual(
    temperatures.map(({ observed_at, value }) => [observed_at, value]),
    [
      ['2022-10-22T02:35:00Z', 3],
      ['2022-10-22T18:55:00Z', -1],
      ['2022-10-23T00:35:00Z', -4],
      ['2022-10-23T11:35:00Z', -13],
    ],
  );
  for (const { expected } of temperatures) assert.ok((expected ?? 0) > 6 && (expected ?? 0) < 20);
});

test('a thermometer that is off by the same all the time is found by its bias', async () => {
  const stations = await stationsIn([join(FIXTURES, 'grove.csv')]);
  const { flags, drift } = await checkObservations(stations);
  const biased = flags.filter(({ test: name }) => name === 'bias');
  assert.deepEqual(failing(biased, 'temperature_c'), new Set(['kgmj']));
  assert.equal(biased.filter(({ variable }) => variable === 'temperature_c').length, 4);
  const own = drift.filter(({ city_id }) => city_id === 'kgmj');
  const temperatures = own.filter(({ variable }) => variable === 'temperature_c');
  assert.equal(
    temperatures.reduce((sum, { count }) => sum + count, 0),
    4,
  );
  for (const { difference } of temperatures) assert.ok(difference < -5 && difference > -8);
});

test('the order of the stations makes no difference', async () => {
  const stations = await stationsIn([join(FIXTURES, 'marina.csv')]);
  const { flags: wanted } = await checkObservations(stations);
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(stations, { minLength: stations.length }),
      async (shuffled) => {
        const { flags: found } = await checkObservations(shuffled);
        const round = ({ expected, spread, compared, ...flag }: QualityFlag) => ({
          ...flag,
          numbers: [expected, spread, compared].map((one) => one?.toFixed(6)),
        });
        assert.deepEqual(found.map(round), wanted.map(round));
      },
    ),
    { numRuns: 10 },
  );
});

const skip = existsSync(SHARED) ? false : 'the airport observations of the world are not here';

test('of the airports of the world the broken thermometers fail, and hardly any other', {
  skip,
}, async () => {
  const files = readdirSync(SHARED).filter((name) => name.startsWith('metars-202210'));
  const stations = await stationsIn(files.map((name) => join(SHARED, name)));
  const { flags } = await checkObservations(stations);
  const found = failing(flags, 'temperature_c');
  for (const broken of ['koar', 'kgmj', 'ksve', 'svcs']) assert.ok(found.has(broken), broken);
  assert.ok(found.size <= 8, [...found].join());
  assert.ok(failing(flags, 'pressure_hpa').has('k1mw'));
  for (const broken of ['ks34', 'licz']) {
    assert.ok(failing(flags, 'humidity_pct').has(broken), broken);
  }
  const values = stations.reduce((sum, { at }) => sum + at.length, 0);
  const temperatures = flags.filter(({ variable }) => variable === 'temperature_c');
  assert.ok(temperatures.length < values / 100, `${temperatures.length} of ${values}`);
});
