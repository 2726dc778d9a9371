import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { parseRecorded } from '../collector/openweather/recorded.ts';
import { IsobarError } from '../errors.ts';
import { type City, DEFAULT_CITIES } from '../model/city.ts';
import type { InvalidRecord, Observation } from '../model/observation.ts';
import { openCityFinder } from './cities.ts';
import { coverOf, weatherInWords } from './metar-words.ts';
import { planImport } from './plan.ts';
import { knownStation } from './stations.ts';

const SAMPLE = readFileSync(join(import.meta.dirname, 'fixtures/metars/sample.csv'), 'utf8');
const [HEADER = '', ...ROWS] = SAMPLE.trimEnd().split('\n');
const PREAMBLE = 'No errors\nNo warnings\n183 ms\ndata source=metars\n12 results\n';
const signal = new AbortController().signal;
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-metars-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string, known: readonly City[] = DEFAULT_CITIES) {
  const finder = openCityFinder(known);
  const plan = await planImport([path], {
    ...{ finder, parse: parseRecorded, units: undefined, scratch: folder, signal },
    session: () => Promise.reject(new Error('unused')),
    report: () => {},
  });
  const source = await plan.open(plan.files);
  const imported = await Array.fromAsync(source.read(signal));
  const byId = new Map(imported.map(({ record }) => [record.city_id, record as Observation]));
  const cities = new Map(imported.flatMap(({ city }) => (city ? [[city.city_id, city]] : [])));
  return { plan, imported, byId, cities };
}

/** A row of the sample, with other cells. */
function rowWith(station: string, cells: Readonly<Record<string, string>>): string {
  const row = ROWS.find((line) => line.includes(`,${station},`)) ?? '';
  const values = row.split(',');
  for (const [name, value] of Object.entries(cells))
    values[HEADER.split(',').indexOf(name)] = value;
  return values.join(',');
}

async function readRow(row: string, known?: readonly City[]) {
  const { imported } = await read(file('row.csv', `${HEADER}\n${row}\n`), known);
  const [first] = imported;
  assert.ok(first);
  const { record, city } = first;
  return { city, observation: record as Observation, invalid: (record as InvalidRecord).invalid };
}

test('a report is an observation of its station, in our units', async () => {
  const { byId, cities, plan } = await read(file('sample.csv', SAMPLE));
  assert.equal(plan.name, 'import:metars');
  assert.equal(byId.size, 12);
  assert.deepEqual(byId.get('pasi'), {
    ...{ city_id: 'pasi', city: 'Sitka/Gutierrez Airport', country: 'US' },
    ...{ observed_at: '2026-03-20T15:18:00Z', collected_at: '2026-03-20T15:18:00Z' },
    ...{ source: 'import:metars', interval_s: 3_600, utc_offset_s: -28_800 },
    ...{ provider_city_id: null, temperature_c: 0.6, humidity_pct: 81.51336378101604 },
    ...{ pressure_hpa: 29.87 * 33.86389, wind_speed_ms: (10 * 1_852) / 3_600, wind_gust_ms: null },
    ...{ wind_direction_deg: 90, cloud_cover_pct: 100, visibility_m: 3 * 1_609.344 },
    ...{ rain_1h_mm: null, condition: 'light snow' },
    response:
      'SPECI PASI 201518Z AUTO 09010KT 3SM -SN SCT017 BKN039 OVC050 01/M02 A2987 RMK AO2 P0000 T00061022 FZRANO TSNO $',
  });
  assert.deepEqual(cities.get('pasi'), {
    ...{ city_id: 'pasi', name: 'Sitka/Gutierrez Airport', country: 'US' },
    ...{ latitude: 57.047, longitude: -135.364, elevation_m: 2, time_zone: 'America/Sitka' },
  });
});

test('the same with lines before the header, compressed, and with line ends of Windows', async () => {
  const { imported } = await read(file('sample.csv', SAMPLE));
  const forms = {
    'preamble.csv': PREAMBLE + SAMPLE,
    'sample.csv.gz': gzipSync(PREAMBLE + SAMPLE),
    'windows.csv': SAMPLE.replaceAll('\n', '\r\n'),
    'marked.CSV': `\uFEFF${SAMPLE}`,
  };
  for (const [name, content] of Object.entries(forms)) {
    assert.deepEqual((await read(file(name, content))).imported, imported, name);
  }
});

