import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { observation, timeAt } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

/** Two days of Berlin and Cairo, every ten minutes; Berlin misses an hour and has one hot hour. */
const DAY_S = 86_400;
const HISTORY = Array.from({ length: 288 }, (_, slot) => slot).flatMap((slot) => {
  const at = slot * 600 - 2 * DAY_S;
  const berlin = observation('berlin', at, {
    temperature_c: slot === 100 ? 45 : 10 + (slot % 7),
    humidity_pct: 50 + (slot % 9),
    wind_speed_ms: 3,
    wind_direction_deg: slot % 2 === 0 ? 350 : 10,
  });
  const cairo = observation('cairo', at, { temperature_c: 25, city: '=Cairo, "the city"' });
  return slot >= 200 && slot < 206 ? [cairo] : [berlin, cairo];
});
const FEW = observation('oslo', -600, { temperature_c: -3 });

describe('the data of a small table', () => {
  let api: TestApi;
  before(async () => {
    api = await openTestApi({ observations: [...HISTORY, FEW] });
    api.now = new Date('2024-10-31T22:00:00Z');
  });
  after(() => api[Symbol.asyncDispose]());

  async function get(url: string, headers: Record<string, string> = {}) {
    return api.app.inject({ url, headers });
  }

  test('statistics say what was published, and how good it is', async () => {
    const { meta, data } = (await get('/api/city-statistics')).json();
    assert.deepEqual(
      data.map(({ city_id, observation_count }: Record<string, unknown>) => [
        city_id,
        observation_count,
      ]),
      [
        ['berlin', 282],
        ['cairo', 288],
        ['oslo', 1],
      ],
    );
    assert.equal(data[0].temperature_c_max, 45);
    assert.equal(data[0].temperature_c_max_at, timeAt(100 * 600 - 2 * DAY_S));
    const { coverage_pct, computed_at, ...rest } = meta;
    assert.ok(Math.abs(coverage_pct - (100 * 571) / 577) < 1e-9);
    assert.ok(computed_at !== null);
    assert.deepEqual(rest, {
      source: ['openweathermap'],
      simulated: false,
      observed_from: timeAt(-2 * DAY_S),
      observed_to: timeAt(-600),
      age_s: 600,
      stale: false,
      reason: null,
      table_version: 0,
      analytics_version: 1,
      row_count: 3,
      next_cursor: null,
    });
  });

  test('a range computes anew over the observations from its begin up to its end', async () => {
    const from = timeAt(-2 * DAY_S + 600);
    const to = timeAt(-2 * DAY_S + 1_800);
    const { meta, data } = (
      await get(`/api/city-statistics?city=berlin&from=${from}&to=${to}`)
    ).json();
    assert.equal(data.length, 1);
    const [row] = data;
    assert.deepEqual(
      [row.observation_count, row.first_observed_at, row.last_observed_at, row.temperature_c_mean],
      [2, from, timeAt(-2 * DAY_S + 1_200), 11.5],
    );
    assert.equal(meta.observed_to, row.last_observed_at);
    assert.equal(meta.age_s, 600, 'the age is that of the newest observation, not of the range');
  });

  test('trends have both clocks, and a range selects among their observations', async () => {
    const { data } = (await get('/api/hourly-trends?city=berlin')).json();
    assert.equal(data.length, 48);
    const hour = data.find((row: Record<string, unknown>) => row.clock === 'utc' && row.hour === 3);
    assert.equal(hour.wind_direction_deg_mean % 360, 0, 'from both sides of north makes north');
    const range = `from=${timeAt(-3_600)}&to=${timeAt(0)}`;
    const ranged = (await get(`/api/hourly-trends?city=berlin&${range}`)).json();
    assert.deepEqual(
      ranged.data.map(({ clock, hour }: Record<string, unknown>) => `${clock} ${hour}`),
      ['local 17', 'utc 21'],
    );
    assert.equal(ranged.meta.coverage_pct, 100);
  });

  test('ranges that are asked for at once do not get into each other', async () => {
    const begins = Array.from({ length: 12 }, (_, n) => timeAt(-2 * DAY_S + n * 600));
    const counts = await Promise.all(
      begins.map(async (from) => {
        const { data } = (await get(`/api/city-statistics?city=cairo&from=${from}`)).json();
        return data[0].observation_count;
      }),
    );
    assert.deepEqual(
      counts,
      begins.map((_, n) => 288 - n),
    );
  });

  test('anomalies name the hot hour and the cities that cannot be judged', async () => {
    const { meta, data } = (await get('/api/anomalies')).json();
    assert.deepEqual(
      data.map(({ city_id, value, rule }: Record<string, unknown>) => [city_id, value, rule]),
      [['berlin', 45, 'three_sigma']],
    );
    assert.deepEqual(meta.not_enough_values, ['oslo']);
    const later = (await get(`/api/anomalies?from=${timeAt(-600)}`)).json();
    assert.deepEqual(later.data, []);
    assert.match(later.meta.reason, /nothing unusual was found in this time/);
    const cairo = (await get('/api/anomalies?city=cairo')).json();
    assert.deepEqual([cairo.data, cairo.meta.not_enough_values], [[], []]);
  });

  test('a chart has one trace a city, its unit, and gaps as points without a value', async () => {
    const { data, layout } = (await get('/api/temperature-chart?city=berlin&city=cairo')).json();
    assert.deepEqual(
      data.map((trace: Record<string, unknown>) => [trace.name, trace.connectgaps]),
      [
        ['Berlin', false],
        ['Cairo', false],
      ],
    );
    assert.equal(layout.yaxis.title.text, 'Temperature (°C)');
    const [berlin, cairo] = data;
    assert.equal(berlin.x.length, 283);
    assert.equal(berlin.y.filter((value: unknown) => value === null).length, 1);
    const gap = berlin.y.indexOf(null);
    assert.equal(
      berlin.x[gap],
      timeAt(200 * 600 - 2 * DAY_S),
      'when the first missing one was due',
    );
    assert.ok(!cairo.y.includes(null));
    const humidity = (await get('/api/humidity-chart')).json();
    assert.equal(humidity.layout.yaxis.title.text, 'Humidity (%)');
  });

  test('a sampled series keeps the lowest, the highest and the gap', async () => {
    const { data } = (await get('/api/series?city=berlin&points=40&variable=temperature_c')).json();
    const [series] = data;
    assert.equal(series.sampled, true);
    assert.ok(series.values.length <= 50, `${series.values.length} points`);
    assert.ok(series.values.includes(45), 'the one hot value is there');
    assert.equal(series.observed_at.at(-1), timeAt(-600));
    assert.deepEqual(series.observed_at, [...series.observed_at].sort());
    const several = (
      await get('/api/series?variable=humidity_pct&variable=temperature_c&city=oslo')
    ).json();
    assert.deepEqual(
      several.data.map(({ variable, values }: Record<string, unknown>) => [variable, values]),
      [
        ['humidity_pct', [50]],
        ['temperature_c', [-3]],
      ],
    );
  });

  test('a missing value gives no point, a city without values an empty series', async () => {
    const { meta, data } = (await get('/api/series?variable=snow_1h_mm&city=oslo')).json();
    assert.deepEqual([data[0].observed_at, data[0].values], [[], []]);
    assert.match(meta.reason, /nothing was observed in this time/);
  });

  test('cities carry their newest observation with its age', async () => {
    const { meta, data } = (await get('/api/cities')).json();
    const { latest, ...oslo } = data[2];
    assert.deepEqual([oslo.city_id, oslo.name, oslo.time_zone], ['oslo', 'Oslo', 'UTC']);
    assert.deepEqual([latest.temperature_c, latest.age_s, latest.landed], [-3, 600, true]);
    assert.match(meta.position, /^[0-9a-f]{12}\.571-0\.0\.1$/);
  });

  test('CSV has one header row, times with Z, texts as they are, and its meta in headers', async () => {
    const answer = await get('/api/raw-data?format=csv&city=cairo&limit=1');
    assert.match(String(answer.headers['content-type']), /^text\/csv/);
    assert.equal(answer.headers['content-disposition'], 'attachment; filename="raw-data.csv"');
    const [head, row, end] = answer.body.split('\r\n');
    assert.ok(head?.startsWith('city_id,city,country,observed_at,collected_at,source,'));
    assert.ok(row?.startsWith(`cairo,"=Cairo, ""the city""",US,${timeAt(-600)},`), row);
    assert.equal(end, '');
    const meta = JSON.parse(String(answer.headers['x-isobar-meta']));
    assert.equal(meta.row_count, 1);
    assert.equal(answer.headers['x-isobar-next-cursor'], meta.next_cursor);
    const series = await get('/api/series?format=csv&city=oslo');
    assert.equal(
      series.body,
      `city_id,city,variable,unit,observed_at,value\r\noslo,Oslo,temperature_c,°C,${timeAt(-600)},'-3\r\n`.replace(
        "'-3",
        '-3',
      ),
    );
    const cities = await get('/api/cities?format=csv');
    assert.match(
      cities.body.split('\r\n')[0] ?? '',
      /^city_id,name,.*,age_s,landed,version,temperature_c/,
    );
  });

  test('an unchanged answer is 304 with its age; versions, parameters and staleness change it', async () => {
    const url = '/api/city-statistics?city=oslo';
    const first = await get(url);
    const etag = String(first.headers.etag);
    for (const header of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
      const again = await get(url, { 'if-none-match': header });
      assert.deepEqual([again.statusCode, again.body], [304, ''], header);
      assert.equal(again.headers['x-isobar-age'], '600');
    }
    assert.notEqual((await get('/api/city-statistics?city=cairo')).headers.etag, etag);
    assert.notEqual((await get(`${url}&format=csv`)).headers.etag, etag);
    api.failure = { code: 'QUERY_FAILED', message: 'no room', remedy: '', since: '' };
    const failed = await get(url, { 'if-none-match': etag });
    api.failure = null;
    assert.equal(failed.statusCode, 200);
    const { stale, reason } = failed.json().meta;
    assert.equal(stale, true);
    assert.equal(reason, 'the last run of the analytics failed (QUERY_FAILED: no room)');
  });

  test('old data is called stale, with the time of the newest observation', async () => {
    api.now = new Date('2024-11-01T04:00:00Z');
    const { meta } = (await get('/api/raw-data?limit=1')).json();
    api.now = new Date('2024-10-31T22:00:00Z');
    assert.deepEqual([meta.stale, meta.age_s], [true, 6 * 3_600 + 600]);
    assert.equal(meta.reason, `the newest observation is from ${timeAt(-600)}`);
  });

  test('a compressed answer is the same answer', async () => {
    const url = '/api/raw-data?limit=200';
    const plain = await get(url);
    for (let round = 0; round < 2; round += 1) {
      const packed = await get(url, { 'accept-encoding': 'br, gzip;q=0.5' });
      assert.equal(packed.headers['content-encoding'], 'gzip');
      assert.deepEqual(JSON.parse(gunzipSync(packed.rawPayload).toString()), plain.json());
    }
    const refused = await get(url, { 'accept-encoding': 'gzip;q=0, br' });
    assert.equal(refused.headers['content-encoding'], undefined);
  });

  test('HEAD has the headers and no body', async () => {
    const answer = await api.app.inject({ method: 'HEAD', url: '/api/city-statistics' });
    assert.deepEqual([answer.statusCode, answer.body], [200, '']);
    assert.ok(Number(answer.headers['content-length']) > 100);
  });

  test('500 viewers cost one query a version, and a kept answer costs none', async () => {
    for (const url of ['/api/temperature-chart', '/api/raw-data?limit=77']) {
      api.queries.length = 0;
      const answers = await Promise.all(Array.from({ length: 500 }, () => get(url)));
      assert.ok(answers.every(({ statusCode }) => statusCode === 200));
      assert.ok(api.queries.length <= 1, `${url}: ${api.queries.length} queries`);
    }
  });
});

