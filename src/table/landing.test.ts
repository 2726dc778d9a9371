import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { stormOf } from '../../test/support/storm.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import type { Observation } from '../model/observation.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from './table.ts';
import { type Opened, observation, openTestLake, type TestLake, timeAt } from './testing/lake.ts';

async function rowsOf(lake: TestLake, opened: Opened) {
  const observations = await opened.observations.refresh();
  const rejected = await opened.rejected.refresh();
  const { session } = lake;
  await session.define(
    'o',
    await opened.observations.localPaths(observations.files),
    OBSERVATION_COLUMNS,
  );
  await session.define('s', await opened.rejected.localPaths(rejected.files), REJECTED_COLUMNS);
  return {
    observations: await session.query('SELECT * FROM o ORDER BY city_id, observed_at'),
    rejected: await session.query('SELECT * FROM s ORDER BY log_partition, log_offset, reason'),
  };
}

test('an observation lands with every column as it was', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  const response = '{"main": {"temp": 21.50},\n "name":"Zürich\\u0000"}';
  lake.log.put(0, observation('zurich', 90, { response, utc_offset_s: 7_200, rain_1h_mm: 0 }));
  const landed = await opened.sink.land(0);
  assert.equal(landed?.rows, 1);
  const { observations, rejected } = await rowsOf(lake, opened);
  assert.deepEqual(rejected, []);
  assert.deepEqual(observations, [
    {
      city_id: 'zurich',
      city: 'ZURICH',
      country: 'US',
      observed_at: '2024-10-31T22:01:30Z',
      collected_at: '2024-10-31T22:01:30Z',
      source: 'openweathermap',
      interval_s: 600,
      hour_utc: 22,
      hour_local: 0,
      temperature_c: 10,
      feels_like_c: null,
      humidity_pct: 50,
      pressure_hpa: null,
      wind_speed_ms: null,
      wind_gust_ms: null,
      wind_direction_deg: null,
      cloud_cover_pct: null,
      visibility_m: null,
      rain_1h_mm: 0,
      snow_1h_mm: null,
      condition_id: 800,
      condition: 'clear sky',
      utc_offset_s: 7_200,
      provider_city_id: 1,
      log_id: 'memory-log',
      log_partition: 0,
      log_offset: 0,
      import_id: null,
      import_row: null,
      rejected_fields: null,
      response,
    },
  ]);
});

test('one bad record is rejected with its reason and the rest of its batch lands', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  const good = observation('a', 0);
  const cases: readonly (readonly [Observation | string | Uint8Array, string])[] = [
    ['garbage', 'invalid: not JSON'],
    ['', 'invalid: not JSON'],
    ['null', 'invalid: not a JSON object'],
    ['[1]', 'invalid: not a JSON object'],
    ['"text"', 'invalid: not a JSON object'],
    [Buffer.from([0xff, 0xfe]), 'invalid: not UTF-8'],
    [`{"city_id":"${'x'.repeat(1_100_000)}"}`, 'invalid: longer than 1 MiB'],
    ['{}', 'invalid: city_id is missing'],
    ['{"log_offset": 7}\t', 'invalid: city_id is missing'],
    [{ ...good, city_id: 'Not an id' }, 'invalid: city_id is not an id'],
    [{ ...good, source: '' }, 'invalid: source is missing'],
    [{ ...good, source: 'simulator' }, 'invalid: simulated record in a table of real data'],
    [{ ...good, observed_at: '2024-10-31' }, 'invalid: observed_at is not a time with its offset'],
    [{ ...good, observed_at: 'Z' }, 'invalid: observed_at is not a time with its offset'],
    [{ ...good, observed_at: '1949-12-31T23:59:59Z' }, 'invalid: observed_at is before 1950'],
    [
      observation('a', 601, { collectedAt: 0 }),
      'invalid: observed_at is more than 10 minutes after collected_at',
    ],
    [{ ...good, import_id: 0 }, 'invalid: import_id is not a number above 0'],
    [
      JSON.stringify({ invalid: 'dt is missing', city_id: 'a', source: 'x', response: '{' }),
      'invalid: dt is missing',
    ],
  ];
  lake.log.put(0, ...cases.map(([value]) => value), good);
  const landed = await opened.sink.land(0);
  assert.equal(landed?.rows, 1);
  const { observations, rejected } = await rowsOf(lake, opened);
  assert.equal(observations[0]?.log_offset, cases.length);
  assert.deepEqual(
    rejected.map((row) => row.reason),
    cases.map(([, reason]) => reason),
  );
  assert.deepEqual((await lake.verify()).differences, []);
});

