import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../test/support/random.ts';
import { stormOf } from '../../test/support/storm.ts';
import { IsobarError } from '../errors.ts';
import type { SqlSession } from '../sql/engine.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { aggregatesOf, type Publication } from './publication.ts';
import { createRefresher } from './refresh.ts';
import { history, makeHistory } from './testing/history.ts';
import { type Made, made, openPlace, type Place, START } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

const HOUR_S = 3_600;

/** Whether its datasets were merged from rows instead of being computed by statements. */
function isAppended(publication: Publication | null): boolean {
  return (aggregatesOf(publication)?.days_appended ?? null) !== null;
}

async function assertSound(place: Place): Promise<void> {
  const { storage, session, table, stations } = place;
  const options = { storage, session, table, columns: OBSERVATION_COLUMNS };
  const places = stations.size === 0 ? {} : { places: async () => stations };
  assert.deepEqual((await verifyPublication({ ...options, ...places })).differences, []);
}

/** Hours of one city from `from` on, with a wave of temperatures. */
function hours(city: string, from: number, count: number, change: Partial<Made> = {}): Made[] {
  return Array.from({ length: count }, (_, index) => ({
    ...made(city, 0, 10 + 8 * Math.sin((from + index) / 4) + ((from + index) % 7) / 10),
    at: (from + index) * HOUR_S,
    interval: HOUR_S,
    ...{ direction: (index * 37) % 360, speed: index % 5, pressure: 1_000 + (index % 9) },
    ...{ gust: index % 3 === 0 ? 12 : null, rain: index % 4 === 0 ? 0.5 : null, offset: 20_700 },
    ...change,
  }));
}

test('whatever comes next is merged into the same numbers as all rows give', async () => {
  let appended = 0;
  const step = fc.constantFrom(
    'next',
    'next',
    'next',
    'next',
    'late',
    'city',
    'correct',
    'restart',
  );
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.integer({ min: 0, max: 90 }),
      fc.array(fc.tuple(step, fc.integer({ min: 1, max: 9 })), { minLength: 6, maxLength: 14 }),
      async (given, beforePct, steps) => {
        const all = makeHistory(given).sort((a, b) => a.at - b.at);
        await using place = await openPlace();
        let refresher = await place.refresher();
        let next = Math.floor((all.length * beforePct) / 100);
        const late = all.slice(0, next).filter((_, index) => index % 50 === 7);
        const there = all.slice(0, next).filter((row) => !late.includes(row));
        const add = async (rows: readonly Made[]) => {
          if (rows.length === 0) return;
          there.push(...rows);
          await place.add(rows);
        };
        if (there.length > 0) await place.add(there);
        await refresher.refresh();
        for (const [index, [what, count]] of steps.entries()) {
          if (what === 'restart') refresher = await place.refresher();
          if (what === 'late') await add(late.splice(0, count));
          if (what === 'city') await add(hours(`new-${index}`, 100 * index, count));
          if (what === 'correct' && there.length > 0) {
            const month = Math.max(...there.map(({ at }) => monthOf(at)));
            const rows = there.filter(({ at }) => monthOf(at) === month);
            const changed = rows.map((row) => ({ ...row, humidity: 1 }));
            there.splice(
              0,
              there.length,
              ...there.filter((row) => !rows.includes(row)),
              ...changed,
            );
            await place.correct(changed);
          }
          if (what === 'next') {
            await add(all.slice(next, next + count));
            next += count;
          }
          if (isAppended(await refresher.refresh())) appended += 1;
          if (index === steps.length >> 1) await assertSound(place);
        }
        await assertSound(place);
      },
    ),
    { numRuns: stormOf(30, 3), endOnFailure: true },
  );
  assert.ok(appended > 0, 'nothing was merged');
});

