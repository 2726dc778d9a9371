import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { missedOf, runsOf, timelineOf } from '../model/gaps.ts';
import { ACTIVITIES, type Outage, type Stretch } from '../model/outages.ts';
import { observation, timeAt } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const DAY_S = 86_400;
const HOUR_S = 3_600;
const ZERO_S = Date.parse(timeAt(0)) / 1_000;

function stretch(from: number, to: number, activity: Stretch['activity']): Stretch {
  return {
    stretch_id: `${from}`,
    began_at: timeAt(from),
    ended_at: timeAt(to),
    activity,
    reason: activity,
  };
}

/** Random series as stations and restarts make them: jitter, holes, several intervals. */
interface Series {
  readonly city: string;
  readonly at: readonly number[];
  readonly step: readonly number[];
}

function randomSeries(city: string, seed: number): Series {
  const random = mulberry(seed);
  const at: number[] = [];
  const step: number[] = [];
  let interval = [600, 900, 3_600][Math.floor(random() * 3)] ?? 600;
  let time = -30 * DAY_S + Math.floor(random() * 5_000);
  while (time < -DAY_S) {
    at.push(time);
    step.push(interval);
    if (random() < 0.01) interval = [600, 900, 3_600][Math.floor(random() * 3)] ?? 600;
    const jitter = Math.floor((random() - 0.5) * interval * 0.9);
    // The last day has none, so that no city is late.
    const isHole = random() < 0.06 && time < -3 * DAY_S;
    const hole = isHole ? Math.floor(random() * 30) * interval : 0;
    time += Math.max(1, interval + jitter + hole);
  }
  return { city, at, step };
}

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The same by plain TypeScript. */
function gapsOf({ city, at, step }: Series) {
  return at.slice(1).flatMap((to, index) => {
    const from = at[index] ?? to;
    const step_s = Math.max(step[index] ?? 0, step[index + 1] ?? 0);
    const gap = { city_id: city, from_s: from + ZERO_S, to_s: to + ZERO_S, step_s, isOpen: false };
    return to - from >= 1.5 * step_s && missedOf(gap) > 0 ? [gap] : [];
  });
}

