import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const HOUR_S = 3_600;

/** Three days up to 22:00 of 31 October, hourly; the temperature of hour 30 is a spike. */
function threeDays(city: string, spike: number) {
  return Array.from({ length: 72 }, (_, hour) =>
    observation(city, (hour - 71) * HOUR_S, {
      interval_s: HOUR_S,
      temperature_c: hour === 30 ? spike : 10 + Math.sin(hour / 4),
      humidity_pct: 40 + (hour % 20),
    }),
  );
}

describe('quality flags', () => {
  let api: TestApi;

  before(async () => {
    const observations = [...threeDays('berlin', 60), ...threeDays('oslo', -50)];
    api = await openTestApi({ observations });
  });
  after(() => api[Symbol.asyncDispose]());

  async function ask(url: string) {
    const response = await api.app.inject(url);
    assert.equal(response.statusCode, 200, response.body);
    return response.json();
  }

  test('before the first check the answer says so, and every value counts', async () => {
    const { meta, data } = await ask('/api/quality-flags');
    assert.deepEqual(data, []);
    assert.equal(meta.checked_version, null);
    assert.equal(meta.reason, 'no value has been checked yet');
    const [berlin] = (await ask('/api/city-statistics?city=berlin')).data;
    assert.equal(berlin.temperature_c_max, 60);
  });

  test('a value that failed is left out of statistics of any time, and is in the rows', async () => {
    await api.land({ check: true });
    const { meta, data } = await ask('/api/quality-flags?city=berlin&verdict=fail');
    assert.equal(meta.checked_version, meta.table_version);
    assert.deepEqual(
      data.map((flag: { test: string; value: number }) => [flag.test, flag.value]),
      [['spike', 60]],
    );
    assert.match(data[0].reason, /^It jumped away from 10\.\d °C and back/);
    for (const range of ['', '&from=2024-10-28T00:00:00Z', '&to=2024-10-31T00:00:00Z']) {
      const [berlin] = (await ask(`/api/city-statistics?city=berlin${range}`)).data;
      assert.ok(berlin.temperature_c_max < 12, range);
      assert.ok(berlin.temperature_c_coverage_pct < 100, range);
      const trends = (await ask(`/api/hourly-trends?city=berlin${range}`)).data;
      assert.ok(trends.every((row: { temperature_c_mean: number }) => row.temperature_c_mean < 12));
    }
    const { at, observed_at = at } = data[0];
    const rows = (await ask(`/api/raw-data?city=berlin&limit=100`)).data;
    const row = rows.find((one: { observed_at: string }) => one.observed_at === observed_at);
    assert.equal(row.temperature_c, 60);
  });

  test('the flags are paged, filtered and told apart by city', async () => {
    const all = (await ask('/api/quality-flags')).data;
    assert.ok(all.length >= 2);
    const paged: unknown[] = [];
    let cursor = '';
    do {
      const { meta, data } = await ask(`/api/quality-flags?limit=1${cursor}`);
      paged.push(...data);
      cursor = meta.next_cursor === null ? '' : `&cursor=${encodeURIComponent(meta.next_cursor)}`;
    } while (cursor !== '');
    assert.deepEqual(paged, all);
    const { data } = await ask('/api/quality-flags?variable=humidity_pct');
    assert.deepEqual(data, []);
    const later = await ask('/api/quality-flags?from=2024-10-31T00:00:00Z');
    assert.deepEqual(later.data, []);
    const csv = await api.app.inject('/api/quality-flags?format=csv&city=oslo&test=spike');
    assert.match(
      csv.body,
      /^city_id,observed_at,variable,test,verdict,.*\r?\noslo,.*,spike,fail,-50/,
    );
  });
});