test('rows of any second, interval and clock are merged as the definitions say', async () => {
  let appended = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
      const random = createRandom(seed);
      const pick = <T>(...of: readonly T[]) => of[Math.floor(random() * of.length)] as T;
      await using place = await openPlace();
      const refresher = await place.refresher();
      let at = 0;
      const interval = pick(600, 1_200, 3_600);
      const intervals = pick([interval], [interval], [interval, 600, 7_200]);
      const next = (): Made => {
        at += Math.ceil(interval * pick(0.3, 0.9, 1, 1, 1, 1.1, 1.6, 3));
        const some = (value: number) => (random() < 0.8 ? value : null);
        return {
          ...{ city: 'a', at, interval: pick(...intervals) },
          ...{ temperature: some(10 + 3 * (random() + random() + random() - 1.5)) },
          ...{ humidity: some(random() * 100), pressure: some(1_000), gust: some(random() * 20) },
          ...{ direction: some(360 * random()), speed: pick(null, 0, 3) },
          ...{ rain: pick(null, 0, 2), offset: pick(20_700, 20_700, 20_700, null, 3_600) },
        };
      };
      await place.add(Array.from({ length: 60 }, next));
      await refresher.refresh();
      for (let landing = 0; landing < 8; landing += 1) {
        await place.add(Array.from({ length: 1 + Math.floor(5 * random()) }, next));
        if (isAppended(await refresher.refresh())) appended += 1;
      }
      await assertSound(place);
    }),
    { numRuns: stormOf(40, 6), endOnFailure: true },
  );
  assert.ok(appended > 0, 'nothing was merged');
});

function monthOf(at: number): number {
  const time = new Date(START + at * 1_000);
  return time.getUTCFullYear() * 12 + time.getUTCMonth();
}

test('the next observations of known cities are merged, and everything else is computed', async () => {
  await using place = await openPlace();
  const refresher = await place.refresher();
  const expectAppended = async (rows: readonly Made[], wanted: boolean, what: string) => {
    await place.add(rows);
    assert.equal(isAppended(await refresher.refresh()), wanted, what);
    await assertSound(place);
  };
  await expectAppended([...hours('a', 0, 60), ...hours('b', 0, 60)], false, 'the first');
  // Months of the first publication are settled: the next one computes the newest from its rows.
  await expectAppended([...hours('a', 60, 1), ...hours('b', 60, 1)], false, 'the second');
  await expectAppended([...hours('a', 61, 1), ...hours('b', 61, 1)], true, 'one of each');
  await expectAppended(hours('a', 62, 3, { temperature: null, humidity: null }), true, 'no values');
  await expectAppended(hours('a', 70, 2), true, 'after a gap');
  await expectAppended(hours('b', 61.5, 1, { country: null }), true, 'without its country');
  await expectAppended(hours('b', 55, 1, { at: 59.5 * HOUR_S }), false, 'a late one');
  await expectAppended(hours('b', 62, 2), true, 'on time again');
  await expectAppended(hours('c', 75, 1), false, 'a new city');
  await expectAppended(hours('a', 72, 1, { temperature: 60, country: 'YY' }), true, 'an anomaly');
  await expectAppended(hours('a', 24 * 5, 1), false, 'a new month');
  await expectAppended(hours('a', 24 * 5 + 1, 1), true, 'in the new month');
});

test('an hour counts once for a day that a clock went back to within it', async () => {
  await using place = await openPlace();
  const refresher = await place.refresher();
  const at = (hour: number, minute: number, offset: number | null) =>
    hours('a', hour, 1, { at: hour * HOUR_S + minute * 60, interval: 600, offset });
  await place.add(hours('a', 0, 40));
  await refresher.refresh();
  await place.add(hours('a', 40, 1));
  await refresher.refresh();
  // Midnight of the one clock is at 18:15 UTC, and the other one is behind it.
  await place.add([...at(42, 10, 20_700), ...at(42, 20, 20_700), ...at(43, 0, 20_700)]);
  assert.ok(isAppended(await refresher.refresh()));
  await assertSound(place);
  for (const [hour, offsets] of [
    [66, [20_700, null, 20_700]],
    [90, [null, 20_700, null, 20_700]],
  ] as const) {
    await place.add(offsets.slice(0, 2).flatMap((one, index) => at(hour, 20 + index, one)));
    await refresher.refresh();
    await place.add(offsets.slice(2).flatMap((one, index) => at(hour, 30 + index, one)));
    await refresher.refresh();
  }
  await assertSound(place);
});