test('a field that cannot be used is kept with its reason, and the others land', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  const long = 'x'.repeat(257);
  const cases: readonly (readonly [string, unknown, string, string])[] = [
    ['temperature_c', 65.1, '65.1', 'out of range (-95 to 65 °C)'],
    ['temperature_c', 'nan', 'nan', 'NaN'],
    ['humidity_pct', 'wet', 'wet', 'not a number'],
    ['humidity_pct', [50], '[50]', 'not a number'],
    ['wind_direction_deg', 415.2, '415.2', 'out of range (0 to 360 °)'],
    ['utc_offset_s', 1e9, '1000000000', 'out of range (-64800 to 64800)'],
    ['condition_id', 'clear', 'clear', 'not a number'],
    ['condition', long, long.slice(1), 'longer than 256 characters'],
    ['city', long, long.slice(1), 'longer than 256 characters'],
  ];
  const records = cases.map(([field, value], index) =>
    JSON.stringify({ ...observation('a', index * 600, { pressure_hpa: 1_000 }), [field]: value }),
  );
  const nan = JSON.stringify(observation('a', 9_000)).replace(
    '"temperature_c":10',
    '"temperature_c":NaN',
  );
  const given = { field: 'rain_1h_mm', value: 'T', reason: 'not a number' };
  const read = observation('a', 9_600, { temperature_c: 99, rejected_fields: [given] });
  lake.log.put(0, ...records, nan, read);
  assert.equal((await opened.sink.land(0))?.rows, cases.length + 2);
  const { observations, rejected } = await rowsOf(lake, opened);
  assert.deepEqual(rejected, []);
  const fields = observations.map((row) => JSON.parse(String(row.rejected_fields)));
  const expected = cases.map(([field, , value, reason]) => [{ field, value, reason }]);
  assert.deepEqual(fields.slice(0, cases.length), expected);
  assert.deepEqual(fields.at(-2), [{ field: 'temperature_c', value: 'NaN', reason: 'NaN' }]);
  assert.deepEqual(fields.at(-1), [
    given,
    { field: 'temperature_c', value: '99', reason: 'out of range (-95 to 65 °C)' },
  ]);
  for (const [index, [field]] of cases.entries()) {
    assert.equal(observations[index]?.[field], field === 'city' ? 'a' : null);
    assert.equal(observations[index]?.pressure_hpa, 1_000);
  }
});

test('a rejected record keeps its content, length and sha256', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  lake.log.put(0, '{"pretty":\n\t1}', Buffer.from([0xff, 0x41]));
  await opened.sink.land(0);
  const { rejected } = await rowsOf(lake, opened);
  assert.equal(rejected[0]?.bytes, '{"pretty":\n\t1}');
  assert.equal(rejected[0]?.length, 14);
  assert.equal(rejected[1]?.bytes, 'hex:ff41');
  assert.equal(rejected[1]?.length, 2);
  const sha256 = createHash('sha256')
    .update(Buffer.from([0xff, 0x41]))
    .digest('hex');
  assert.equal(rejected[1]?.sha256, sha256);
});

