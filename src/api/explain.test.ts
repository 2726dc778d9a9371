import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observation } from '../table/testing/lake.ts';
import { openPlace, PASSWORD } from './testing/access-place.ts';
import { openTestApi } from './testing/api.ts';

const HOUR = 3_600;
const OBSERVATIONS = Array.from({ length: 48 }, (_, hour) =>
  observation('berlin', hour * HOUR, { temperature_c: hour === 30 ? 60 : hour % 3 }),
);

test('each published number leads to as many rows as it says', async () => {
  await using api = await openTestApi({ observations: OBSERVATIONS });
  const ask = async (query: string) => (await api.app.inject(`/api/explain?${query}`)).json();
  const { data } = await ask('city=berlin');
  assert.deepEqual([data.dataset, data.state], ['city_statistics', 'published']);
  assert.equal(data.publication.rows[0].observation_count, 48);
  const rows = data.files.listed.map((file: { readonly rows: number }) => file.rows);
  assert.deepEqual([data.row_count, rows], [48, [2, 46]]);
  const [row] = (await api.app.inject('/api/city-statistics?city=berlin')).json().data;
  assert.equal(data.publication.rows[0].temperature_c_mean, row.temperature_c_mean);
  const anomaly = (await api.app.inject('/api/anomalies')).json().data[0];
  const found = await ask(`dataset=anomalies&city=berlin&time=${anomaly.observed_at}`);
  assert.equal(found.data.observation.values.temperature_c, anomaly.value);
  assert.equal(found.data.publication.rows[0].score, anomaly.score);
});

test('a statistic of a range is explained by the rows of that range', async () => {
  await using api = await openTestApi({ observations: OBSERVATIONS });
  const [first] = OBSERVATIONS;
  const from = new Date(Date.parse(first?.observed_at ?? '') + 10 * HOUR * 1_000).toISOString();
  for (const [dataset, path] of [
    ['city_statistics', 'city-statistics'],
    ['hourly_trends', 'hourly-trends'],
  ]) {
    const { data } = (await api.app.inject(`/api/${path}?city=berlin&from=${from}`)).json();
    const url = `/api/explain?dataset=${dataset}&city=berlin&from=${from}`;
    const explained = (await api.app.inject(url)).json().data;
    const rows = data.filter(({ clock = 'utc' }: { readonly clock?: string }) => clock === 'utc');
    const counts = rows.map((row: { observation_count: number }) => row.observation_count);
    assert.equal(
      explained.row_count,
      counts.reduce((sum: number, one: number) => sum + one, 0),
    );
    assert.deepEqual([explained.state, explained.publication], ['computed', null]);
  }
  const odd = await api.app.inject(`/api/explain?dataset=anomalies&city=berlin&from=${from}`);
  assert.match(odd.json().detail, /^from: expected with city_statistics or hourly_trends only$/);
});

test('what waits in the log is explained, and one that is not there names its neighbours', async () => {
  await using api = await openTestApi({ observations: OBSERVATIONS });
  const late = observation('berlin', 100 * HOUR);
  api.put(0, late);
  const url = '/api/explain?dataset=observations&city=berlin&time=';
  const waiting = (await api.app.inject(url + late.observed_at)).json();
  assert.equal(waiting.data.state, 'waiting');
  assert.equal(waiting.data.waiting[0].collected_at, late.collected_at);
  const missing = await api.app.inject(`${url}2031-01-01T00:00:00Z`);
  assert.equal(missing.statusCode, 404);
  assert.match(missing.json().detail, /the one before is at \S+Z, the one after at no time$/);
});

test('before the first publication a statistic has rows, and says that it is not published', async () => {
  await using api = await openTestApi();
  api.put(0, ...OBSERVATIONS);
  await api.land({ publish: false });
  const { data } = (await api.app.inject('/api/explain?city=berlin')).json();
  assert.deepEqual(
    [data.state, data.row_count, data.note],
    ['computed', 48, 'nothing is published yet'],
  );
});

test('whoever may see some cities gets the explanation of those alone', async () => {
  await using place = await openPlace();
  const { api, access } = place;
  await access.addUser('coast', PASSWORD, 'viewer', ['cairo']);
  const cookie = await place.login('coast');
  const ask = (city: string) =>
    api.app.inject({ url: `/api/explain?city=${city}`, headers: { cookie } });
  assert.equal((await ask('oslo')).statusCode, 404);
  assert.equal((await ask('cairo')).statusCode, 200);
  const open = await api.app.inject('/api/explain?city=oslo');
  assert.equal(open.statusCode, 401);
});