test('a city of which other values are unusual by now is read as a whole', async () => {
  await using place = await openPlace();
  const refresher = await place.refresher();
  await place.add(hours('a', 0, 80));
  await refresher.refresh();
  const outcomes: boolean[] = [];
  for (let index = 0; index < 12; index += 1) {
    await place.add(hours('a', 80 + index, 1, { temperature: index % 2 === 0 ? 45 : -30 }));
    outcomes.push(isAppended(await refresher.refresh()));
  }
  await assertSound(place);
  assert.ok(outcomes.includes(true) && outcomes.includes(false), outcomes.join());
});

test('values that fail quality control afterwards leave what was merged', async () => {
  await using place = await openPlace();
  place.stations.set('a', { latitude: 50, longitude: 10, elevation_m: 100 });
  const refresher = await place.refresher();
  await place.add(hours('a', 0, 60));
  await refresher.refresh();
  await refresher.check();
  await place.add(hours('a', 60, 1));
  await refresher.refresh();
  // A spike is one once the values after it are there.
  for (const [hour, change] of [
    [61, { temperature: 59 }],
    [62, {}],
    [63, {}],
  ] as const) {
    await place.add(hours('a', hour, 1, change));
    assert.ok(isAppended(await refresher.refresh()));
  }
  assert.equal((await newestStatistics(place, refresher))?.temperature_c_max, 59);
  assert.equal((await refresher.check())?.failed, 1);
  assert.ok(((await newestStatistics(place, refresher))?.temperature_c_max ?? 99) < 30);
  await place.add(hours('a', 64, 1));
  assert.ok(isAppended(await refresher.refresh()));
  await refresher.check();
  await assertSound(place);
});

async function newestStatistics(place: Place, refresher: Awaited<ReturnType<Place['refresher']>>) {
  const { statistics } = await place.rows((await refresher.refresh()) as Publication);
  return statistics[0];
}

test('another publisher does not go on from what it has not published', async () => {
  await using place = await openPlace();
  const [one, other] = [await place.refresher(), await place.refresher()];
  await place.add(hours('a', 0, 40));
  await one.refresh();
  const random = createRandom(7);
  for (let hour = 40; hour < 60; hour += 1) {
    await place.add(hours('a', hour, 1));
    await (random() < 0.5 ? one : other).refresh();
    if (random() < 0.3) await Promise.all([one.refresh(), other.refresh()]);
  }
  await one.refresh();
  await assertSound(place);
});

test('where the engine fails on the way, the statements run at once', async () => {
  await using place = await openPlace();
  const { table, storage, scratch } = place;
  const session = await place.openSession();
  let failsAt = Number.POSITIVE_INFINITY;
  const failing: SqlSession = {
    ...session,
    async query(sql, parameters, signal) {
      failsAt -= 1;
      if (failsAt === 0) throw new IsobarError('QUERY_FAILED', 'made to fail');
      return session.query(sql, parameters, signal);
    },
  };
  const refresher = createRefresher({
    ...{ table, storage, scratch, columns: OBSERVATION_COLUMNS },
    ...{ session: failing, engineName: 'duckdb' },
  });
  const outcomes: boolean[] = [];
  for (const [from, count] of [
    [0, 60],
    [60, 1],
    [61, 1],
    [62, 1],
    [63, 1],
  ] as const) {
    await place.add(hours('a', from, count));
    // The rows of a landing are the one thing that is asked for when they are merged.
    failsAt = from === 62 ? 1 : Number.POSITIVE_INFINITY;
    outcomes.push(isAppended(await refresher.refresh()));
  }
  assert.deepEqual(outcomes, [false, false, true, false, true]);
  await assertSound(place);
});
