import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { publicationPath } from '../lake/layout.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import type { Publication } from './publication.ts';
import { readDrift } from './published-quality.ts';
import type { Refresher } from './refresh.ts';
import { type Made, openPlace, type Place, START } from './testing/place.ts';
import { verifyPublication } from './verify.ts';

const HOUR = 3_600;
const DAY_MS = 86_400_000;

function hourly(city: string, hour: number, temperature: number | null): Made {
  return {
    ...{ city, at: hour * HOUR, temperature, humidity: 50 + (hour % 24) },
    ...{ direction: null, interval: HOUR },
  };
}

/** Ten days: from 28 December to 6 January. */
function tenDays(city: string): Made[] {
  return Array.from({ length: 240 }, (_, hour) =>
    hourly(city, hour, 10 + 5 * Math.sin((2 * Math.PI * hour) / 24) + 0.01 * hour),
  );
}

async function openWorld(): Promise<Place> {
  const place = await openPlace();
  place.stations.set('a', { latitude: 10, longitude: 20, elevation_m: 30 });
  place.stations.set('b', { latitude: -10, longitude: 20, elevation_m: 30 });
  return place;
}

async function verify(place: Place): Promise<readonly string[]> {
  const { storage, session, table } = place;
  const options = { storage, session, columns: OBSERVATION_COLUMNS, table };
  const places = async () => place.stations;
  return (await verifyPublication({ ...options, places })).differences;
}

async function publish(refresher: Refresher): Promise<Publication> {
  await refresher.refresh();
  await refresher.check();
  const publication = await refresher.refresh();
  assert.ok(publication !== null);
  return publication;
}

const withSpike = (made: readonly Made[], at: number, value: number) =>
  made.map((one, index) => (index === at ? { ...one, temperature: value } : one));

test('a value that fails is left out of the statistics, and is still an anomaly', async () => {
  await using place = await openWorld();
  await place.add([...withSpike(tenDays('a'), 30, 60), ...tenDays('b')]);
  const refresher = await place.refresher();
  const first = await refresher.refresh();
  assert.ok(first !== null);
  const before = await place.rows(first);
  assert.equal(before.statistics[0]?.temperature_c_max, 60);
  const checked = await refresher.check();
  assert.deepEqual(checked, { months: 2, failed: 1, suspect: 0 });
  const second = await refresher.refresh();
  assert.ok(second !== null && second.version === first.version + 1);
  const { statistics, anomalies } = await place.rows(second);
  const [a] = statistics;
  assert.ok((a?.temperature_c_max ?? 99) < 18);
  assert.equal(a?.observation_count, 240);
  assert.ok((a?.temperature_c_coverage_pct ?? 0) < 100);
  assert.equal(a?.coverage_pct, 100);
  assert.deepEqual(
    anomalies.map(({ city_id, value }) => [city_id, value]),
    [['a', 60]],
  );
  assert.deepEqual(await verify(place), []);
  assert.equal(await refresher.check(), null, 'nothing is left to check');
});

test('a correction of a value that failed counts at once', async () => {
  await using place = await openWorld();
  await place.add(withSpike(tenDays('a'), 30, 60));
  const refresher = await place.refresher();
  await publish(refresher);
  // Another file of the same name is never seen in one process: a new one looks at it afresh.
  await place.replace(withSpike(tenDays('a'), 30, 14));
  await place.add([hourly('b', 0, 12)]);
  const other = await place.refresher();
  const corrected = await other.refresh();
  assert.ok(corrected !== null);
  assert.equal(corrected.quality?.months[0]?.failed, 1, 'it is not checked again yet');
  const { statistics } = await place.rows(corrected);
  assert.equal(statistics[0]?.temperature_c_coverage_pct, 100);
  assert.equal((await publish(other)).quality?.months[0]?.failed, 0);
});

test('without quality control every value counts again', async () => {
  await using place = await openWorld();
  await place.add(withSpike(tenDays('a'), 30, 60));
  await publish(await place.refresher());
  place.stations.clear();
  const publication = await (await place.refresher()).refresh();
  assert.ok(publication !== null && publication.quality === undefined);
  assert.equal((await place.rows(publication)).statistics[0]?.temperature_c_max, 60);
  assert.deepEqual(await verify(place), []);
});

