import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { IsobarError } from '../errors.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import type { Observation } from '../model/observation.ts';
import { openCityFinder } from './cities.ts';
import { isKaggleFolder, openKaggleFolder } from './kaggle.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'kaggle');
const signal = new AbortController().signal;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-kaggle-'));
  cpSync(FIXTURE, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(from = folder) {
  const finder = openCityFinder(DEFAULT_CITIES);
  const source = await openKaggleFolder(from, finder);
  const records = await Array.fromAsync(source.read(signal));
  return { source, finder, records: records.map(({ record }) => record as Observation) };
}

/** Changes one line of a file; the first line is 1. */
function change(name: string, line: number, to: (text: string) => string | null): void {
  const path = join(folder, name);
  const lines = readFileSync(path, 'utf8').split('\n');
  const changed = to(lines[line - 1] ?? '');
  lines.splice(line - 1, 1, ...(changed === null ? [] : [changed]));
  writeFileSync(path, lines.join('\n'));
}

async function problem(): Promise<string> {
  try {
    await read();
  } catch (error) {
    assert.ok(error instanceof IsobarError, String(error));
    assert.equal(error.code, 'IMPORT_INVALID');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'it was read' });
}

/** The cells of a file, read in another way: `time city` → text. */
function cellsOf(name: string): Map<string, string> {
  const bytes = readFileSync(join(FIXTURE, name));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const cities = header.split(',').slice(1);
  const cells = new Map<string, string>();
  for (const line of lines) {
    const [time = '', ...values] = line.split(',');
    for (const [index, city] of cities.entries()) {
      if (values[index]) cells.set(`${time.replace(' ', 'T')}Z ${city}`, values[index]);
    }
  }
  return cells;
}

test('every cell is in the records, right to the digit, and nothing else is', async () => {
  const { records } = await read();
  const files = {
    temperature_c: cellsOf('temperature.csv'),
    humidity_pct: cellsOf('humidity.csv'),
    pressure_hpa: cellsOf('pressure.csv'),
    wind_speed_ms: cellsOf('wind_speed.csv'),
    wind_direction_deg: cellsOf('wind_direction.csv.gz'),
    condition: cellsOf('weather_description.csv'),
  } as const;
  const keys = new Set(Object.values(files).flatMap((cells) => [...cells.keys()]));
  assert.deepEqual(new Set(records.map(({ observed_at, city }) => `${observed_at} ${city}`)), keys);
  assert.equal(records.length, keys.size);
  for (const record of records) {
    const key = `${record.observed_at} ${record.city}`;
    for (const [name, cells] of Object.entries(files)) {
      const cell = cells.get(key);
      const value = record[name as keyof typeof files];
      if (cell === undefined) assert.equal(value, undefined, `${key} ${name}`);
      else if (name === 'condition') assert.equal(value, cell);
      else if (name !== 'temperature_c') assert.equal(value, Number(cell));
      else assert.ok(Math.abs(Number(value) + 273.15 - Number(cell)) < 1e-9, key);
    }
  }
});

test('hours without a value give no records, and records come in order of time', async () => {
  const { records } = await read();
  const first = records[0];
  // The whole first row is empty, and so are three cities at the end.
  assert.equal(first?.observed_at, '2012-10-01T13:00:00Z');
  const last = records.filter(({ observed_at }) => observed_at > '2017-10-28T00:00:00Z');
  assert.deepEqual(new Set(last.map(({ city }) => city)), new Set(['Denver']));
  const times = records.map(({ observed_at }) => observed_at);
  assert.deepEqual(times, times.toSorted());
});

test('cities are recognised, and the others named with their zones', async () => {
  const { finder, records } = await read();
  assert.deepEqual(
    finder.added.map(({ city_id, country, time_zone }) => [city_id, country, time_zone]),
    [
      ['vancouver-ca', 'CA', 'America/Vancouver'],
      ['denver-us', 'US', 'America/Denver'],
      ['jerusalem-il', 'IL', 'Asia/Jerusalem'],
    ],
  );
  const york = records.find(({ city_id }) => city_id === 'new-york');
  const { source: name, interval_s, utc_offset_s, response } = york ?? {};
  assert.deepEqual(
    [name, interval_s, utc_offset_s, response],
    ['import:historical-hourly-weather', 3_600, -4 * 3_600, null],
  );
});