test('an empty lake gives empty data with the reason, and what lands later is there', async () => {
  await using api = await openTestApi();
  const routes = ['city-statistics', 'hourly-trends', 'anomalies', 'raw-data', 'series'];
  for (const route of [...routes, 'temperature-chart', 'humidity-chart', 'cities']) {
    const answer = await api.app.inject(`/api/${route}`);
    const { meta, data } = answer.json();
    assert.equal(answer.statusCode, 200, route);
    assert.match(meta.reason, /^no observation has landed yet; 3 records wait in the log/, route);
    assert.deepEqual([meta.table_version, meta.stale], [null, false], route);
    if (route !== 'cities') assert.deepEqual(data, [], route);
    else
      assert.deepEqual(
        data.map(({ latest }: { latest: unknown }) => latest),
        [null, null, null],
      );
  }
  assert.equal((await api.app.inject('/api/raw-data?format=csv')).body.split('\r\n').length, 2);
  assert.equal((await api.app.inject('/readyz')).statusCode, 200);

  api.put(1, observation('berlin', 0));
  await api.land({ publish: false });
  const raw = (await api.app.inject('/api/raw-data')).json();
  assert.deepEqual([raw.data.length, raw.meta.table_version], [1, 0]);
  const early = (await api.app.inject('/api/city-statistics')).json();
  assert.deepEqual([early.data, early.meta.analytics_version], [[], null]);
  assert.match(early.meta.reason, /the analytics have not been computed yet/);
  await api.land();
  const late = (await api.app.inject('/api/city-statistics')).json();
  assert.deepEqual([late.data.length, late.meta.analytics_version], [1, 1]);
});

test('simulated data says so everywhere', async () => {
  await using api = await openTestApi({
    observations: [observation('berlin', 0)],
    change: (context) => ({ ...context, simulated: true }),
  });
  const chart = (await api.app.inject('/api/temperature-chart')).json();
  assert.equal(chart.meta.simulated, true);
  assert.match(chart.layout.title.text, /simulated/);
  const csv = await api.app.inject('/api/raw-data?format=csv');
  assert.equal(csv.headers['content-disposition'], 'attachment; filename="simulated-raw-data.csv"');
});
