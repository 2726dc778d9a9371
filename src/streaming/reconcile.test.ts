import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HOUR_S, type HourSums } from '../model/hours.ts';
import { reconcile, type Sides, type TableSums } from './reconcile.ts';

interface Record_ {
  readonly city: string;
  readonly hour: number;
  readonly value: number;
}

/** The sums of records below an offset; the place in the list is the offset. */
function sumUp(records: readonly Record_[], below: number): Map<string, TableSums> {
  const found = new Map<string, TableSums>();
  for (const [offset, { city, hour, value }] of records.entries()) {
    const key = `${city}|${hour}`;
    const known = found.get(key) ?? {
      ...{ city_id: city, hour, observation_count: 0, log_partition: 0, log_offset: -1 },
      ...{ temperature_c_count: 0, temperature_c_sum: 0 },
      ...{ temperature_c_min: null, temperature_c_max: null },
      ...{ humidity_pct_count: 0, humidity_pct_sum: 0 },
      ...{ wind_speed_ms_count: 0, wind_speed_ms_sum: 0 },
      ...{ first_offset: offset, has_newer: false },
    };
    const isIn = offset < below;
    found.set(key, {
      ...known,
      log_offset: offset,
      has_newer: known.has_newer || !isIn,
      ...(isIn && {
        observation_count: known.observation_count + 1,
        temperature_c_count: known.temperature_c_count + 1,
        temperature_c_sum: known.temperature_c_sum + value,
        temperature_c_min: Math.min(known.temperature_c_min ?? value, value),
        temperature_c_max: Math.max(known.temperature_c_max ?? value, value),
      }),
    });
  }
  return found;
}

const streamOf = (records: readonly Record_[], below: number): Map<string, HourSums> =>
  sumUp(records.slice(0, below), below);

const recordsOf = fc.array(
  fc.record({
    city: fc.constantFrom('a', 'b'),
    hour: fc.integer({ min: 0, max: 3 }).map((hour) => hour * HOUR_S),
    value: fc.integer({ min: -400, max: 400 }).map((tenths) => tenths / 10),
  }),
  { minLength: 1, maxLength: 40 },
);

function sides(records: readonly Record_[], streamed: number, more: Partial<Sides> = {}): Sides {
  return {
    stream: streamOf(records, streamed),
    table: sumUp(records, streamed),
    streamed: [streamed],
    landed: [records.length],
    began: [0],
    watermark: 0,
    ...more,
  };
}

test('the same records give no difference, wherever the stream is', () => {
  fc.assert(
    fc.property(recordsOf, fc.nat(40), (records, at) => {
      const streamed = Math.min(at, records.length);
      const { compared, late, differences } = reconcile(sides(records, streamed));
      assert.deepEqual([late, differences], [0, []]);
      assert.equal(compared, sumUp(records, streamed).size);
    }),
  );
});

test('a record that the stream lost or invented is a difference', () => {
  fc.assert(
    fc.property(recordsOf, fc.nat(), fc.boolean(), (records, at, isLost) => {
      const place = at % records.length;
      const others = records.filter((_, index) => index !== place);
      const [full, less] = [sides(records, records.length), sides(others, others.length)];
      const mixed = isLost
        ? { ...full, stream: less.stream }
        : { ...full, table: less.table, landed: [records.length] };
      assert.equal(reconcile(mixed).differences.length, 1);
    }),
  );
});

test('what the watermark let go is counted as late, and only that', () => {
  const records = [0, 0, 1, 1].map((hour, at) => ({ city: 'a', hour: hour * HOUR_S, value: at }));
  const full = sides(records, 4);
  // The stream has not seen the second record of each hour.
  const stream = streamOf([records[0], records[2]] as Record_[], 2);
  const found = reconcile({ ...full, stream, watermark: HOUR_S });
  assert.equal(found.late, 1);
  assert.deepEqual(found.differences, [
    'a 1970-01-01T01 observation_count: 1 in the stream, 2 in the table',
  ]);
});

test('hours are left out that cannot be compared', () => {
  const records = [0, 0].map((hour, at) => ({ city: 'a', hour, value: at }));
  const wrong = new Map(
    [...streamOf(records, 2)].map(([key, sums]) => [key, { ...sums, temperature_c_sum: 9 }]),
  );
  const full = sides(records, 2, { stream: wrong });
  assert.equal(reconcile(full).differences.length, 1);
  assert.equal(reconcile({ ...full, landed: [1] }).compared, 0, 'not landed');
  assert.equal(reconcile({ ...full, streamed: [1] }).compared, 0, 'newer than the progress');
  assert.equal(reconcile({ ...full, began: [1] }).compared, 0, 'older than the stream');
  const newer = sumUp([...records, { city: 'a', hour: 0, value: 5 }], 2);
  assert.equal(reconcile({ ...full, table: newer }).compared, 0, 'another version may have come');
});
