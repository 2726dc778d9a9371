import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyedTopic } from '../log/kafka-keyed.ts';
import { HOUR_S } from '../model/hours.ts';
import { RecentHours } from './recent-hours.ts';

const NOW_S = 1_800_000_000;
const HOUR = Math.floor(NOW_S / HOUR_S) * HOUR_S;

function open(hours = 3) {
  const waiting: string[] = [];
  const topic: Pick<KeyedTopic, 'readNew'> = {
    async *readNew() {
      const values = waiting.splice(0);
      yield values.map((text, at) => ({
        offset: BigInt(at),
        key: '',
        time: new Date(),
        value: Buffer.from(text),
      }));
    },
  };
  let now = NOW_S;
  const recent = new RecentHours({
    topic: topic as KeyedTopic,
    logId: 'log',
    hours,
    clock: () => new Date(now * 1_000),
  });
  return {
    recent,
    async take(...values: readonly (object | string)[]) {
      waiting.push(...values.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))));
      await recent.refresh();
    },
    later: (seconds: number) => {
      now += seconds;
    },
  };
}

const sums = (more: object = {}) => ({
  ...{ log_id: 'log', city_id: 'oslo', hour: HOUR, observation_count: 2 },
  ...{
    temperature_c_count: 2,
    temperature_c_sum: 8.5,
    temperature_c_min: 4,
    temperature_c_max: 4.5,
  },
  ...{ humidity_pct_count: 0, humidity_pct_sum: 0, wind_speed_ms_count: 0, wind_speed_ms_sum: 0 },
  ...{ log_partition: 1, log_offset: 7 },
  ...more,
});

test('the newest sums of an hour count, whatever a batch that was run again repeats', async () => {
  const { recent, take } = open();
  await take(sums(), sums({ log_offset: 9, observation_count: 3 }), sums());
  assert.equal(recent.sums.get(`oslo|${HOUR}`)?.observation_count, 3);
  const { version } = recent;
  await take(sums({ log_offset: 8 }));
  assert.equal(recent.version, version, 'nothing has changed');
});

test('sums without values have none', async () => {
  const { recent, take } = open();
  const { temperature_c_min: _, temperature_c_max: __, ...without } = sums();
  await take({ ...without, temperature_c_count: 0, temperature_c_sum: 0 });
  assert.equal(recent.sums.get(`oslo|${HOUR}`)?.temperature_c_min, null);
});

test('what is not ours is left out and counted', async () => {
  const { recent, take } = open();
  await take('nonsense', '{"city_id":1}', 'null', sums({ log_id: 'another' }));
  assert.equal(recent.sums.size, 0);
  assert.equal(recent.garbled, 3);
});

test('hours that are over are forgotten', async () => {
  const { recent, take, later } = open();
  await take(sums({ hour: HOUR - 2 * HOUR_S }), sums({ hour: HOUR - 3 * HOUR_S }), sums());
  assert.deepEqual([...recent.sums.keys()], [`oslo|${HOUR - 2 * HOUR_S}`, `oslo|${HOUR}`]);
  later(HOUR_S);
  await take();
  assert.deepEqual([...recent.sums.keys()], [`oslo|${HOUR}`]);
});
