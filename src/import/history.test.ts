import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Units } from '../collector/openweather/measurements.ts';
import { parseRecorded } from '../collector/openweather/recorded.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import type { Observation } from '../model/observation.ts';
import { openCityFinder } from './cities.ts';
import { planImport } from './plan.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures', 'history');
const JSON_TEXT = readFileSync(join(FIXTURES, 'bulk.json'), 'utf8');
const CSV_TEXT = readFileSync(join(FIXTURES, 'bulk.csv'), 'utf8');
const signal = new AbortController().signal;
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-history-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string, units?: Units) {
  const said: string[] = [];
  const finder = openCityFinder(DEFAULT_CITIES);
  const plan = await planImport([path], {
    ...{ finder, parse: parseRecorded, units, scratch: folder, signal },
    session: () => Promise.reject(new Error('unused')),
    report: (text) => said.push(text),
  });
  const source = await plan.open(plan.files);
  const imported = await Array.fromAsync(source.read(signal));
  const records = imported.map(({ record }) => record as Observation);
  return { plan, records, finder, said: said.join('') };
}

/** What the observations say, without when and from what. */
function contents(records: readonly Observation[]): object[] {
  return records.map((record) => ({ ...record, collected_at: '', response: null }));
}

test('an hour of the bulk history is an observation of the city that is known there', async () => {
  const { records, finder, plan } = await read(join(FIXTURES, 'bulk.json'));
  assert.deepEqual(finder.added, []);
  assert.equal(plan.options, '{"units":"metric","history":"standard"}');
  const [first, second, third, fourth] = records;
  assert.deepEqual(
    { ...first, response: null, collected_at: '' },
    {
      ...{ city_id: 'london', city: 'London', country: 'GB', collected_at: '' },
      ...{ observed_at: '2014-01-01T00:00:00Z', source: 'import:openweathermap' },
      ...{ interval_s: 3_600, utc_offset_s: 0, provider_city_id: null },
      ...{ temperature_c: 10.92, feels_like_c: 8.23, humidity_pct: 71, pressure_hpa: 1020 },
      ...{ wind_speed_ms: 1.5, wind_gust_ms: null, wind_direction_deg: 70, cloud_cover_pct: 0 },
      ...{ visibility_m: 10_000, rain_1h_mm: null, snow_1h_mm: null },
      ...{ condition_id: 800, condition: 'sky is clear', response: null },
    },
  );
  assert.deepEqual(JSON.parse(first?.response ?? ''), JSON.parse(JSON_TEXT)[0]);
  assert.deepEqual([second?.rain_1h_mm, second?.condition], [0.31, 'light rain']);
  // An amount of three hours is not one of an hour.
  assert.deepEqual(
    [third?.rain_1h_mm, third?.visibility_m, fourth?.snow_1h_mm],
    [null, null, 0.25],
  );
});

test('the same from CSV, compressed or not, also as a spreadsheet saves it', async () => {
  const wanted = contents((await read(join(FIXTURES, 'bulk.json'))).records);
  const forms = {
    'bulk.json.gz': gzipSync(JSON_TEXT),
    'bulk.csv': CSV_TEXT,
    'bulk.csv.gz': gzipSync(CSV_TEXT),
    'semicolons.csv': `\ufeff${CSV_TEXT.replaceAll(',', ';').replaceAll('\n', '\r\n')}`,
    'joined.csv': CSV_TEXT + CSV_TEXT.split('\n')[0],
  };
  for (const [name, content] of Object.entries(forms)) {
    assert.deepEqual(contents((await read(file(name, content))).records), wanted, name);
  }
});

test('rows that cannot be used say so with their line, and the rest is read', async () => {
  const lines = CSV_TEXT.trimEnd().split('\n');
  const odd = [...lines, '1,2,3', (lines[5] ?? '').replace(/^\d+/, 'never')];
  odd[2] = (odd[2] ?? '').replace('284.07', 'x').replace('283.52', 'x');
  const { records } = await read(file('odd.csv', odd.join('\n')));
  const invalid = records.flatMap((record) => ('invalid' in record ? [record.invalid] : []));
  assert.deepEqual(invalid, [
    'wrong number of fields (line 7 of odd.csv)',
    'dt is not a number (line 8 of odd.csv: "never")',
  ]);
  // The hour's second row differs in its temperature now: it is a row of its own.
  assert.equal(records.length - invalid.length, 5);
  const [field] = records.flatMap((record) => record.rejected_fields ?? []);
  assert.deepEqual(field, { field: 'temperature_c', value: '"x"', reason: 'not a number' });
});

test('units that nearly all temperatures contradict stop the import before it begins', async () => {
  const celsius = JSON_TEXT.replace(/"temp":(\d+\.\d+)/g, (_, kelvin) => {
    return `"temp":${(Number(kelvin) - 273.15).toFixed(2)}`;
  });
  const path = file('celsius.json', celsius);
  await assert.rejects(read(path), {
    code: 'IMPORT_INVALID',
    message:
      /celsius\.json: its temperatures look like °C or °F, not kelvin \(10\.92\); give --units metric or/,
  });
  const { records, plan } = await read(path, 'metric');
  assert.equal(records[0]?.temperature_c, 10.92);
  assert.equal(plan.options, '{"units":"metric","history":"metric"}');
  await assert.rejects(read(join(FIXTURES, 'bulk.csv'), 'metric'), {
    message: /bulk\.csv: its temperatures look like kelvin \(284\.07\); give --units standard$/,
  });
});

test('of a folder the tables of the history are read, and others are said to be skipped', async () => {
  const mixed = join(folder, 'mixed');
  mkdirSync(mixed);
  for (const name of ['bulk.csv', 'bulk.json'])
    copyFileSync(join(FIXTURES, name), join(mixed, name));
  writeFileSync(join(mixed, 'station.csv'), 'dt,temp\n1388534400,1\n');
  writeFileSync(join(mixed, 'broken.txt'), '');
  const { plan, said, records } = await read(mixed);
  assert.deepEqual(plan.files, [join(mixed, 'bulk.csv'), join(mixed, 'bulk.json')]);
  assert.equal(said, 'skipped 2 files of another kind: "broken.txt", "station.csv"\n');
  assert.equal(records.length, 8);
  await assert.rejects(read(join(mixed, 'station.csv')), /a table needs --mapping/);
});

test('a city that is not known is made from its name; answers keep their own units', async () => {
  const entry = JSON.parse(JSON_TEXT)[0];
  const place = { city_name: 'Ulaanbaatar', lat: 47.922051, lon: 106.915501 };
  const current = { coord: { lat: 51.5, lon: -0.13 }, main: { temp: 7 }, dt: 1_700_000_000 };
  const answer = { ...current, name: 'London', sys: { country: 'GB' } };
  const lines = [JSON.stringify({ ...entry, ...place, timezone: 28_800 }), JSON.stringify(answer)];
  const { records, finder } = await read(file('both.jsonl', lines.join('\n')));
  assert.deepEqual(
    records.map(({ city_id, temperature_c, interval_s }) => [city_id, temperature_c, interval_s]),
    [
      ['ulaanbaatar', 10.92, 3_600],
      ['london', 7, 600],
    ],
  );
  assert.equal(finder.added[0]?.time_zone, 'Asia/Ulaanbaatar');
  assert.equal(records[0]?.utc_offset_s, 28_800);
});
