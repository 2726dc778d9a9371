import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { observation, timeAt } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const DAY_S = 86_400;
const OFFSET_S = 3_600;
/** Thirty days of Oslo, hourly: the temperature is the hour of its clock, plus 10 on one day. */
const HISTORY = Array.from({ length: 30 * 24 }, (_, slot) => {
  const at = slot * 3_600 - 30 * DAY_S;
  const hour = (new Date(timeAt(at)).getUTCHours() + OFFSET_S / 3_600) % 24;
  return observation('oslo', at, {
    interval_s: 3_600,
    utc_offset_s: OFFSET_S,
    temperature_c: hour + (slot < 24 ? 10 : 0),
    wind_speed_ms: slot % 4 === 0 ? 0 : slot % 4 === 1 ? 3 : 9,
    wind_direction_deg: slot % 4 === 1 ? 350 : 90,
  });
});

/** Of every hour: calm with north, as stations write it, and 5 m/s from the south by turns of days. */
const CALM_BY_TURNS = Array.from({ length: 30 * 24 }, (_, slot) => {
  const isCalm = Math.floor(slot / 24) % 2 === 0;
  return observation('bergen', slot * 3_600 - 30 * DAY_S, {
    interval_s: 3_600,
    utc_offset_s: OFFSET_S,
    wind_speed_ms: isCalm ? 0 : 5,
    wind_direction_deg: isCalm ? 0 : 180,
  });
});
const AROUND_NORTH = Array.from({ length: 30 * 24 }, (_, slot) =>
  observation('molde', slot * 3_600 - 30 * DAY_S, {
    interval_s: 3_600,
    utc_offset_s: OFFSET_S,
    wind_speed_ms: 5,
    wind_direction_deg: Math.floor(slot / 24) % 2 === 0 ? 350 : 10,
  }),
);

describe('what a place is like', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi({ observations: [...HISTORY, ...CALM_BY_TURNS, ...AROUND_NORTH] });
  });
  after(() => api[Symbol.asyncDispose]());

  const get = async (url: string) => (await api.app.inject(url)).json();

  test('the climatology says what is usual at an hour of the city’s clock', async () => {
    const { data, meta } = await get('/api/climatology?city=oslo');
    const first = HISTORY[0]?.observed_at ?? '';
    const month = new Date(Date.parse(first) + OFFSET_S * 1_000).getUTCMonth() + 1;
    const noon = data.find((row: { month: number; hour: number }) => row.hour === 12);
    assert.equal(meta.row_count, data.length);
    assert.ok(data.length >= 24);
    assert.ok(data.every((row: { observation_count: number }) => row.observation_count >= 20));
    assert.equal(noon.month, month);
    // One of some thirty days is ten degrees warmer: that is less than a tenth.
    assert.deepEqual([noon.low, noon.median, noon.high], [12, 12, 12]);
    assert.equal(noon.unit, '°C');
  });

  test('the newest day changes nothing in it, so a landing asks nothing anew', async () => {
    const url = '/api/climatology?city=oslo&variable=humidity_pct';
    const before = await get(url);
    const asked = api.queries.length;
    api.put(0, observation('oslo', 60, { utc_offset_s: OFFSET_S, humidity_pct: 1 }));
    await api.land();
    const queries = api.queries.slice(asked).filter((sql) => sql.includes('quantile_cont'));
    assert.deepEqual((await get(url)).data, before.data);
    // The observation above begins a new day, which is the one time a day that is computed.
    const again = api.queries.length;
    api.put(0, observation('oslo', 120, { utc_offset_s: OFFSET_S, humidity_pct: 1 }));
    await api.land();
    assert.deepEqual((await get(url)).data, before.data);
    const later = api.queries.slice(again).filter((sql) => sql.includes('quantile_cont'));
    assert.deepEqual([queries.length <= 1, later.length], [true, 0]);
  });

  test('hourly means are those of the city’s days', async () => {
    const { data } = await get(
      '/api/hourly-means?city=oslo&from=2024-10-10T00:00:00%2B01:00&to=2024-10-12T00:00:00%2B01:00',
    );
    assert.equal(data.length, 48);
    assert.deepEqual([data[0].period_start, data[0].hour, data[0].mean], ['2024-10-10', 0, 0]);
    assert.deepEqual([data[47].period_start, data[47].hour, data[47].mean], ['2024-10-11', 23, 23]);
    const weeks = await get('/api/hourly-means?city=oslo&period=week&from=2024-10-07T00:00:00Z');
    assert.equal(weeks.data[0].period_start, '2024-10-07');
    const { data: none } = await get(
      '/api/hourly-means?from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z',
    );
    assert.deepEqual(none, []);
  });

  test('the wind rose has sectors around their middle, and calm has none', async () => {
    const { data } = await get('/api/wind-rose?city=oslo&from=2024-10-02T00:00:00Z');
    const shares = data.map((row: Record<string, number | null>) => [
      row.direction_deg,
      row.speed_from_ms,
      row.speed_to_ms,
      row.share_pct,
    ]);
    const sum = data.reduce(
      (total: number, row: { share_pct: number }) => total + row.share_pct,
      0,
    );
    assert.ok(Math.abs(sum - 100) < 1e-9);
    assert.deepEqual(
      shares.map(([direction, from, to]: (number | null)[]) => [direction, from, to]).sort(),
      [
        [0, 2, 4],
        [90, 8, null],
        [null, 0, 0],
      ].sort(),
    );
  });

  test('the same as CSV', async () => {
    const { body } = await api.app.inject('/api/wind-rose?city=oslo&format=csv');
    assert.match(body, /^city_id,direction_deg,speed_from_ms,speed_to_ms,/);
  });

  test('calm has no direction wherever directions are reported', async () => {
    const range = 'city=bergen&from=2024-10-02T00:00:00Z&to=2024-11-01T00:00:00Z';
    const direction = `${range}&variable=wind_direction_deg`;
    const { data: sectors } = await get(`/api/wind-rose?${range}`);
    assert.deepEqual(
      sectors.map((row: Record<string, unknown>) => [row.direction_deg, row.speed_to_ms]),
      [
        [null, 0],
        [180, 6],
      ],
    );
    const { data: trends } = await get(`/api/hourly-trends?${range}`);
    const { data: means } = await get(`/api/hourly-means?${direction}&period=month`);
    const near = (value: number) => assert.ok(Math.abs(value - 180) < 1e-9, String(value));
    for (const { wind_direction_deg_mean } of trends) near(wind_direction_deg_mean);
    for (const { mean } of means) near(mean);
    const { data: series, meta } = await get(`/api/series?${direction}`);
    const values = series[0].values.filter((value: number | null) => value !== null);
    assert.deepEqual([new Set(values).size, values[0]], [1, 180]);
    assert.equal(values.length, sectors[1].observation_count);
    // The absence of a direction counts as known.
    assert.equal(meta.coverage_pct, 100);
    const { data: usual } = await get('/api/climatology?city=bergen&variable=wind_direction_deg');
    for (const { low, high } of usual) assert.deepEqual([low, high], [180, 180]);
  });

  test('the mean of directions around north is north', async () => {
    const { data, ...rest } = await get(
      '/api/hourly-means?city=molde&variable=wind_direction_deg&period=month&from=2024-10-02T00:00:00Z&to=2024-10-30T00:00:00Z',
    );
    assert.ok(data?.length > 0, JSON.stringify(rest));
    for (const { mean } of data) assert.ok(Math.min(mean, 360 - mean) < 1e-9, String(mean));
  });
});