test('variable wind has no direction, whatever the remarks say of other winds', async () => {
  const { byId } = await read(file('sample.csv', SAMPLE));
  const windOf = (id: string) => {
    const { wind_direction_deg, wind_speed_ms } = byId.get(id) ?? {};
    return [wind_direction_deg, Math.round((wind_speed_ms ?? Number.NaN) * 10) / 10];
  };
  assert.deepEqual(windOf('kjsl'), [null, 2.1]);
  assert.deepEqual(windOf('ekvg'), [250, 4.1]);
  assert.deepEqual(windOf('k3n8'), [360, 1.5]);
  assert.deepEqual(windOf('kaxs'), [0, 0]);
  assert.deepEqual(windOf('cydq'), [null, Number.NaN]);
});

test('visibility beyond what is measured is what it is beyond', async () => {
  const { byId } = await read(file('sample.csv', SAMPLE));
  const visibilityOf = (id: string) => byId.get(id)?.visibility_m;
  assert.equal(visibilityOf('kdta'), 16_093.44);
  assert.equal(visibilityOf('skej'), 6 * 1_609.344);
  assert.equal(visibilityOf('k3n8'), 0.25 * 1_609.344);
  assert.equal(visibilityOf('kaxs'), null);
});

test('what is missing stays missing, and text in place of a number is kept', async () => {
  const { byId } = await read(file('sample.csv', SAMPLE));
  const { temperature_c, humidity_pct } = byId.get('kxer') ?? {};
  assert.deepEqual([temperature_c, humidity_pct], [null, null]);
  const { observation } = await readRow(rowWith('KDTA', { temp_c: 'null', altim_in_hg: '3.03' }));
  assert.equal(observation.temperature_c, undefined);
  assert.deepEqual(observation.rejected_fields, [
    { field: 'temperature_c', value: 'null', reason: 'not a number' },
    { field: 'pressure_hpa', value: '3.03', reason: 'out of range (300 to 1100 hPa)' },
  ]);
});

test('rain of an hour counts in hourly reports alone, and melted snow is not rain', async () => {
  const rainOf = async (cells: Readonly<Record<string, string>>) =>
    (await readRow(rowWith('KDTA', cells))).observation.rain_1h_mm;
  assert.equal(await rainOf({ precip_in: '0.1', wx_string: 'RA' }), 2.54);
  assert.equal(await rainOf({ precip_in: '0.005', wx_string: '-RA' }), 0);
  assert.equal(await rainOf({ precip_in: '0.1', wx_string: 'RA', metar_type: 'SPECI' }), null);
  assert.equal(await rainOf({ precip_in: '0.1', wx_string: '-RASN' }), null);
  assert.equal(await rainOf({}), null);
});

test('a station without a position has that of the list; one of neither is rejected', async () => {
  const { city } = await readRow(rowWith('KDTA', { latitude: '', longitude: '', elevation_m: '' }));
  const { latitude, longitude, elevation_m } = knownStation('KDTA') ?? {};
  assert.ok(latitude !== undefined && elevation_m !== null);
  assert.deepEqual(
    [city?.latitude, city?.longitude, city?.elevation_m],
    [latitude, longitude, elevation_m],
  );
  const nowhere = rowWith('KDTA', { station_id: 'ZZZZ', latitude: '', longitude: '' });
  const { invalid } = await readRow(nowhere);
  assert.equal(
    invalid,
    'station has no position, nor has the list of stations (line 2 of row.csv)',
  );
  const named = await readRow(rowWith('KDTA', { station_id: 'ZZZZ', elevation_m: '9999' }));
  const { name, country, elevation_m: unknown } = named.city ?? {};
  assert.deepEqual([named.city?.city_id, name, country, unknown], ['zzzz', 'ZZZZ', '', undefined]);
});

