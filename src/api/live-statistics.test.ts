import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isClose } from '../model/agreement.ts';
import type { LiveStatistics, LiveTrend } from '../model/live-statistics.ts';
import { observation, timeAt } from '../table/testing/lake.ts';
import type { Publication, Publications } from './context.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const DAY_S = 86_400;
const OBSERVATIONS = ['berlin', 'oslo'].flatMap((city, index) =>
  Array.from({ length: 24 }, (_, hour) =>
    observation(city, hour * 3_600, {
      temperature_c: index + 10 * Math.sin(hour),
      humidity_pct: hour % 3 === 0 ? null : 40 + hour,
    }),
  ),
);

interface Answer<R = LiveStatistics> {
  readonly data: readonly R[];
  readonly meta: {
    readonly reason: string | null;
    readonly observed_to: string | null;
    readonly unpublished: { readonly merged: number; readonly waiting: number };
  };
}

async function ask(api: TestApi, query = ''): Promise<Answer> {
  const answer = await api.app.inject(`/api/live-statistics${query}`);
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json();
}

async function askTrends(api: TestApi, query = ''): Promise<Answer<LiveTrend>> {
  const answer = await api.app.inject(`/api/live-trends${query}`);
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json();
}

async function open(): Promise<TestApi> {
  const api = await openTestApi({ observations: OBSERVATIONS });
  api.now = new Date(timeAt(2 * DAY_S));
  return api;
}

