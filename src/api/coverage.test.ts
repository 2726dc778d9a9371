import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CityStatistics } from '../model/datasets.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const HOUR_S = 3_600;
const NOTHING = { temperature_c: null, humidity_pct: null, condition_id: null, condition: null };
const FROM = 'from=2024-10-01T00:00:00Z';
/** Ten days of hours before the newest; Oslo's jitter, and half of them lack the temperature. */
const HISTORY = Array.from({ length: 240 }, (_, slot) => {
  const at = (slot - 240) * HOUR_S;
  const jitter = slot % 3 === 0 ? -2 : slot % 3 === 1 ? 59 : 0;
  return [
    observation('oslo', at + jitter, {
      interval_s: HOUR_S,
      temperature_c: slot < 120 ? null : 5,
      humidity_pct: 50,
    }),
    observation('cairo', at, { interval_s: HOUR_S, ...NOTHING }),
    ...(slot % 4 === 1 && slot < 200
      ? []
      : [observation('berlin', at, { interval_s: HOUR_S, temperature_c: slot % 30 })]),
  ];
}).flat();

describe('coverage in the answers', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi({ observations: HISTORY });
  });
  after(() => api[Symbol.asyncDispose]());

  const get = async (url: string) => (await api.app.inject(url)).json();
  const coverageOf = async (city: string, variable: string) =>
    (await get(`/api/series?city=${city}&variable=${variable}&points=10&${FROM}`)).meta
      .coverage_pct;

  test('a series counts as the statistics of the same time do', async () => {
    const published = (await get('/api/city-statistics')).data;
    const ranged = (await get(`/api/city-statistics?${FROM}`)).data;
    assert.deepEqual(ranged, published);
    const shares = published.map((row: CityStatistics) => [
      row.city_id,
      row.coverage_pct,
      row.temperature_c_coverage_pct,
      row.humidity_pct_coverage_pct,
    ]);
    const berlin = (100 * 190) / 240;
    assert.deepEqual(shares, [
      ['berlin', berlin, berlin, berlin],
      ['cairo', 0, 0, 0],
      ['oslo', 100, 50, 100],
    ]);
    for (const row of published as readonly CityStatistics[]) {
      const { city_id, temperature_c_coverage_pct, humidity_pct_coverage_pct } = row;
      assert.equal(await coverageOf(city_id, 'temperature_c'), temperature_c_coverage_pct);
      assert.equal(await coverageOf(city_id, 'humidity_pct'), humidity_pct_coverage_pct);
    }
  });

  test('several cities count by their length, also those that hold nothing', async () => {
    const expected = (100 * (190 + 0 + 240)) / (3 * 240);
    const near = (found: number) => assert.ok(Math.abs(found - expected) < 1e-9, String(found));
    near((await get('/api/city-statistics')).meta.coverage_pct);
    near((await get(`/api/city-statistics?${FROM}`)).meta.coverage_pct);
    near((await get(`/api/series?variable=humidity_pct&${FROM}`)).meta.coverage_pct);
    const none = await get('/api/series?from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z');
    assert.equal(none.meta.coverage_pct, null);
    const { data, meta } = await get(`/api/series?city=cairo&${FROM}`);
    assert.deepEqual([data[0].values, meta.coverage_pct], [[], 0]);
  });
});