describe('outages and availability', () => {
  let api: TestApi;
  const series = ['berlin', 'cairo', 'oslo'].map((city, index) => randomSeries(city, index + 1));
  const stretches = fc
    .sample(
      fc.tuple(
        fc.integer({ min: -31 * DAY_S, max: -HOUR_S }),
        fc.integer({ min: 60, max: DAY_S }),
        fc.constantFrom(...ACTIVITIES),
      ),
      { numRuns: 60, seed: 7 },
    )
    .map(([from, length, activity]) => stretch(from, Math.min(-HOUR_S, from + length), activity));

  before(async () => {
    const observations = series.flatMap(({ city, at, step }) =>
      at.map((time, index) => observation(city, time, { interval_s: step[index] ?? 600 })),
    );
    // Each is reported twice, as restarts do.
    api = await openTestApi({ observations: [...observations, ...observations.slice(0, 500)] });
    api.now = new Date(timeAt(-DAY_S + 60));
    api.stretches = stretches;
  });
  after(() => api[Symbol.asyncDispose]());

  const get = async (url: string) => (await api.app.inject(url)).json();
  async function allOutages(query: string): Promise<Outage[]> {
    const rows: Outage[] = [];
    for (let cursor = ''; ; ) {
      const { data, meta } = await get(`/api/outages?limit=100&${query}${cursor}`);
      rows.push(...data);
      if (meta.next_cursor === null) return rows;
      cursor = `&cursor=${encodeURIComponent(meta.next_cursor)}`;
    }
  }

  test('each gap is an outage by its causes, page by page, as a plain model has them', async () => {
    const timeline = timelineOf(stretches);
    const runs = series.flatMap(gapsOf).flatMap((gap) => runsOf(gap, timeline));
    assert.ok(runs.length > 100, `${runs.length}`);
    const key = ({ city_id, from }: { city_id: string; from: string }) =>
      `${Date.parse(from)} ${city_id}`;
    const wanted = runs
      .map((run) => ({
        ...{ city_id: run.city_id, missed: run.missed, cause: run.cause },
        from: new Date(run.from * 1_000).toISOString(),
        silent_s: run.to - run.from,
      }))
      .sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const found = await allOutages('');
    assert.equal(new Set(found.map(key)).size, found.length, 'none twice');
    const rows = found
      .map(({ city_id, missed, cause, from, silent_s }) => ({
        ...{ city_id, missed, cause, silent_s },
        from: new Date(from).toISOString(),
      }))
      .sort((a, b) => (key(a) < key(b) ? -1 : 1));
    assert.deepEqual(
      rows,
      wanted.map(({ city_id, missed, cause, silent_s, from }) => ({
        ...{ city_id, missed, cause, silent_s, from },
      })),
    );
    const times = found.map(({ from }) => Date.parse(from));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => b - a),
      'newest first',
    );
  });

  for (const period of ['day', 'month', 'year'] as const) {
    test(`availability by ${period} counts what a plain model counts`, async () => {
      const { data } = await get(`/api/availability?period=${period}`);
      const length = { day: 10, month: 7, year: 4 }[period];
      const keyOf = (city: string, at: number) =>
        `${city} ${new Date(at * 1_000).toISOString().slice(0, length)}`;
      const arrived = new Map<string, number>();
      const missed = new Map<string, number>();
      const count = (map: Map<string, number>, key: string) =>
        map.set(key, (map.get(key) ?? 0) + 1);
      for (const one of series) {
        for (const at of one.at) count(arrived, keyOf(one.city, at + ZERO_S));
        for (const gap of gapsOf(one)) {
          for (let index = 1; index <= missedOf(gap); index += 1) {
            count(missed, keyOf(one.city, gap.from_s + index * gap.step_s));
          }
        }
      }
      const keys = new Set([...arrived.keys(), ...missed.keys()]);
      assert.equal(data.length, keys.size);
      for (const row of data) {
        const key = keyOf(row.city_id, Date.parse(row.from) / 1_000);
        assert.equal(row.arrived, arrived.get(key) ?? 0, key);
        assert.equal(row.expected, row.arrived + (missed.get(key) ?? 0), key);
        const causes = Object.entries(row)
          .filter(([name]) => /^(?!silent).*_s$/.test(name))
          .reduce((sum, [, seconds]) => sum + Number(seconds), 0);
        assert.ok(Math.abs(causes - row.silent_s) < 1e-6, key);
      }
    });
  }

  test('a range has what lies in it, and its begin cuts no outage', async () => {
    const [from, to] = [timeAt(-20 * DAY_S), timeAt(-10 * DAY_S)];
    const all = await allOutages('city=oslo');
    const some = await allOutages(`city=oslo&from=${from}&to=${to}`);
    const wanted = all.filter(
      (row) => Date.parse(row.to ?? '') > Date.parse(from) && Date.parse(row.from) < Date.parse(to),
    );
    assert.deepEqual(some, wanted);
  });

  test('as files, too', async () => {
    const csv = await api.app.inject('/api/outages?format=csv&city=oslo&limit=2');
    assert.match(csv.body, /^city_id,from,to,missed,silent_s,cause\r\noslo,/);
    const { statusCode } = await api.app.inject('/api/availability?format=parquet');
    assert.equal(statusCode, 200);
    const many = await api.app.inject('/api/availability?from=1000-01-01T00:00:00Z');
    assert.match(many.json().meta.reason, /the last 50000 rows; choose a longer `period`/);
    assert.ok(many.json().data.length <= 50_000);
  });
});

test('what still lasts is listed once the city is late, and what was imported has ended', async () => {
  const hourly = (city: string, source: string) =>
    Array.from({ length: 10 }, (_, hour) =>
      observation(city, hour * HOUR_S, { interval_s: HOUR_S, source }),
    );
  await using api = await openTestApi({
    observations: [...hourly('oslo', 'openweathermap'), ...hourly('cairo', 'import:station')],
  });
  const last = 9 * HOUR_S;
  api.stretches = [
    stretch(0, last + 2 * HOUR_S, 'collecting'),
    stretch(last + 2 * HOUR_S, last + 4 * HOUR_S, 'network'),
  ];
  const outages = async (at: number) => {
    api.now = new Date(timeAt(at));
    return (await api.app.inject('/api/outages')).json().data;
  };
  assert.deepEqual(await outages(last + 2 * HOUR_S), []);
  assert.deepEqual(await outages(last + 4 * HOUR_S), [
    {
      city_id: 'oslo',
      from: timeAt(last + 2 * HOUR_S),
      to: null,
      missed: 2,
      silent_s: 2 * HOUR_S,
      cause: 'network',
    },
    {
      city_id: 'oslo',
      from: timeAt(last + HOUR_S),
      to: timeAt(last + 2 * HOUR_S),
      missed: 1,
      silent_s: HOUR_S,
      cause: 'station',
    },
  ]);
});
