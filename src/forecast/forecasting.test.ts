import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FORECASTS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { FORECAST_VARIABLES } from '../model/forecast.ts';
import { DAY_HOURS, dayOf, formatHour } from './hour.ts';
import { openIssued, readIssued } from './issued.ts';
import { readLatest } from './latest.ts';
import { readScores, scoreDay } from './score-book.ts';
import { fieldOf } from './scores.ts';
import { type ForecastPlace, openForecastPlace } from './testing/place.ts';
import { FIRST, SIGNAL, weather } from './testing/weather-source.ts';

const MONTH = 30 * DAY_HOURS;

async function filesBelow(storage: Storage, folder = ''): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of storage.list(FORECASTS_FOLDER)) {
    if (path.startsWith(`${FORECASTS_FOLDER}/${folder}`)) paths.push(path);
  }
  return paths;
}

async function allBytes(storage: Storage): Promise<Record<string, string>> {
  const paths = await filesBelow(storage);
  const texts = paths.map(async (path) => [path, Buffer.from(await storage.read(path)).toString()]);
  return Object.fromEntries(await Promise.all(texts));
}

/** Hour by hour, as it comes. */
async function live(place: ForecastPlace, from: number, to: number, settle: () => Promise<void>) {
  for (let hour = from; hour <= to; hour += 1) {
    for (const city of ['oslo', 'cairo']) await place.add(city, hour, hour);
    await settle();
  }
}

test('a history is learned, and each hour issues a forecast that is kept and scored', async () => {
  await using place = await openForecastPlace();
  for (const city of ['oslo', 'cairo']) await place.add(city, 0, MONTH);
  const { settle, forecasting } = await place.open();
  await settle();
  assert.equal(forecasting.counts.cities_ready, 2);
  await live(place, MONTH + 1, MONTH + 8, settle);
  const paths = await filesBelow(place.storage, 'issued');
  assert.equal(paths.length, 9);
  const rows = await readIssued(place.storage, paths.at(-1) ?? '');
  // Without pressure, which is not measured here.
  assert.deepEqual(
    rows.map((row) => `${row.city_id} ${row.variable}`).sort(),
    ['cairo', 'oslo'].flatMap((city) =>
      ['humidity_pct', 'temperature_c', 'wind_speed_ms'].map((name) => `${city} ${name}`),
    ),
  );
  const latest = await readLatest(place.storage);
  const [own] = latest.filter((row) => row.city_id === 'oslo' && row.variable === 'temperature_c');
  assert.equal(own?.issued_at, formatHour(FIRST + MONTH + 8));
  assert.equal(own?.median.length, 48);
  assert.equal(own?.low.length, 48);
  const near = own?.skill.find(({ horizon_h }) => horizon_h === 1);
  assert.ok((near?.n ?? 0) > 8 && (near?.mae ?? 9) < 3);
  // At six hours the hindcasts before the first forecast count as well.
  assert.ok((near?.hindcast_n ?? 0) > 0);
});

test('scores are those of the issued forecasts and of the values that came', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, MONTH);
  await place.add('cairo', 0, MONTH);
  const { settle } = await place.open();
  await settle();
  await live(place, MONTH + 1, MONTH + 30, settle);
  const wanted = { n: 0, absolute: 0 };
  for (const path of await filesBelow(place.storage, 'issued')) {
    for (const row of await readIssued(place.storage, path)) {
      if (row.city_id !== 'oslo' || row.variable !== 'temperature_c') continue;
      const issuedAt = Date.parse(path.replace(/.*day=(.*)\/hour=(\d\d).*/, '$1T$2:00:00Z'));
      const hour = issuedAt / 3_600_000 - FIRST + 6;
      if (hour > MONTH + 30) continue;
      wanted.n += 1;
      wanted.absolute += Math.abs((row.median[5] ?? 0) - (weather('oslo', hour).temperature ?? 0));
    }
  }
  const found = { n: 0, absolute: 0 };
  for (const path of await filesBelow(place.storage, 'scores')) {
    for (const row of await readScores(place.storage, path)) {
      if (row.city_id !== 'oslo' || row.variable !== 'temperature_c') continue;
      found.n += fieldOf(row.sums, 'served', 6, 'n');
      found.absolute += fieldOf(row.sums, 'served', 6, 'absolute');
      const issued = openIssued(place.storage, assert.fail);
      const day = /day=(.*)\.jsonl/.exec(path)?.[1] ?? '';
      assert.deepEqual(await scoreDay(issued, day, row), row.sums);
    }
  }
  assert.equal(wanted.n, 25);
  assert.equal(found.n, wanted.n);
  assert.ok(Math.abs(found.absolute - wanted.absolute) < 1e-4);
});

