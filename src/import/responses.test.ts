import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseRecorded } from '../collector/openweather/recorded.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import { openCityFinder } from './cities.ts';
import { openResponses } from './responses.ts';

const DATA = join(import.meta.dirname, '../../../shared/data/owm-current');
const skip = existsSync(DATA) ? false : `no ${DATA} here`;
const signal = new AbortController().signal;
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-responses-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(...paths: readonly string[]) {
  const finder = openCityFinder(DEFAULT_CITIES);
  const clock = () => new Date('2026-01-01T00:00:00Z');
  const options = {
    finder,
    parse: parseRecorded,
    units: 'metric',
    clock,
    scratch: folder,
  } as const;
  const files = paths.map((path) => ({ path, name: basename(path) }));
  const source = await openResponses(files, options);
  const imported = await Array.fromAsync(source.read(signal));
  return { source, finder, imported, records: imported.map(({ record }) => record) };
}

function answer(dt: number, temp: number, name = 'London', lat = 51.51): string {
  const coord = { lat, lon: -0.13 };
  return JSON.stringify({
    coord,
    main: { temp },
    dt,
    name,
    id: 7,
    cod: 200,
    sys: { country: 'GB' },
  });
}

const [NOON, ONE] = [1_700_000_000, 1_700_003_600];

test('an object, lines, a list, compressed or not: the same records', async () => {
  const texts = [answer(NOON, 5), answer(ONE, 6)];
  const pretty = texts.map((text) => JSON.stringify(JSON.parse(text), null, 2));
  const wanted = await read(...texts.map((text, index) => file(`${index}.json`, text)));
  assert.deepEqual(
    wanted.records.map((record) => 'temperature_c' in record && record.temperature_c),
    [5, 6],
  );
  const forms = {
    'lines.jsonl': `${texts.join('\n')}\n`,
    'crlf.jsonl': `\ufeff${texts.join('\r\n')}\r\n\r\n`,
    'list.json': `[${pretty.join(',')}]`,
    'lines.jsonl.gz': gzipSync(texts.join('\n')),
    'list.json.gz': gzipSync(`[${texts}]`),
  };
  const strip = (records: readonly object[]) =>
    records.map((record) => ({ ...record, response: null }));
  for (const [name, content] of Object.entries(forms)) {
    const { records } = await read(file(name, content));
    assert.deepEqual(strip(records), strip(wanted.records), name);
  }
});

test('records come in order of time, and a second reading gives the same ones', async () => {
  const paths = [file('late.json', answer(ONE, 6)), file('early.json', answer(NOON, 5))];
  const { source, imported, records } = await read(...paths);
  assert.deepEqual(
    records.map((record) => 'observed_at' in record && record.observed_at),
    ['2023-11-14T22:13:20Z', '2023-11-14T23:13:20Z'],
  );
  assert.deepEqual(await Array.fromAsync(source.read(signal)), imported);
});

test('cities are recognised; a namesake far away is another one', async () => {
  const paths = [file('a.json', answer(NOON, 5)), file('b.json', answer(ONE, 6, 'London', 55))];
  const { imported, finder } = await read(...paths);
  assert.deepEqual(
    imported.map(({ city }) => city?.city_id),
    ['london', 'london-gb'],
  );
  assert.equal(finder.added.length, 1);
});

test('a text that is not an answer is an invalid record; rejects an unreadable file', async () => {
  const garbage = ['{"cod": 401, "message": "Invalid key"}', 'nonsense', '{}', answer(NOON, 5)];
  const { records } = await read(file('mixed.jsonl', garbage.join('\n')));
  assert.deepEqual(
    records.map((record) => 'invalid' in record),
    [true, true, true, false],
  );
  assert.deepEqual((await read(file('empty.json', ' \n'))).records, []);
  await assert.rejects(
    read(file('bad.json.gz', 'no gzip')),
    /bad\.json\.gz: .*not gzip-compressed/,
  );
});

test('recordings as people keep them: UTF-16, a list, pretty-printed, gzip of any name', async () => {
  const [one, two] = [answer(NOON, 5), answer(ONE, 6)];
  const pretty = [one, two].map((text) => JSON.stringify(JSON.parse(text), null, 4)).join('\n');
  const list = `{"cnt":2,"list":[${one},${two}]}`;
  const forms = {
    'powershell.json': Buffer.from(`\ufeff${one}\r\n${two}\r\n`, 'utf16le'),
    'group.json': list,
    'pretty.json': pretty,
    'hidden.json': gzipSync(pretty),
  };
  for (const [name, content] of Object.entries(forms)) {
    const { records } = await read(file(name, content));
    assert.deepEqual(
      records.map((record) => 'observed_at' in record && record.observed_at),
      ['2023-11-14T22:13:20Z', '2023-11-14T23:13:20Z'],
      name,
    );
  }
  assert.equal((await read(file('group.json', list))).records[1]?.response, two);
});

test('names that no city has, and bytes that are not UTF-8, cost their answer only', async () => {
  const odd = ['L\ud800ndon', 'Lon\u0007don', 'x'.repeat(257)].map((name) => answer(NOON, 5, name));
  const latin = Buffer.from(answer(NOON, 5, 'Köln'), 'latin1');
  const text = Buffer.from(`${odd.join('\n')}\n${answer(ONE, 6)}\n`);
  const { records } = await read(file('odd.jsonl', Buffer.concat([text, latin])));
  assert.deepEqual(
    records.map((record) => ('invalid' in record ? record.invalid : record.city)),
    [
      'name is not valid Unicode (line 1 of odd.jsonl)',
      'name has control characters (line 2 of odd.jsonl)',
      `name is longer than 256 characters (line 3 of odd.jsonl: "${'x'.repeat(59)}…)`,
      'London',
      'not UTF-8 (line 5 of odd.jsonl)',
    ],
  );
});

test('real answers: a poll of 1,995 as lines', { skip }, async () => {
  const { records, imported, finder } = await read(join(DATA, 'batch-2018-metric.jsonl.gz'));
  assert.equal(records.length, 1_995);
  assert.deepEqual(
    records.filter((record) => 'invalid' in record),
    [],
  );
  const ids = new Set(imported.map(({ city }) => city?.city_id));
  assert.ok(ids.size > 1_500 && ids.size <= finder.added.length + DEFAULT_CITIES.length);
  const dts = readFileSync(join(DATA, 'berlin-20250919T160225Z-metric.json'), 'utf8');
  const [berlin] = (await read(join(DATA, 'berlin-20250919T160225Z-metric.json'))).records;
  assert.equal(berlin?.response, dts.trim());
});