test('a station that is elsewhere now is checked again', async () => {
  await using place = await openWorld();
  await place.add(tenDays('a').map((made) => ({ ...made, humidity: null })));
  const refresher = await place.refresher();
  await publish(refresher);
  assert.equal(await refresher.check(), null);
  place.stations.set('c', { latitude: 1, longitude: 1, elevation_m: null });
  assert.equal(await refresher.check(), null, 'a city without observations changes nothing');
  place.stations.set('a', { latitude: 10, longitude: 21, elevation_m: 30 });
  assert.equal((await refresher.check())?.months, 2);
  assert.deepEqual(await verify(place), []);
});

test('one publisher goes on from what another has checked', async () => {
  await using place = await openWorld();
  await place.add(withSpike(tenDays('a'), 30, 60));
  await publish(await place.refresher());
  const other = await place.refresher();
  await place.add(withSpike(tenDays('b'), 200, -40));
  const before = await other.refresh();
  assert.deepEqual(
    before?.quality?.months.map(({ failed }) => failed),
    [1, 0],
  );
  const after = await publish(other);
  assert.deepEqual(
    after.quality?.months.map(({ failed }) => failed),
    [1, 1],
  );
  assert.deepEqual(await verify(place), []);
});

test('a station that drifts away from its neighbours is seen day by day, and verified', async () => {
  await using place = await openPlace();
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const [at, id] of ids.entries()) {
    place.stations.set(id, { latitude: 50 + at / 10, longitude: 10, elevation_m: 100 });
  }
  const drifting = (hour: number) => Math.floor(hour / 24) / 4;
  await place.add(
    ids.flatMap((id) =>
      tenDays(id).map((one, hour) => ({
        ...one,
        temperature: (one.temperature ?? 0) + (id === 'd' ? drifting(hour) : 0),
      })),
    ),
  );
  const publication = await publish(await place.refresher());
  const { storage, session } = place;
  const all = { cities: ['d'], variables: [], from: null, to: null, after: null, limit: 1_000 };
  const days = (await readDrift(storage, session, publication, all)).filter(
    ({ variable }) => variable === 'temperature_c',
  );
  assert.equal(days.length, 10);
  for (const [back, { difference, count, began_at }] of days.entries()) {
    assert.equal(count, 24);
    assert.equal(began_at, new Date(START + (9 - back) * DAY_MS).toISOString().replace('.000', ''));
    assert.ok(Math.abs(difference - (9 - back) / 4) < 0.01, `${began_at}: ${difference}`);
  }
  assert.deepEqual(await verify(place), []);
  const [month] = publication.quality?.months ?? [];
  assert.ok(month?.drift);
  await place.forge(publication, month.drift, 'difference / 2 AS difference');
  assert.match((await verify(place)).join(), /2023-12: difference of day of drift \d+: /);
});

test('verify finds flags that the rows do not get', async () => {
  await using place = await openWorld();
  await place.add(withSpike(tenDays('a'), 30, 60));
  const publication = await publish(await place.refresher());
  const [month] = publication.quality?.months ?? [];
  assert.ok(month?.flags);
  await place.forge(publication, month.flags, "CAST('suspect' AS VARCHAR) AS verdict");
  const stated = Buffer.from(JSON.stringify(publication));
  const path = publicationPath(publication.version);
  const forged = await place.storage.read(path);
  await place.storage.replace(path, stated);
  assert.match((await verify(place)).join(), /its content was changed/);
  await place.storage.replace(path, Buffer.from(forged));
  const differences = (await verify(place)).join('; ');
  assert.match(differences, /verdict of quality flag 1: suspect published, fail found/);
  assert.match(differences, /city_statistics row 1 temperature_c_max/);
});

test('whatever lands and is checked when: the datasets are those of all sound values', async () => {
  const step = fc.record({
    from: fc.integer({ min: 0, max: 200 }),
    count: fc.integer({ min: 1, max: 40 }),
    city: fc.constantFrom('a', 'b'),
    spikes: fc.array(fc.integer({ min: 0, max: 39 }), { maxLength: 3 }),
    checks: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      await using place = await openWorld();
      const refresher = await place.refresher();
      const taken = new Set<string>();
      for (const { from, count, city, spikes, checks } of steps) {
        const made = tenDays(city)
          .slice(from, from + count)
          .map((one, index) => (spikes.includes(index) ? { ...one, temperature: 55 } : one))
          .filter(({ at }) => !taken.has(`${city} ${at}`));
        for (const { at } of made) taken.add(`${city} ${at}`);
        if (made.length > 0) await place.add(made);
        await refresher.refresh();
        if (checks) await refresher.check();
      }
      assert.deepEqual(await verify(place), []);
      await publish(refresher);
      assert.deepEqual(await verify(place), []);
    }),
    { numRuns: 6 },
  );
});
