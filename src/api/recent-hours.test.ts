import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOUR_S, type HourSums, type RecentHour } from '../model/hours.ts';
import { observation, timeAt } from '../table/testing/lake.ts';
import type { StreamedHours } from './context.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const ZERO_S = Date.parse(timeAt(0)) / 1_000;
const sums = (city_id: string, hour: number, more: Partial<HourSums>): HourSums => ({
  ...{ city_id, hour: ZERO_S + hour * HOUR_S, observation_count: 1 },
  ...{
    temperature_c_count: 1,
    temperature_c_sum: 10,
    temperature_c_min: 10,
    temperature_c_max: 10,
  },
  ...{ humidity_pct_count: 0, humidity_pct_sum: 0, wind_speed_ms_count: 0, wind_speed_ms_sum: 0 },
  ...{ log_partition: 0, log_offset: 0 },
  ...more,
});

/** Hours 0 to 2, of which the last has begun. */
const OBSERVATIONS = ['berlin', 'oslo'].flatMap((city, index) =>
  Array.from({ length: 15 }, (_, at) =>
    observation(city, at * 600, {
      temperature_c: index + at / 2,
      humidity_pct: at % 3 === 0 ? null : 40 + at,
    }),
  ),
);

async function ask(
  api: TestApi,
  query = '',
): Promise<{ data: RecentHour[]; meta: { reason: string } }> {
  const answer = await api.app.inject(`/api/recent-hours${query}`);
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json();
}

async function open(streamed: Partial<StreamedHours> | null = null): Promise<TestApi> {
  const recentHours =
    streamed === null
      ? null
      : { sums: new Map(), version: 1, refresh: async () => {}, ...streamed };
  const change = (context: TestApi['context']) => ({ ...context, recentHours });
  const api = await openTestApi({ observations: OBSERVATIONS, change });
  api.now = new Date(timeAt(2.6 * HOUR_S));
  return api;
}

test('the hours of the table are those of plain arithmetic', async () => {
  await using api = await open();
  const { data } = await ask(api);
  const expected = ['berlin', 'oslo'].flatMap((city, index) =>
    [0, 1, 2].map((hour) => {
      const slots = OBSERVATIONS.slice(0, 15)
        .map((_, at) => at)
        .filter((at) => Math.floor(at / 6) === hour);
      const mean = (values: readonly number[]) =>
        values.reduce((total, value) => total + value, 0) / values.length;
      const temperatures = slots.map((at) => index + at / 2);
      return {
        city_id: city,
        began_at: timeAt(hour * HOUR_S),
        observation_count: slots.length,
        temperature_c_mean: mean(temperatures),
        temperature_c_min: Math.min(...temperatures),
        temperature_c_max: Math.max(...temperatures),
        humidity_pct_mean: mean(slots.filter((at) => at % 3 !== 0).map((at) => 40 + at)),
        wind_speed_ms_mean: null,
        from: 'table',
      };
    }),
  );
  assert.deepEqual(
    data.map(({ temperature_c_mean, humidity_pct_mean, ...rest }) => rest),
    expected.map(({ temperature_c_mean, humidity_pct_mean, ...rest }) => rest),
  );
  for (const [at, row] of data.entries()) {
    const { temperature_c_mean = 0, humidity_pct_mean = 0 } = expected[at] ?? {};
    assert.ok(Math.abs((row.temperature_c_mean ?? 0) - temperature_c_mean) < 1e-9);
    assert.ok(Math.abs((row.humidity_pct_mean ?? 0) - humidity_pct_mean) < 1e-9);
  }
});

test('the range and the cities are those that were asked for', async () => {
  await using api = await open();
  const { data } = await ask(api, '?hours=1&city=oslo');
  assert.deepEqual(
    data.map(({ city_id, began_at }) => [city_id, began_at]),
    [['oslo', timeAt(2 * HOUR_S)]],
  );
  for (const query of ['?hours=0', '?hours=169', '?city=atlantis']) {
    const { statusCode } = await api.app.inject(`/api/recent-hours${query}`);
    assert.ok([400, 404].includes(statusCode), query);
  }
});

test('the stream is ahead only with records that have not landed', async () => {
  const streamed = new Map(
    [
      sums('berlin', 2, { observation_count: 5, log_partition: 0, log_offset: 1_000 }),
      // Landed already, and an hour that lacks imports.
      sums('oslo', 1, { observation_count: 9, log_partition: 0, log_offset: 0 }),
      sums('oslo', 0, { observation_count: 2, log_partition: 0, log_offset: 1_000 }),
      sums('oslo', -9, { observation_count: 1, log_partition: 0, log_offset: 1_000 }),
    ].map((one) => [`${one.city_id}|${one.hour}`, one]),
  );
  await using api = await open({ sums: streamed });
  const { data } = await ask(api, '?hours=3');
  const ahead = data.filter(({ from }) => from === 'stream');
  assert.deepEqual(
    ahead.map(({ city_id, began_at, observation_count }) => [city_id, began_at, observation_count]),
    [['berlin', timeAt(2 * HOUR_S), 5]],
  );
  assert.equal(data.length, 6);
});

test('a stream that cannot be read costs nothing but its lead, and is named', async () => {
  const refresh = async () => {
    throw new Error('the brokers are away');
  };
  await using api = await open({ refresh });
  const { data, meta } = await ask(api);
  assert.equal(data.length, 6);
  assert.equal(meta.reason, 'the stream cannot be read: from the table alone');
});
