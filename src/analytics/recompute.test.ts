/** Two engines share the refreshes: which one computes what, and that their numbers are compared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../logger.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { readPublication } from './publication.ts';
import { startRecomputeLoop } from './recompute-loop.ts';
import { createRefresher, type Refresher } from './refresh.ts';
import { made, openPlace, type Place } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

/** A slot is two hours; this one is in February, six weeks after the first. */
const FEBRUARY = 500;
const values = (from: number, count: number) =>
  Array.from({ length: count }, (_, slot) =>
    ['a', 'b'].map((city) => made(city, from + slot, slot % 9)),
  ).flat();

/** A refresher whose large engine is a second session that is called otherwise. */
async function openPair(place: Place, rowsLeast: number): Promise<Refresher> {
  return createRefresher({
    ...{ table: place.table, columns: OBSERVATION_COLUMNS, storage: place.storage },
    ...{ scratch: place.scratch, session: await place.openSession(), engineName: 'duckdb' },
    large: {
      ...{ session: await place.openSession(), engineName: 'spark' },
      ...{ reach: 'machine', rowsLeast },
    },
  });
}

async function assertVerified(place: Place): Promise<void> {
  const { storage, session, table } = place;
  const columns = OBSERVATION_COLUMNS;
  const { differences } = await verifyPublication({ storage, session, columns, table });
  assert.deepEqual(differences, []);
}

test('runs of many rows are computed by the large engine, landings by the small one', async () => {
  await using place = await openPlace();
  const refresher = await openPair(place, 500);
  await place.add(values(0, 300));
  assert.equal((await refresher.refresh())?.engine, 'spark');
  await place.add(values(FEBRUARY, 20));
  assert.equal((await refresher.refresh())?.engine, 'duckdb');
  await assertVerified(place);
});

test('a city whose whole history has to be read is left to the large engine', async () => {
  await using place = await openPlace();
  const refresher = await openPair(place, 500);
  await place.add(values(0, 300));
  await refresher.refresh();
  // A new city with enough values for the rule has no bounds yet: all rows are looked at.
  await place.add([
    ...values(FEBRUARY, 20),
    ...Array.from({ length: 11 }, (_, slot) => made('new', FEBRUARY + slot, slot)),
  ]);
  assert.equal((await refresher.refresh())?.engine, 'spark');
  await assertVerified(place);
});

test('what the small engine published is computed again once, and published as it settles', async () => {
  await using place = await openPlace();
  const refresher = await openPair(place, 10_000);
  assert.equal(await refresher.recompute(), null, 'nothing was published');
  await place.add(values(0, 2 * FEBRUARY));
  const first = await refresher.refresh();
  assert.equal(first?.engine, 'duckdb');
  const found = await refresher.recompute();
  assert.deepEqual(
    [found?.version, found?.engine, found?.differences],
    [first.version, 'spark', []],
  );
  const settled = await readPublication(place.storage);
  assert.deepEqual([settled?.version, settled?.engine], [first.version + 1, 'spark']);
  await assertVerified(place);
  assert.equal(await refresher.recompute(), null, 'nothing is new');
  await place.add(values(2 * FEBRUARY, 5));
  await refresher.refresh();
  const again = await refresher.recompute();
  assert.equal(again?.months.length, 1, 'only the month that changed');
  await assertVerified(place);
});

test('a publication that came meanwhile is not replaced', async () => {
  await using place = await openPlace();
  const refresher = await openPair(place, 10_000);
  await place.add(values(0, 40));
  await refresher.refresh();
  const recomputing = refresher.recompute();
  await place.add(values(40, 40));
  const newer = await refresher.refresh();
  assert.deepEqual((await recomputing)?.differences, []);
  const newest = await readPublication(place.storage);
  assert.equal(newest?.table_version, newer?.table_version);
  await assertVerified(place);
});

test('numbers that differ are reported, and what was published stays', async () => {
  await using place = await openPlace();
  const refresher = await openPair(place, 10_000);
  await place.add(values(0, 40));
  const published = await refresher.refresh();
  // The file of rows is another one now: the large engine reads what the small one has not seen.
  await place.replace(
    values(0, 40).map((row) => ({ ...row, temperature: 1 + (row.temperature ?? 0) })),
  );
  const loop = startRecomputeLoop({
    refresher,
    intervalSeconds: 0.01,
    logger: silentLogger,
    onRecomputed: () => ended.resolve(),
  });
  const ended = Promise.withResolvers<void>();
  await ended.promise;
  await loop.stop();
  assert.equal(loop.failure?.code, 'ENGINES_DIFFER');
  assert.match(loop.failure.message, /publication 1: city_statistics row 1 temperature_c_mean/);
  assert.ok((loop.status?.differences ?? 0) > 0);
  assert.equal((await readPublication(place.storage))?.version, published?.version);
});

test('a failing engine is tried again later, and said meanwhile', async () => {
  let tries = 0;
  const ended = Promise.withResolvers<void>();
  const loop = startRecomputeLoop({
    refresher: {
      async recompute() {
        tries += 1;
        if (tries > 2) ended.resolve();
        throw new Error('away');
      },
    },
    intervalSeconds: 0.01,
    logger: silentLogger,
    onRecomputed: () => {},
  });
  await ended.promise;
  await loop.stop();
  assert.equal(loop.failure, null, 'the numbers are as good as before');
  assert.deepEqual([loop.status?.recomputed_at, loop.status?.error?.code], [null, 'INTERNAL']);
});