test('a city of this id stays as it is known, and gets the elevation', async () => {
  const known = { city_id: 'kdta', name: 'Delta', country: 'US', time_zone: 'America/Denver' };
  const place = { latitude: 39.35, longitude: -112.58 };
  const { city, observation } = await readRow(rowWith('KDTA', {}), [{ ...known, ...place }]);
  assert.deepEqual(city, { ...known, ...place, elevation_m: 1_452 });
  assert.equal(observation.city, 'Delta');
  const { city: measured } = await readRow(rowWith('KDTA', {}), [
    { ...known, ...place, elevation_m: 1_410 },
  ]);
  assert.equal(measured?.elevation_m, 1_410);
});

test('rows that cannot be used say why, and the others land', async () => {
  const rows = [
    rowWith('KDTA', { observation_time: 'yesterday' }),
    rowWith('KDTA', { observation_time: '' }),
    rowWith('KDTA', { station_id: '../etc' }),
    'KDTA,too short',
    rowWith('KDTA', {}),
  ];
  const { imported } = await read(file('odd.csv', `${HEADER}\n${rows.join('\n')}\n`));
  const reasons = imported.map(({ record }) => ('invalid' in record ? record.invalid : 'lands'));
  assert.deepEqual(reasons.sort(), [
    'lands',
    'station is not a code of 3 to 8 of A-Z and 0-9 (line 4 of odd.csv)',
    'time is missing (line 3 of odd.csv)',
    'time is not ISO 8601 in UTC (line 2 of odd.csv: yesterday)',
    'wrong number of fields (line 5 of odd.csv: 2, expected 44)',
  ]);
});

test('whatever stands in the cells, each row makes one record', async () => {
  const names = HEADER.split(',').filter((name) => name !== 'raw_text');
  const cells = fc.dictionary(
    fc.constantFrom(...names),
    fc.string().map((text) => text.replace(/[,"\r\n\u0085\u2028\u2029]/g, '').toWellFormed()),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(cells, { minLength: 1, maxLength: 8 }), async (rows) => {
      const lines = rows.map((row) => rowWith('KDTA', row));
      const { imported } = await read(file('random.csv', `${HEADER}\n${lines.join('\n')}\n`));
      assert.equal(imported.length, rows.length);
    }),
    { numRuns: 50 },
  );
});

test('files of two kinds are not imported together', async () => {
  const both = join(folder, 'both');
  mkdirSync(both);
  writeFileSync(join(both, 'metars.csv'), SAMPLE);
  writeFileSync(join(both, 'answers.json'), '{}');
  await assert.rejects(read(both), (error) => {
    assert.ok(error instanceof IsobarError);
    assert.equal(error.code, 'IMPORT_INVALID');
    assert.match(error.message, /import one after the other/);
    return true;
  });
});

test('weather and sky are said in words', () => {
  const words = {
    '-RA': 'light rain',
    '-SHRA BR': 'light rain showers, mist',
    '+TSRA': 'thunderstorm with heavy rain',
    '+TSRAGR': 'thunderstorm with heavy rain and hail',
    TS: 'thunderstorm',
    VCTS: 'thunderstorm in the vicinity',
    VCSH: 'showers in the vicinity',
    MIFG: 'shallow fog',
    BCFG: 'patches of fog',
    '-FZDZ': 'light freezing drizzle',
    '-RASN': 'light rain and snow',
    BLSN: 'blowing snow',
    '-SHG': '-SHG',
    'XX RA': 'XX, rain',
  };
  for (const [codes, text] of Object.entries(words)) assert.equal(weatherInWords(codes), text);
  assert.equal(coverOf(['FEW', 'BKN', 'SCT', ''])?.percent, 75);
  assert.equal(coverOf(['CAVOK']), null);
  assert.equal(coverOf(['CLR'])?.percent, 0);
});

test('the list of stations is whole', () => {
  const heathrow = { name: 'London/Heathrow International', country: 'GB' };
  const place = { latitude: 51.477, longitude: -0.461, elevation_m: 26 };
  assert.deepEqual(knownStation('EGLL'), { ...heathrow, ...place });
  assert.equal(knownStation('KXNI')?.elevation_m, null);
  assert.equal(knownStation('station'), null);
});
