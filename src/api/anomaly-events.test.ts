import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRandom } from '../../test/support/random.ts';
import { observation } from '../table/testing/lake.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

const HOUR_S = 3_600;

/** Days up to 22:00 of 31 October, hourly; from the `jump`th hour on six hours are 9 °C colder. */
function weather(city: string, seed: number, days: number, jump: number | null) {
  const random = createRandom(seed);
  let level = 0;
  return Array.from({ length: days * 24 }, (_, hour) => {
    level += 0.35 * (random() - 0.5) - 0.01 * level;
    const isCold = jump !== null && hour >= jump && hour < jump + 6;
    const cycle = -6 * Math.cos(((hour - 14) / 12) * Math.PI);
    return observation(city, (hour - days * 24 + 1) * HOUR_S, {
      interval_s: HOUR_S,
      temperature_c: 10 + cycle + level + 0.6 * random() - (isCold ? 9 : 0),
      humidity_pct: null,
    });
  });
}

describe('anomaly events', () => {
  let api: TestApi;

  before(async () => {
    const observations = [
      ...weather('berlin', 1, 50, 40 * 24),
      ...weather('cairo', 2, 50, 45 * 24),
      ...weather('oslo', 3, 5, null),
    ];
    api = await openTestApi({ observations });
  });
  after(() => api[Symbol.asyncDispose]());

  async function ask(url: string) {
    const response = await api.app.inject(url);
    assert.equal(response.statusCode, 200, response.body);
    return response.json();
  }

  test('before values are judged the answer says so', async () => {
    const { meta, data } = await ask('/api/anomaly-events');
    assert.deepEqual(data, []);
    assert.equal(meta.reason, 'no month has been judged yet');
  });

  test('an event has its evidence, and a city that is new is named', async () => {
    await api.land({ check: true });
    const { meta, data } = await ask('/api/anomaly-events?city=berlin&variable=temperature_c');
    const [event] = data;
    assert.equal(data.length, 1);
    assert.equal(event.began_at, '2024-10-21T23:00:00Z');
    assert.ok(event.flagged_count >= 1 && event.score < -3.3);
    assert.match(event.reason, /^Temperature .* below the .* make likely\. /);
    assert.equal(meta.judged_to, '2024-10');
    assert.deepEqual(meta.learning, []);
    const oslo = await ask('/api/anomaly-events?city=oslo');
    assert.deepEqual(oslo.meta.learning, [{ city_id: 'oslo', days: 6, days_needed: 21 }]);
    assert.equal(oslo.meta.reason, 'nothing that fits was unusual');
  });

  test('events are paged newest first, and filtered', async () => {
    const all = (await ask('/api/anomaly-events')).data;
    assert.deepEqual(
      all.map(({ city_id }: { city_id: string }) => city_id),
      ['cairo', 'berlin'],
    );
    const first = await ask('/api/anomaly-events?limit=1');
    const cursor = encodeURIComponent(first.meta.next_cursor);
    const second = await ask(`/api/anomaly-events?limit=1&cursor=${cursor}`);
    assert.deepEqual([...first.data, ...second.data], all);
    assert.equal(second.meta.next_cursor, null);
    const [{ class: cause }] = all;
    assert.ok((await ask(`/api/anomaly-events?class=${cause}`)).data.length > 0);
    assert.deepEqual((await ask('/api/anomaly-events?to=2024-10-01T00:00:00Z')).data, []);
    const csv = await api.app.inject('/api/anomaly-events?format=csv&city=cairo');
    assert.match(csv.body, /^city_id,variable,rule,began_at,.*\r?\ncairo,temperature_c,seasonal,/);
  });
});