/** Until what was put has come by. */
async function askUntil(api: TestApi, merged: number): Promise<Answer> {
  for (let tries = 0; ; tries += 1) {
    const answer = await ask(api);
    const { unpublished } = answer.meta;
    if (unpublished.merged + unpublished.waiting >= merged) return answer;
    assert.ok(tries < 500, JSON.stringify(answer.meta));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function outcomes(api: TestApi): Promise<{ equal: number; different: number }> {
  const { body } = await api.app.inject('/metrics');
  const of = (outcome: string) =>
    Number(
      new RegExp(`isobar_api_live_rows_compared_total\\{outcome="${outcome}"\\} (\\d+)`).exec(
        body,
      )?.[1],
    );
  return { equal: of('equal'), different: of('different') };
}

/** Once so many rows were compared. */
async function outcomesOf(api: TestApi, compared: number): ReturnType<typeof outcomes> {
  for (let tries = 0; ; tries += 1) {
    const found = await outcomes(api);
    if (found.equal + found.different >= compared) return found;
    assert.ok(tries < 500, JSON.stringify(found));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const berlin = ({ data }: Answer) => data.find(({ city_id }) => city_id === 'berlin');

test('an observation counts before it has landed, and its landing changes nothing', async () => {
  await using api = await open();
  const published = await ask(api);
  assert.equal(berlin(published)?.observation_count, 24);
  assert.equal(berlin(published)?.unpublished_count, 0);
  api.put(0, observation('berlin', DAY_S, { temperature_c: 35, humidity_pct: 20 }));
  api.put(0, observation('berlin', DAY_S + 600, { temperature_c: null, humidity_pct: null }));
  const live = await askUntil(api, 2);
  assert.deepEqual(live.meta.unpublished, { merged: 2, waiting: 0 });
  const row = berlin(live);
  assert.equal(row?.observation_count, 26);
  assert.equal(row?.unpublished_count, 2);
  assert.equal(row?.temperature_c_max, 35);
  assert.equal(row?.temperature_c_max_at, timeAt(DAY_S));
  assert.equal(row?.last_observed_at, timeAt(DAY_S + 600));
  await api.land();
  const landed = berlin(await ask(api));
  assert.equal(landed?.unpublished_count, 0);
  assert.ok(Math.abs((landed?.temperature_c_mean ?? 0) - (row?.temperature_c_mean ?? 0)) < 1e-9);
  assert.ok(
    Math.abs((landed?.temperature_c_stddev ?? 0) - (row?.temperature_c_stddev ?? 0)) < 1e-9,
  );
  assert.equal(landed?.coverage_pct, row?.coverage_pct);
  // The row of the city, and those of its 24 hours on both clocks.
  assert.deepEqual(await outcomesOf(api, 49), { equal: 49, different: 0 });
});

test('an observation that does not say its country leaves the one that was said last', async () => {
  await using api = await open();
  const before = berlin(await ask(api))?.country;
  api.put(0, JSON.stringify({ ...observation('berlin', DAY_S), country: undefined }));
  assert.equal(berlin(await askUntil(api, 1))?.country, before);
  await api.land();
  assert.equal(berlin(await ask(api))?.country, before);
  assert.equal((await outcomesOf(api, 49)).different, 0);
});

test('an observation counts in its hours on both clocks, and for coverage', async () => {
  await using api = await open();
  const changes = { temperature_c: 35, wind_speed_ms: 0, wind_direction_deg: 90 };
  // The source has an interval of ten minutes: 25 of 151 values are there.
  api.put(0, observation('berlin', DAY_S + 3_600, { ...changes, utc_offset_s: 19_800 }));
  const live = await askUntil(api, 1);
  assert.equal(berlin(live)?.coverage_pct, (100 * 25) / 151);
  const trends = await askTrends(api, '?city=berlin');
  assert.deepEqual(trends.meta.unpublished, { merged: 1, waiting: 0 });
  assert.equal(trends.meta.observed_to, timeAt(DAY_S + 3_600));
  const changed = trends.data.filter(({ unpublished_count }) => unpublished_count > 0);
  assert.deepEqual(
    changed.map(({ clock, hour, unpublished_count }) => [clock, hour, unpublished_count]),
    [
      ['local', 4, 1],
      ['utc', 23, 1],
    ],
  );
  const before = OBSERVATIONS[1]?.temperature_c ?? 0;
  assert.ok(isClose(changed[1]?.temperature_c_mean, (before + 35) / 2));
  await api.land();
  const { data } = (await api.app.inject('/api/hourly-trends?city=berlin')).json();
  assert.deepEqual(
    (await askTrends(api, '?city=berlin')).data.map(({ unpublished_count: _, ...row }) => row),
    data,
  );
  assert.equal((await outcomesOf(api, 1)).different, 0);
});

test('what is late, corrects another or is of a new city waits for its publication', async () => {
  await using api = await open();
  await ask(api);
  api.put(
    0,
    observation('berlin', 1_800, { temperature_c: 40 }),
    observation('berlin', 23 * 3_600, { temperature_c: 41, collected_at: timeAt(DAY_S) }),
    observation('cairo', DAY_S, { temperature_c: 42 }),
  );
  const live = await askUntil(api, 3);
  assert.deepEqual(live.meta.unpublished, { merged: 0, waiting: 3 });
  assert.equal(berlin(live)?.observation_count, 24);
  await api.land();
  assert.deepEqual((await ask(api)).meta.unpublished, { merged: 0, waiting: 0 });
  assert.deepEqual(await outcomes(api), { equal: 0, different: 0 });
});

test('without a publication, or with one of an earlier version, it says why nothing is there', async () => {
  for (const [latest, reason] of [
    [async () => null, 'the analytics have not been computed yet'],
    [withoutCounts, 'the publication is of an earlier version'],
  ] as const) {
    let publication: Promise<Publication | null> | null = null;
    await using api = await openTestApi({
      observations: OBSERVATIONS,
      change: ({ publications, ...context }) => ({
        ...context,
        publications: {
          failure: null,
          compute: publications.compute,
          latest() {
            publication ??= latest(publications);
            return publication;
          },
        },
      }),
    });
    api.now = new Date(timeAt(DAY_S));
    const { data, meta } = await ask(api);
    assert.deepEqual([data, meta.reason], [[], reason]);
  }
});

async function withoutCounts(publications: Publications): Promise<Publication | null> {
  const latest = await publications.latest();
  if (latest === null) return null;
  const rows = (await latest.rows('city_statistics')).map(({ last_interval_s: _, ...row }) => row);
  return { ...latest, rows: async () => rows as never };
}

test('records that make no observation are passed over, and cities can be chosen', async () => {
  await using api = await open();
  api.put(0, '{"city_id": "berlin"}', 'nonsense', observation('oslo', DAY_S));
  await askUntil(api, 1);
  const chosen = await ask(api, '?city=berlin');
  assert.deepEqual(
    chosen.data.map(({ city_id }) => city_id),
    ['berlin'],
  );
  assert.deepEqual(chosen.meta.unpublished, { merged: 0, waiting: 0 });
  const { statusCode } = await api.app.inject('/api/live-statistics?city=atlantis');
  assert.equal(statusCode, 404);
});

test('whatever comes in which order, what was answered is what is published', async () => {
  const value = fc.option(fc.double({ min: -40, max: 45, noNaN: true }), { nil: null });
  const step = fc.record({
    city: fc.constantFrom('berlin', 'oslo'),
    /** Seconds after the last one, or before it. */
    after: fc.integer({ min: -1_200, max: 4_000 }),
    temperature_c: value,
    wind_speed_ms: fc.constantFrom(null, 0, 3.5),
    wind_direction_deg: fc.constantFrom(null, 0, 45, 225, 360),
    interval_s: fc.constantFrom(600, 3_600),
    utc_offset_s: fc.constantFrom(null, 0, 20_700, -36_000),
    humidity_pct: fc.option(fc.integer({ min: 0, max: 100 }), { nil: null }),
    lands: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      await using api = await open();
      let at = DAY_S;
      let count = 0;
      for (const { city, after, lands, ...changes } of steps) {
        at = Math.max(0, at + after);
        api.put(0, observation(city, at, { ...changes, collected_at: timeAt(at + count) }));
        count += 1;
        await Promise.all([ask(api), askTrends(api)]);
        if (lands) await api.land();
      }
      await askUntil(api, 0);
      await api.land();
      assert.equal((await outcomes(api)).different, 0);
      const live = await ask(api);
      const published = (await api.app.inject('/api/city-statistics')).json().data;
      for (const [index, row] of live.data.entries()) {
        const { unpublished_count: _, ...same } = row;
        for (const [name, found] of Object.entries(same)) {
          assert.deepEqual(found, published[index][name], name);
        }
      }
      const trends = (await api.app.inject('/api/hourly-trends')).json().data;
      const liveTrends = (await askTrends(api)).data;
      assert.equal(liveTrends.length, trends.length);
      for (const [index, row] of liveTrends.entries()) {
        for (const [name, value] of Object.entries(trends[index])) {
          assert.ok(isClose(row[name as keyof LiveTrend], value), name);
        }
      }
    }),
    { numRuns: 5 },
  );
});
