import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LiveStatistics } from '../model/live-statistics.ts';
import type { Observation } from '../model/observation.ts';
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

interface Answer {
  readonly data: readonly LiveStatistics[];
  readonly meta: {
    readonly reason: string | null;
    readonly unpublished: { readonly merged: number; readonly waiting: number };
  };
}

async function ask(api: TestApi, query = ''): Promise<Answer> {
  const answer = await api.app.inject(`/api/live-statistics${query}`);
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
  assert.deepEqual(await outcomes(api), { equal: 1, different: 0 });
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
  const rows = (await latest.rows('city_statistics')).map(
    ({ temperature_c_count: _, humidity_pct_count: __, ...row }) => row,
  );
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
    humidity_pct: fc.option(fc.integer({ min: 0, max: 100 }), { nil: null }),
    lands: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      await using api = await open();
      let at = DAY_S;
      let count = 0;
      for (const { city, after, temperature_c, humidity_pct, lands } of steps) {
        at = Math.max(0, at + after);
        const changes: Partial<Observation> = { temperature_c, humidity_pct };
        api.put(0, observation(city, at, { ...changes, collected_at: timeAt(at + count) }));
        count += 1;
        await ask(api);
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
    }),
    { numRuns: 5 },
  );
});