test('after a restart it goes on from the states, and writes the same', async () => {
  await using place = await openForecastPlace();
  for (const city of ['oslo', 'cairo']) await place.add(city, 0, MONTH);
  const first = await place.open();
  await first.settle();
  await live(place, MONTH + 1, MONTH + 3, first.settle);
  await first.forecasting.save();
  await live(place, MONTH + 4, MONTH + 6, first.settle);
  const before = await allBytes(place.storage);

  const second = await place.open();
  const begun: string[] = [];
  const watched = { ...second.forecasters, begin: async (city: string) => void begun.push(city) };
  const { settle } = await place.open({ forecasters: watched });
  await settle();
  assert.deepEqual(begun, []);
  assert.deepEqual(await allBytes(place.storage), before);
});

test('a damaged state is learned again, and a damaged file of the lake is left out', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, MONTH);
  const first = await place.open();
  await first.settle();
  await first.forecasting.save();
  const before = await allBytes(place.storage);
  const [state = ''] = readdirSync(place.states);
  const bytes = readFileSync(join(place.states, state));
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
  writeFileSync(join(place.states, state), bytes);
  const warnings: string[] = [];
  const note = (details: object | string, message = '') =>
    void warnings.push(`${typeof details === 'string' ? details : message}`);
  const logger = { debug: () => {}, info: () => {}, warn: note, error: note };
  const second = await place.open({ logger });
  await second.settle();
  assert.equal(second.forecasting.counts.rebuilt, 1);
  assert.match(warnings.join('\n'), /learning oslo again: .*its checksum is another one/);
  assert.deepEqual(await allBytes(place.storage), before);

  await place.storage.replace(`${FORECASTS_FOLDER}/latest.jsonl`, Buffer.from('{}\n'));
  const third = await place.open({ logger });
  await third.settle();
  assert.match(warnings.join('\n'), /leaving out a file: .*it does not begin as latest-forecasts/);
  assert.deepEqual(await allBytes(place.storage), before);
});

test('what comes too late is counted, and scored, but not learned', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, MONTH);
  const { settle, forecasting } = await place.open();
  await settle();
  await place.add('oslo', MONTH + 2, MONTH + 2);
  await settle();
  assert.equal(forecasting.counts.late_hours, 0);
  await place.add('oslo', MONTH + 1, MONTH + 1);
  await place.add('oslo', MONTH + 3, MONTH + 3);
  await settle();
  assert.equal(forecasting.counts.late_hours, 1);
  const [latest] = await readLatest(place.storage);
  assert.equal(latest?.late_hours, 1);
  const day = dayOf(FIRST + MONTH + 1);
  const rows = await readScores(place.storage, `${FORECASTS_FOLDER}/scores/day=${day}.jsonl`);
  const own = rows.find(({ variable }) => variable === 'temperature_c');
  // 23:00 on the day before, 00:00, …: the hours that have come, the late one among them.
  assert.equal(own?.values.filter((value) => value !== null).length, 4);
});