test('a higher version supersedes the row that is there and keeps what it said', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  lake.log.put(0, observation('a', 0, { temperature_c: 1 }), observation('b', 0));
  await opened.sink.land(0);
  lake.log.put(0, observation('a', 0, { temperature_c: 2, collectedAt: 60 }));
  await opened.sink.land(0);
  const { observations, rejected } = await rowsOf(lake, opened);
  assert.deepEqual(
    observations.map((row) => [row.city_id, row.temperature_c, row.log_offset]),
    [
      ['a', 2, 2],
      ['b', 10, 1],
    ],
  );
  assert.equal(rejected.length, 1);
  assert.equal(rejected[0]?.reason, 'superseded');
  assert.equal(rejected[0]?.log_offset, 0);
  assert.equal(JSON.parse(String(rejected[0]?.bytes)).temperature_c, 1);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('a lower or equal version is a duplicate, and a second import lands nothing', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  const batch = Array.from({ length: 50 }, (_, index) => observation('a', index * 600));
  lake.log.put(0, ...batch);
  await opened.sink.land(0);
  lake.log.put(0, ...batch);
  const again = await (await lake.open()).sink.land(0);
  assert.equal(again?.rows, 0);
  assert.equal(again?.rejected, 50);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('simulated and real data do not mix', async () => {
  await using lake = await openTestLake();
  lake.log.put(0, observation('a', 0));
  await (await lake.open()).sink.land(0);
  lake.log.put(0, observation('a', 600, { source: 'simulator' }));
  const other = await lake.open(lake.storage, { simulated: true });
  await assert.rejects(other.sink.land(0), (error) => isErrorCode(error, 'TABLE_KIND'));
});

test('offsets that are gone are a loud error until an operator accepts the loss', async () => {
  await using lake = await openTestLake();
  const opened = await lake.open();
  lake.log.put(0, observation('a', 0), observation('a', 600), observation('a', 1_200));
  lake.log.lose(0, 2n);
  await assert.rejects(opened.sink.land(0), (error) => {
    assert.ok(error instanceof IsobarError && error.code === 'LOG_GAP');
    assert.match(error.message, /partition 0: offsets 0 to 1 are gone/);
    return true;
  });
  await assert.rejects(opened.sink.acceptLoss(0, 0n, 2n), /still holds offsets from 2/);
  await assert.rejects(opened.sink.acceptLoss(0, 1n, 1n), /next offset to land is 0/);
  await opened.sink.acceptLoss(0, 0n, 1n);
  assert.equal((await opened.sink.land(0))?.rows, 1);
  const report = await lake.verify();
  assert.deepEqual(report.differences, []);
  assert.equal(report.sums['offsets lost'], 2);
});

test('rejects a log that is older than the table instead of landing it', async () => {
  await using lake = await openTestLake();
  lake.log.put(0, observation('a', 0), observation('a', 600));
  await (await lake.open()).sink.land(0);
  const { log } = lake;
  const shorter = { ...log, range: async () => ({ first: 0n, next: 1n }) };
  const { openSink } = await import('./landing.ts');
  const opened = await lake.open();
  const session = await lake.engine.session();
  const sink = await openSink({
    ...opened,
    log: shorter,
    session,
    simulated: false,
    recordsMax: 10,
    bytesMax: 1 << 20,
    fileBytesMax: 1 << 20,
  });
  await assert.rejects(sink.land(0), /the log is older than the table/);
  await session[Symbol.asyncDispose]();
});

/** Versions of a few identities, in a few batches: every order of versions occurs. */
const recordsArbitrary = fc.array(
  fc.record({
    partition: fc.constantFrom(0, 1),
    city: fc.constantFrom('a', 'b', 'c'),
    slot: fc.integer({ min: 0, max: 15 }),
    version: fc.integer({ min: 0, max: 3 }),
    temperature: fc.integer({ min: 0, max: 2 }),
    landAfter: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);

/** A storage whose every n-th write fails, before or after it was done: a cut or a lost answer. */
function failingStorage(storage: Storage, failures: Iterator<number>): Storage {
  let left = failures.next().value ?? Infinity;
  async function write<T>(run: () => Promise<T>): Promise<T> {
    left -= 1;
    if (left > 0) return run();
    const done = left % 2 === 0;
    left = failures.next().value ?? Infinity;
    if (done) await run();
    throw new IsobarError('INTERNAL', 'the process died here');
  }
  return {
    ...storage,
    location: storage.location,
    putIfAbsent: (path, content) => write(() => storage.putIfAbsent(path, content)),
    replace: (path, content) => write(() => storage.replace(path, content)),
  };
}

test('whatever dies in between, the table holds the highest version of each identity', async () => {
  await fc.assert(
    fc.asyncProperty(
      recordsArbitrary,
      fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 20 }),
      async (records, failures, recordsMax) => {
        await using lake = await openTestLake();
        const storage = failingStorage(lake.storage, failures.values());
        let opened = await lake.open(storage, { recordsMax });
        const landAll = async () => {
          for (const partition of [0, 1]) {
            for (let tries = 0; tries < 100; tries++) {
              try {
                if ((await opened.sink.land(partition)) === null) break;
              } catch (error) {
                if (!isErrorCode(error, 'INTERNAL')) throw error;
                opened = await lake.open(storage, { recordsMax });
              }
            }
          }
        };
        const best = new Map<string, { collected: number; temperatures: Set<number> }>();
        for (const { city, slot, version, temperature, landAfter } of records) {
          // A city's records share a partition, as the log's keys see to it.
          const partition = city === 'a' ? 0 : 1;
          const at = slot * 600;
          const collectedAt = at + version * 60;
          lake.log.put(
            partition,
            observation(city, at, { collectedAt, temperature_c: temperature }),
          );
          const key = `${city} ${timeAt(at)}`;
          const before = best.get(key);
          if (before === undefined || before.collected < collectedAt) {
            best.set(key, { collected: collectedAt, temperatures: new Set([temperature]) });
          } else if (before.collected === collectedAt) before.temperatures.add(temperature);
          if (landAfter) await landAll();
        }
        await landAll();
        const { observations } = await rowsOf(lake, opened);
        assert.deepEqual(
          observations.map((row) => `${row.city_id} ${row.observed_at}`).sort(),
          [...best.keys()].sort(),
        );
        for (const row of observations) {
          const wanted = best.get(`${row.city_id} ${row.observed_at}`);
          assert.equal(row.collected_at, timeAt(wanted?.collected ?? 0));
          assert.ok(wanted?.temperatures.has(Number(row.temperature_c)));
        }
        const report = await lake.verify();
        assert.deepEqual(report.differences, []);
        assert.equal(report.sums['offsets committed'], records.length);
      },
    ),
    { numRuns: stormOf(25, 6) },
  );
});

test('two sinks of the same partitions at the same time commit every offset once', async () => {
  await using lake = await openTestLake();
  const sinks = await Promise.all([lake.open(), lake.open(), lake.open()]);
  for (let round = 0; round < 5; round++) {
    for (let index = 0; index < 20; index++) {
      lake.log.put(0, observation('a', (round * 10 + index) * 600, { collectedAt: 1e6 + round }));
      lake.log.put(1, observation('b', (round * 10 + index) * 600));
    }
    await Promise.all(sinks.flatMap(({ sink }) => [sink.land(0), sink.land(1), sink.land(0)]));
  }
  const report = await lake.verify();
  assert.deepEqual(report.differences, []);
  assert.equal(report.sums['offsets committed'], 200);
});
