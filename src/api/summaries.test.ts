import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DailySummary, WeatherRecord } from '../model/climate-datasets.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const DAY_S = 86_400;
/** Ten days that end on 2024-11-01 in UTC; the city's clock is an hour ahead, and one is very cold. */
const HISTORY = Array.from({ length: 240 }, (_, slot) => {
  const at = slot * 3_600 - 10 * DAY_S + 7_200;
  return ['berlin', 'oslo'].map((city) =>
    observation(city, at, {
      interval_s: 3_600,
      utc_offset_s: 3_600,
      temperature_c: (slot === 100 ? -8 : 4) + (slot % 24) / 10,
      rain_1h_mm: slot < 24 ? 0.5 : null,
      wind_gust_ms: slot % 20,
    }),
  );
}).flat();

describe('days, months, what is usual and records', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi({ observations: HISTORY });
  });
  after(() => api[Symbol.asyncDispose]());

  const ask = (url: string, headers = {}) => api.app.inject({ url, headers });
  const get = async (url: string) => (await ask(url)).json();

  test('a day is one of the city’s clock, and says what kind it is', async () => {
    const { data, meta } = await get('/api/daily-summaries?city=oslo');
    assert.equal(meta.row_count, data.length);
    assert.equal(meta.coverage_pct, 100);
    assert.equal(data.length, 11);
    const first: DailySummary = data[0];
    assert.deepEqual([first.observation_count, first.clock], [23, 'local']);
    const second: DailySummary = data[1];
    assert.deepEqual([second.rain_mm, second.rain_reported_s], [0.5, 3_600]);
    assert.equal(second.is_wet_day, null, 'an hour of rain says little of the day');
    const cold = data.filter((day: DailySummary) => day.is_frost_day);
    assert.equal(cold.length, 1);
    assert.equal(cold[0].temperature_c_min, -8 + 4 / 10);
    assert.equal(cold[0].is_ice_day, false);
    const last: DailySummary = data.at(-1);
    assert.deepEqual([last.observation_count, last.is_frost_day], [1, null]);
  });

  test('dates select days of the city’s clock, and months that begin then', async () => {
    const { data: all } = await get('/api/daily-summaries?city=oslo');
    const { data } = await get(
      `/api/daily-summaries?city=oslo&from=${all[3].date}&to=${all[6].date}`,
    );
    assert.deepEqual(data, all.slice(3, 6));
    const { data: months } = await get('/api/monthly-summaries?from=2024-11-01');
    assert.deepEqual(
      months.map((row: { month: string }) => row.month),
      ['2024-11', '2024-11'],
    );
  });

  test('records come with their times, for each month and for all', async () => {
    const { data } = await get('/api/records?city=berlin');
    const row = data.find(
      (one: WeatherRecord) => one.variable === 'temperature_c' && one.calendar_month === 0,
    );
    assert.equal(row.lowest, -7.6);
    assert.equal(row.lowest_at, HISTORY[200]?.observed_at);
    assert.equal(row.observation_count, 240);
    const gusts = data.find((one: WeatherRecord) => one.variable === 'wind_gust_ms');
    assert.deepEqual([gusts.highest, gusts.lowest], [19, null]);
  });

  test('what is usual names its years, and none where no month is full', async () => {
    const { data } = await get('/api/climate-normals?city=berlin');
    assert.deepEqual(
      data.map((row: Record<string, unknown>) => [row.calendar_month, row.year_count, row.basis]),
      [
        [10, 0, 'few_years'],
        [11, 0, 'few_years'],
      ],
    );
    assert.equal(data[0].temperature_c_mean, null);
  });

  for (const route of ['daily-summaries', 'monthly-summaries', 'climate-normals', 'records']) {
    test(`${route}: pages join to the whole, as CSV too, and a known answer is not sent again`, async () => {
      const whole = await get(`/api/${route}`);
      const paged: unknown[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const { data, meta } = await get(
          `/api/${route}?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
        );
        paged.push(...data);
        cursor = meta.next_cursor;
      }
      assert.deepEqual(paged, whole.data);
      assert.ok(whole.data.length >= 4);
      const csv = await ask(`/api/${route}?format=csv`);
      assert.equal(csv.body.trim().split('\n').length, whole.data.length + 1);
      assert.equal(csv.body.split('\r\n')[0], Object.keys(whole.data[0]).join(','));
      const { etag } = (await ask(`/api/${route}`)).headers;
      const again = await ask(`/api/${route}`, { 'if-none-match': String(etag) });
      assert.equal(again.statusCode, 304);
    });
  }

  test('what cannot be a date is named', async () => {
    for (const query of ['from=2024-02-30', 'from=2024-11-1', 'from=2024-11-02&to=2024-11-02']) {
      const { code, field } = await get(`/api/daily-summaries?${query}`);
      assert.equal(code, 'PARAMETER_INVALID', query);
      assert.match(field, /^(from|to)$/);
    }
    assert.equal((await get('/api/records?from=2024-11-01')).code, 'PARAMETER_INVALID');
    assert.equal((await get('/api/records?city=nowhere')).code, 'CITY_UNKNOWN');
  });
});
