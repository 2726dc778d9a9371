import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { type CityForecast, HORIZONS } from '../model/forecast.ts';
import { observation, timeAt } from '../table/testing/lake.ts';
import type { ForecastAnswer } from './schemas.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const OBSERVATIONS = ['berlin', 'oslo'].map((city) => observation(city, 0));

function forecast(city: string, changes: Partial<CityForecast> = {}): CityForecast {
  const list = (by: number) => Array.from({ length: HORIZONS }, (_, at) => at / 10 + by);
  return {
    ...{ city_id: city, variable: 'temperature_c', issued_at: timeAt(0) },
    ...{ learned_days: 30, needed_days: 28, late_hours: 0 },
    ...{ median: list(0), low: list(-2), high: list(2) },
    model: list(0).map(() => 'learned' as const),
    ...{ switches: [], skill: [], ...changes },
  };
}

async function open(list: readonly CityForecast[] | null): Promise<TestApi> {
  const forecasts = new Map(list?.map((one) => [`${one.city_id} ${one.variable}`, one]));
  const latest = list === null ? null : { latest: async () => ({ version: '1', forecasts }) };
  const change = (context: TestApi['context']) => ({ ...context, forecasts: latest });
  const api = await openTestApi({ observations: OBSERVATIONS, change });
  api.now = new Date(timeAt(1_800));
  return api;
}

async function ask(api: TestApi, query: string): Promise<ForecastAnswer> {
  const answer = await api.app.inject(`/api/forecast?${query}`);
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json();
}

test('each hour has its time, and the answer the age of the forecast', async () => {
  await using api = await open([forecast('berlin')]);
  const { meta, data } = await ask(api, 'city=berlin');
  assert.equal(meta.age_s, 1_800);
  assert.equal(meta.stale, false);
  assert.equal(meta.reason, null);
  const [own] = data;
  assert.deepEqual([own?.city, own?.unit, own?.note], ['Berlin', '°C', null]);
  assert.equal(own?.valid_at[0], timeAt(3_600));
  assert.equal(own?.valid_at.length, HORIZONS);
});

test('learning, missing and old forecasts are named as such', async () => {
  await using api = await open([forecast('berlin', { learned_days: 9, low: [], high: [] })]);
  const learning = await ask(api, 'city=berlin');
  assert.equal(learning.data[0]?.note, 'learning: 9 of 28 days');
  assert.equal(learning.meta.reason, 'learning: 9 of 28 days');
  const missing = await ask(api, 'city=oslo');
  assert.deepEqual(missing.data, []);
  assert.match(missing.meta.reason ?? '', /1 of 1 cities have no forecast yet; 24 cities are/);
  api.now = new Date(timeAt(10_000));
  const old = await ask(api, 'city=berlin');
  assert.equal(old.meta.stale, true);
  assert.equal(old.meta.age_s, 10_000);
});

test('a file has a row for each hour', async () => {
  await using api = await open([forecast('berlin'), forecast('oslo', { low: [], high: [] })]);
  const { body } = await api.app.inject('/api/forecast?format=csv');
  const rows: Record<string, string>[] = parse(body, { columns: true });
  assert.equal(rows.length, 2 * HORIZONS);
  assert.deepEqual(
    [rows[0]?.city_id, rows[0]?.valid_at, rows[0]?.horizon_h, rows[0]?.low, rows[0]?.median],
    ['berlin', timeAt(3_600), '1', '-2', '0'],
  );
  assert.equal(rows.at(-1)?.low, '');
});

test('a variable that is not forecast, and an unknown city, are refused', async () => {
  await using api = await open([]);
  for (const [query, status] of [
    ['variable=rain_1h_mm', 400],
    ['city=nowhere', 404],
  ] as const) {
    assert.equal((await api.app.inject(`/api/forecast?${query}`)).statusCode, status);
  }
});

test('without forecasts it says that they are switched off', async () => {
  await using api = await open(null);
  const { meta, data } = await ask(api, '');
  assert.deepEqual(data, []);
  assert.match(meta.reason ?? '', /switched off \(forecast\.enabled\)/);
});
