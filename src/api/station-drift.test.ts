import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observation } from '../table/testing/lake.ts';
import { openTestApi } from './testing/api.ts';

const HOUR_S = 3_600;
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const CITIES = IDS.map((city_id, at) => ({
  ...{ city_id, name: city_id, country: 'XX', time_zone: 'UTC', elevation_m: 100 },
  ...{ latitude: 50 + at / 10, longitude: 10 },
}));

test('differences from the neighbours come by day, in pages, and of what was asked for', async () => {
  const observations = IDS.flatMap((id) =>
    Array.from({ length: 48 }, (_, hour) =>
      observation(id, hour * HOUR_S, {
        interval_s: HOUR_S,
        temperature_c: 10 + Math.sin(hour / 4) + (id === 'd' ? 2 : 0),
      }),
    ),
  );
  await using api = await openTestApi({ observations, cities: CITIES });
  const ask = async (query: string) => {
    const response = await api.app.inject(`/api/station-drift${query}`);
    assert.equal(response.statusCode, 200, response.body);
    return response.json();
  };
  assert.equal((await ask('')).meta.reason, 'no value has been checked yet');
  await api.land({ check: true });
  const query = '?city=d&variable=temperature_c';
  const { data } = await ask(query);
  assert.ok(data.length >= 2);
  for (const { difference } of data) assert.ok(Math.abs(difference - 2) < 0.1);
  const first = await ask(`${query}&limit=1`);
  const second = await ask(`${query}&limit=1&cursor=${first.meta.next_cursor}`);
  assert.deepEqual([...first.data, ...second.data], data.slice(0, 2));
  assert.deepEqual((await ask(`${query}&to=2001-01-01T00:00:00Z`)).data, []);
  const refused = await api.app.inject('/api/station-drift?variable=rain_1h_mm');
  assert.equal(refused.statusCode, 400);
});