test('an older history that is imported is learned', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', MONTH, MONTH + 100);
  const { settle, forecasting } = await place.open();
  await settle();
  assert.equal((await readLatest(place.storage))[0]?.learned_days, 4);
  await place.add('oslo', 0, MONTH - 1);
  await place.add('oslo', MONTH + 101, MONTH + 101);
  // One that is older than the newest month, so that it is looked for.
  await settle();
  assert.equal(forecasting.counts.rebuilt, 1);
  assert.equal((await readLatest(place.storage))[0]?.learned_days, 34);
});

test('hours without a value are waited for: the forecast before stays the newest', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, 100);
  const { settle } = await place.open();
  await settle();
  const empty = { temperature: null, humidity: null, speed: null };
  await place.add('oslo', 101, 101, (made) => ({ ...made, ...empty }));
  await settle();
  assert.equal((await readLatest(place.storage))[0]?.issued_at, formatHour(FIRST + 100));
  // With only some of them, the others keep the one before.
  await place.add('oslo', 102, 102, (made) => ({ ...made, humidity: null }));
  await settle();
  const latest = await readLatest(place.storage);
  const hourOf = (name: string) => latest.find(({ variable }) => variable === name)?.issued_at;
  assert.equal(hourOf('temperature_c'), formatHour(FIRST + 102));
  assert.equal(hourOf('humidity_pct'), formatHour(FIRST + 100));
});

test('an hour is complete with an observation at it, or when it has been over for a while', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, 100);
  const { settle, forecasting } = await place.open();
  await settle();
  // At 100:50, which belongs to the hour 101.
  await place.add('oslo', 101, 101, (made) => ({ ...made, at: made.at - 600 }));
  const issuedAt = () => forecasting.counts.issued_at;
  place.now = new Date((FIRST + 101) * 3_600_000 + 599_000);
  await settle();
  assert.equal(issuedAt(), formatHour(FIRST + 100));
  place.now = new Date((FIRST + 101) * 3_600_000 + 600_000);
  await settle();
  assert.equal(issuedAt(), formatHour(FIRST + 101));
});

test('forecasts are kept so many days; cities beyond the limit are left out', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, 100);
  await place.add('cairo', 0, 99);
  const { settle, forecasting } = await place.open({ citiesMax: 1, keepDays: 2 });
  await settle();
  assert.equal(forecasting.counts.cities_left_out, 1);
  assert.equal((await filesBelow(place.storage, 'issued')).length, 1);
  await place.add('oslo', 101, 101 + 6 * DAY_HOURS);
  await settle();
  assert.deepEqual((await filesBelow(place.storage, 'issued')).length, 1);
});

test('a storage that fails delays forecasts, and loses none', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, MONTH);
  let isAway = false;
  const away = <T>(work: () => Promise<T>) => (isAway ? Promise.reject(new Error('away')) : work());
  const { storage: whole } = place;
  const storage: Storage = {
    ...whole,
    putIfAbsent: (path, content) => away(() => whole.putIfAbsent(path, content)),
    replace: (path, content) => away(() => whole.replace(path, content)),
  };
  const { settle, forecasting } = await place.open({ storage });
  await settle();
  isAway = true;
  await place.add('oslo', MONTH + 1, MONTH + 1);
  await assert.rejects(forecasting.look(SIGNAL));
  isAway = false;
  await settle();
  assert.equal((await filesBelow(place.storage, 'issued')).length, 2);
  assert.equal((await readLatest(place.storage))[0]?.issued_at, formatHour(FIRST + MONTH + 1));
});

test('two processes that both issue an hour keep one forecast of it', async () => {
  await using place = await openForecastPlace();
  await place.add('oslo', 0, 100);
  const [one, other] = [await place.open(), await place.open()];
  await Promise.all([one.settle(), other.settle()]);
  const paths = await filesBelow(place.storage, 'issued');
  const rows = (await Promise.all(paths.map((path) => readIssued(place.storage, path)))).flat();
  assert.equal(rows.length, FORECAST_VARIABLES.length - 1);
});
