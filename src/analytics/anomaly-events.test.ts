import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { monthsBehind } from './anomaly-events.ts';
import type { Publication } from './publication.ts';
import { readEvents, readFlags, summariseQuality } from './published-quality.ts';
import { DAYS, openWorld, settle, weather } from './testing/judged.ts';
import type { Made, Place } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

const HOUR = 3_600;
function eventsOf({ storage, session }: Place, publication: Publication) {
  return readEvents(storage, session, publication, {
    ...{ cities: [], variables: [], classes: [], severities: [], from: null, to: null },
    ...{ after: null, limit: 10_000 },
  });
}

async function verify(place: Place): Promise<readonly string[]> {
  const { storage, session, table } = place;
  const options = { storage, session, columns: OBSERVATION_COLUMNS, table };
  const places = async () => place.stations;
  return (await verifyPublication({ ...options, places })).differences;
}

/** 25 February, 12:00. */
const AT = 59 * 24 + 12;

const change = (made: readonly Made[], from: number, count: number, by: number): Made[] =>
  made.map((one, hour) =>
    hour < from || hour >= from + count
      ? one
      : { ...one, temperature: (one.temperature ?? 0) + by },
  );

test('a fault of one hour is an event, and quality control says that it is the sensor', async () => {
  await using place = await openWorld();
  await place.add([...change(weather('a', 1), AT, 1, 12), ...weather('b', 2)]);
  const publication = await settle(await place.refresher());
  const events = await eventsOf(place, publication);
  assert.deepEqual(
    events
      .filter(({ variable }) => variable === 'temperature_c')
      .map(({ city_id, began_at, ended_at, flagged_count, class: cause }) => [
        ...[city_id, began_at, ended_at, flagged_count, cause],
      ]),
    [['a', '2024-02-25T12:00:00Z', '2024-02-25T12:00:00Z', 1, 'sensor_fault']],
  );
  assert.deepEqual(await verify(place), []);
});

test('what is judged by and by is what is judged at once', async () => {
  const made = [...change(weather('a', 3), AT, 3, -9), ...change(weather('b', 4), AT + 1, 3, -9)];
  await using whole = await openWorld();
  await whole.add(made);
  const wanted = await eventsOf(whole, await settle(await whole.refresher()));
  assert.ok(wanted.length > 0);
  await using parted = await openWorld();
  const refresher = await parted.refresher();
  let last: Publication | null = null;
  for (const hours of [700, 1_430, AT + 2, DAYS * 24]) {
    const until = hours * HOUR;
    const known = (last as { until?: number } | null)?.until ?? 0;
    await parted.add(made.filter(({ at }) => at >= known && at < until));
    last = Object.assign(await settle(refresher), { until });
  }
  assert.ok(last !== null);
  assert.deepEqual(await eventsOf(parted, last), wanted);
  // Another process goes on from what is published, and finds nothing to do.
  const other = await parted.refresher();
  assert.equal((await settle(other)).version, last.version);
  assert.deepEqual(await verify(parted), []);
});

test('a city that is new is learning, and says so', async () => {
  await using place = await openWorld();
  await place.add([...weather('a', 5), ...weather('b', 6).slice(-9 * 24)]);
  const { events } = await settle(await place.refresher());
  assert.deepEqual(events?.at(-1)?.learning, { b: 9 });
});

test('what no earlier year had is a flag beside those of the months, and verified', async () => {
  await using place = await openWorld();
  const made = weather('a', 8).slice(45 * 24);
  for (const year of [1, 2]) {
    const back = Math.round(year * 365.2425) * 24 * HOUR;
    await place.add(made.map((one) => ({ ...one, at: one.at - back })));
  }
  const warm = (hour: number) => (hour < AT - 6 || hour >= AT + 6 ? 0 : 24);
  await place.add(
    weather('a', 9).map((one, hour) => {
      return { ...one, temperature: (one.temperature ?? 0) + warm(hour) };
    }),
  );
  const publication = await settle(await place.refresher());
  const { storage, session } = place;
  const asked = { cities: [], variables: [], from: null, to: null, after: null, limit: 1_000 };
  const flags = await readFlags(storage, session, publication, {
    ...{ ...asked, tests: ['climatology'], verdict: null },
  });
  assert.equal(flags.length, 12);
  assert.ok(flags.every(({ verdict }) => verdict === 'suspect'));
  const month = publication.events?.find(({ month: name }) => name === '2024-02');
  assert.ok(month?.flags);
  // The jumps at both ends have a flag of the month already.
  assert.ok((month.suspect ?? 0) >= 10 && (month.suspect ?? 0) <= 12);
  const found = summariseQuality(publication)?.suspect ?? 0;
  const checked = publication.quality?.months.reduce((sum, one) => sum + one.suspect, 0) ?? 0;
  assert.equal(found, checked + (month.suspect ?? 0));
  assert.deepEqual(await verify(place), []);
  await place.forge(publication, month.flags, 'expected + 1 AS expected');
  assert.match((await verify(place)).join(), /2024-02: expected of climatological flag 1: /);
});

test('verify finds an event that the values do not make', async () => {
  await using place = await openWorld();
  await place.add(change(weather('a', 7), AT, 1, 12));
  const publication = await settle(await place.refresher());
  const file = publication.events?.find(({ events }) => events !== null)?.events;
  assert.ok(file);
  await place.forge(publication, file, 'score + 1 AS score');
  assert.match(
    (await verify(place)).join('; '),
    /2024-\d\d: score of event 1: .* published, .* found/,
  );
});

test('a month follows from those around it and from the season of five years', () => {
  const months = [...monthsBehind('2024-05')].sort();
  assert.equal(months.at(-1), '2024-05');
  assert.ok(months.includes('2024-02'));
  assert.ok(!months.includes('2023-12'));
  assert.deepEqual(
    months.filter((month) => month.startsWith('2019')),
    ['2019-02', '2019-03', '2019-04', '2019-05', '2019-06'],
  );
  assert.ok(months.every((month) => month >= '2019'));
});