test('compressed or not, with CRLF or without: the same records', async () => {
  const { records } = await read();
  writeFileSync(
    join(folder, 'temperature.csv'),
    readFileSync(join(FIXTURE, 'temperature.csv'), 'utf8').replaceAll('\n', '\r\n').trimEnd(),
  );
  assert.deepEqual((await read()).records, records);
});

test('odd files are named, with the line', async () => {
  const odd: [RegExp, string, number, (text: string) => string | null][] = [
    [
      /pressure\.csv line 9: expected a time 2012-/,
      'pressure.csv',
      9,
      (t) => t.replace('2012', '2013'),
    ],
    [
      /temperature\.csv line 4: expected a time such as 2012-/,
      'temperature.csv',
      4,
      () => 'soon,1,2,3,4',
    ],
    [/wind_speed\.csv line 1: its columns differ/, 'wind_speed.csv', 1, (t) => `${t},Rome`],
    [/weather_description\.csv line 101: it ends/, 'weather_description.csv', 101, () => null],
    [
      /city_attributes\.csv line 3: expected City,Country/,
      'city_attributes.csv',
      3,
      () => 'Denver,US,x,1\r',
    ],
    [
      /city_attributes\.csv line 3: expected City,Country/,
      'city_attributes.csv',
      3,
      () => 'Denver,US\r',
    ],
    [/temperature\.csv.*does not name Denver/, 'city_attributes.csv', 3, () => null],
  ];
  for (const [pattern, name, line, to] of odd) {
    change(name, line, to);
    assert.match(await problem(), pattern);
    cpSync(join(FIXTURE, name), join(folder, name));
  }
  writeFileSync(join(folder, 'wind_direction.csv.gz'), 'no gzip');
  assert.match(await problem(), /wind_direction\.csv\.gz: .*not gzip-compressed/);
});

test('a cell that cannot be used is named, and the rest of its hour stays', async () => {
  change('humidity.csv', 3, (line) => line.replace(/,[^,]*$/, ',0x10'));
  const { records } = await read();
  const record = records.find(({ city }) => city === 'Jerusalem');
  assert.equal(record?.humidity_pct, undefined);
  assert.deepEqual(record?.rejected_fields, [
    { field: 'humidity_pct', value: '0x10', reason: 'not a number' },
  ]);
  assert.equal(typeof record?.temperature_c, 'number');
});

test('a row with other columns is rejected with its line, and the other variables land', async () => {
  const before = (await read()).records;
  change('humidity.csv', 7, (line) => `${line},1`);
  const after = (await read()).records;
  const invalid = after.filter((record) => 'invalid' in record);
  assert.deepEqual(
    invalid.map((record) => 'invalid' in record && record.invalid),
    ['wrong number of fields (line 7 of humidity.csv: 6, expected 5)'],
  );
  const hour = before.find((_, index) => index > 0 && 'humidity_pct' in (before[index] ?? {}));
  assert.ok(hour);
  const withoutHumidity = after.filter(
    (record) => !('invalid' in record || 'humidity_pct' in record),
  );
  assert.ok(withoutHumidity.length >= 4);
  assert.equal(after.length, before.length + 1);
});

test('another folder is none, and a stopped reading ends', async () => {
  assert.equal(isKaggleFolder(folder), true);
  assert.equal(isKaggleFolder(tmpdir()), false);
  const stop = new AbortController();
  const source = await openKaggleFolder(folder, openCityFinder([]));
  const reading = source.read(stop.signal)[Symbol.asyncIterator]();
  assert.equal((await reading.next()).done, false);
  await reading.return?.();
  stop.abort();
  await assert.rejects(Array.fromAsync(source.read(stop.signal)), { name: 'AbortError' });
});
