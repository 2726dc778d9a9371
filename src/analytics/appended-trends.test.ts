import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../test/support/random.ts';
import { stormOf } from '../../test/support/storm.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { aggregatesOf, type Publication } from './publication.ts';
import { type Made, openPlace, type Place } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

const HOUR_S = 3_600;
/** One city has 48 hours on both clocks at most. */
const ONE_CITY = { textRowsMax: 48 };

async function assertSound({ storage, session, table }: Place): Promise<void> {
  const options = { storage, session, table, columns: OBSERVATION_COLUMNS };
  assert.deepEqual((await verifyPublication(options)).differences, []);
}

function isAppended(publication: Publication | null): boolean {
  return (aggregatesOf(publication)?.days_appended ?? null) !== null;
}

function hasTable(publication: Publication | null): boolean {
  return publication?.datasets.hourly_trends.path.endsWith('.parquet') ?? false;
}

/** Values at which no mean or deviation moves far, some of them missing. */
function weatherOf(seed: number): (city: string, hour: number) => Made {
  const random = createRandom(seed);
  return (city, hour) => {
    const some = (value: number) => (random() < 0.7 ? value : null);
    return {
      ...{ city, at: hour * HOUR_S, interval: HOUR_S, offset: 20_700 },
      ...{ temperature: some(10 + (hour % 2 === 0 ? 3 : -3) + random()), humidity: some(60) },
      ...{ speed: some(random() < 0.3 ? 0 : 4), direction: some(360 * random()) },
    };
  };
}

function all(cities: readonly string[], hours: readonly number[], make: typeof rowOf): Made[] {
  return hours.flatMap((hour) => cities.map((city) => make(city, hour)));
}
const rowOf = weatherOf(1);

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

test('hours of very many cities are merged in the engine into what all rows give', async () => {
  let appended = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
      const random = createRandom(seed);
      const make = weatherOf(seed);
      await using place = await openPlace();
      let refresher = await place.refresher(ONE_CITY);
      // The hours of the morning are new to both clocks.
      await place.add(all(['a', 'b', 'c'], range(10, 12), make));
      await refresher.refresh();
      await place.add(all(['a', 'b', 'c'], [22], make));
      await refresher.refresh();
      for (let hour = 23; hour < 36; hour += 1 + Math.floor(3 * random())) {
        const cities = ['a', 'b', 'c'].filter(() => random() < 0.8);
        if (random() < 0.1) refresher = await place.refresher(ONE_CITY);
        if (random() < 0.1) await place.add([{ ...make('b', hour), at: (hour - 5.5) * HOUR_S }]);
        await place.add([...all(cities, [hour], make), { ...make('a', hour + 0.5) }]);
        const publication = await refresher.refresh();
        assert.ok(hasTable(publication));
        if (isAppended(publication)) appended += 1;
      }
      await assertSound(place);
    }),
    { numRuns: stormOf(30, 2), endOnFailure: true },
  );
  assert.ok(appended > 0, 'nothing was merged');
});

test('hours move to the engine with a further city, and back when it is gone', async () => {
  await using place = await openPlace();
  const refresher = await place.refresher(ONE_CITY);
  const add = async (rows: readonly Made[]) => {
    await place.add(rows);
    const publication = await refresher.refresh();
    await assertSound(place);
    return publication;
  };
  const first = all(['a'], range(0, 40), rowOf);
  await add(first);
  assert.equal(hasTable(await add(all(['a'], [40], rowOf))), false);
  assert.equal(hasTable(await add(all(['b'], range(0, 40), rowOf))), true);
  const second = await add(all(['a', 'b'], [41], rowOf));
  assert.deepEqual([hasTable(second), isAppended(second)], [true, true]);
  await place.correct(first);
  assert.equal(hasTable(await refresher.refresh()), false);
  const third = await add(all(['a'], [42], rowOf));
  assert.deepEqual([hasTable(third), isAppended(third)], [false, true]);
});

test('cities that are too many for a text are computed by statements', async () => {
  await using place = await openPlace();
  const refresher = await place.refresher({ textRowsMax: 1 });
  await place.add(all(['a', 'b'], range(0, 20), rowOf));
  await refresher.refresh();
  for (const hour of [20, 21, 22]) {
    await place.add(all(['a', 'b'], [hour], rowOf));
    assert.equal(isAppended(await refresher.refresh()), false);
  }
  await assertSound(place);
});
