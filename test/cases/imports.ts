/** The cases of imports: what each must land, worked out by hand from its files. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  assertRows,
  failureOf,
  importFiles,
  landed,
  observationsOf,
  type Place,
  rowsOf,
  runCommand,
} from './place.ts';

type RunCase = (place: Place) => Promise<void>;

const T0 = '2024-01-01T00:00:00Z';
const T1 = '2024-01-01T01:00:00Z';

/** Imports one table of the case; all of its rows land, except those that are invalid. */
async function importTable(
  place: Place,
  table: string,
  mapping: string,
  { rows, invalid = 0 }: { readonly rows: number; readonly invalid?: number },
) {
  const data = place.made(`data-${table}-${mapping}`.replace(/[^\w-]/g, '_'));
  const imported = await importFiles(data, place.input(table), '--mapping', pathOf(place, mapping));
  assert.deepEqual(imported.counts, landed(rows, invalid), table);
  return { data, ...imported };
}

/** Of the case's own file, or of one that was made for this run. */
function pathOf(place: Place, name: string): string {
  return name.startsWith('/') ? name : place.input(name);
}

/** UTF-16 with its byte order mark, little end first, as `iconv -t UTF-16` writes it. */
function utf16(text: string): Buffer {
  return Buffer.from(`\uFEFF${text}`, 'utf16le');
}

async function rowTime(place: Place): Promise<void> {
  for (const [table, mapping, expected] of [
    [
      'a.csv',
      'm.yaml',
      [
        [T0, 1],
        [T1, 2],
      ],
    ],
    ['b.csv', 'm.yaml', [[T0, 1]]],
    ['c.csv', 'c.yaml', [[T0, 1]]],
  ] as const) {
    const { data } = await importTable(place, table, mapping, { rows: expected.length });
    assert.deepEqual(await observationsOf(data, 'temperature_c'), expected, table);
  }
}

/** The list at the top holds for all columns, so each column gets its own. */
async function listsOfMissing(place: Place): Promise<void> {
  const mapping = place.writeChanged('m.yaml', {
    'missing: ["999.9", "9999.9"]\n': '',
    'pressure_hpa: SLP': 'pressure_hpa: { column: SLP, missing: ["9999.9"] }',
    'unit: knots': 'unit: knots, missing: ["999.9"]',
  });
  const { data, summary } = await importTable(place, 'gsod.csv', mapping, { rows: 4 });
  assert.deepEqual(summary.rejected_fields, []);
  const knots = (speed: number) => (speed * 1_852) / 3_600;
  assertRows(await observationsOf(data, 'temperature_c', 'pressure_hpa', 'wind_speed_ms'), [
    ['2024-01-01T00:00:00Z', 1, 999.8, knots(5)],
    ['2024-01-01T01:00:00Z', 1.1, 999.9, knots(5.1)],
    ['2024-01-01T02:00:00Z', 1.2, 1000, null],
    ['2024-01-01T03:00:00Z', 1.3, null, knots(5.2)],
  ]);
}

async function clockChanges(place: Place): Promise<void> {
  const { data, summary } = await importTable(place, 'dst.csv', 'm.yaml', { rows: 7, invalid: 1 });
  const [{ reason, records, example }] = summary.reasons;
  assert.deepEqual([reason, records], ['time does not exist in Europe/Vienna', 1]);
  assert.match(example, /line 3 of dst\.csv: 2021-03-28 02:00/);
  assert.deepEqual(await observationsOf(data, 'temperature_c'), [
    ['2021-03-28T00:00:00Z', 1],
    ['2021-03-28T01:00:00Z', 3],
    ['2021-10-30T23:00:00Z', 10],
    ['2021-10-31T00:00:00Z', 9],
    ['2021-10-31T01:00:00Z', 8],
    ['2021-10-31T02:00:00Z', 7],
  ]);
}

async function hour24(place: Place): Promise<void> {
  const { data } = await importTable(place, 'h24.csv', 'm.yaml', { rows: 4 });
  assert.deepEqual(await observationsOf(data, 'temperature_c'), [
    ['2020-08-13T22:00:00Z', 20],
    ['2020-08-13T23:00:00Z', 19],
    ['2020-08-14T00:00:00Z', 18],
    ['2020-08-14T01:00:00Z', 17],
  ]);
  // The mapping of the case has no hour and no tenths.
  const mapping = place.writeChanged('knmi.yaml', {
    '{ column: YYYYMMDD, format: "%Y%m%d" }': '{ columns: [YYYYMMDD, HH], format: "%Y%m%d %H" }',
    'temperature_c: T,': 'temperature_c: { column: T, scale: 0.1 },',
    'wind_speed_ms: FH,': 'wind_speed_ms: { column: FH, scale: 0.1 },',
    'pressure_hpa: P }': 'pressure_hpa: { column: P, scale: 0.1 } }',
  });
  const knmi = await importTable(place, 'knmi.txt', mapping, { rows: 2 });
  assert.deepEqual(knmi.summary.rejected_fields, []);
  const columns = ['temperature_c', 'wind_speed_ms', 'pressure_hpa'];
  assertRows(await observationsOf(knmi.data, ...columns), [
    ['2024-01-01T01:00:00Z', 8.5, 3, 999],
    ['2024-01-02T00:00:00Z', -1.2, 1, 1000.1],
  ]);
}

async function linesBeforeHeader(place: Place): Promise<void> {
  for (const table of ['openmeteo.csv', 'comments.csv', 'sep.csv']) {
    const { data } = await importTable(place, table, 'm.yaml', { rows: 2 });
    assert.deepEqual(
      await observationsOf(data, 'temperature_c'),
      [
        [T0, 7.6],
        [T1, 7.4],
      ],
      table,
    );
  }
  const typo = ['import', place.input('typo.csv'), '--mapping', place.input('m.yaml')];
  assert.deepEqual(await failureOf(...typo, '--data', place.made('typo')), {
    exit: 2,
    code: 'IMPORT_INVALID',
    message: `${place.input('typo.csv')}: no column time; there are timestamp, temperature_2m (°C)`,
  });
}

async function recordings(place: Place): Promise<void> {
  const one = readFileSync(place.input('one.json'), 'utf8').trimEnd();
  const two = one.replace('1704067200', '1704067800');
  const pretty = (text: string) => `${JSON.stringify(JSON.parse(text), null, 4)}\n`;
  const first = [T0, 10.5, 'Rome'];
  const second = ['2024-01-01T00:10:00Z', 10.5, 'Rome'];
  async function check(name: string, path: string, expected: readonly unknown[][]) {
    const data = place.made(`data-${name}`);
    const { counts } = await importFiles(data, path);
    assert.deepEqual(counts, landed(expected.length), name);
    assert.deepEqual(await observationsOf(data, 'temperature_c', 'city'), expected, name);
  }
  await check('utf-16', place.write('powershell.json', utf16(`${one}\n`)), [first]);
  const group = `{"cnt":2,"list":[${one},${two}]}\n`;
  await check('list', place.write('group.json', group), [first, second]);
  await check('pretty', place.write('all.json', pretty(one) + pretty(two)), [first, second]);
  mkdirSync(place.made('folder/2024/01'), { recursive: true });
  place.write('folder/2024/01/b.json', `${two}\n`);
  await check('only-subfolders', place.made('folder'), [second]);
  place.write('folder/a.json', `${one}\n`);
  await check('subfolders', place.made('folder'), [first, second]);
}

/** The beginning of a .DS_Store: bytes that are not text. */
const DS_STORE = Buffer.concat([
  Buffer.from('\0\0\0\x01Bud1\0\0\x10\0', 'latin1'),
  Buffer.from(Array.from({ length: 128 }, (_, index) => index + 128)),
  Buffer.alloc(200),
]);

async function otherFiles(place: Place): Promise<void> {
  const mapping = readFileSync(place.input('m.yaml'));
  for (const [other, content, mappingPath] of [
    ['m.yaml', mapping, place.made('m.yaml/m.yaml')],
    ['.DS_Store', DS_STORE, place.input('m.yaml')],
  ] as const) {
    const folder = place.made(other);
    mkdirSync(folder);
    copyFileSync(place.input('hours.csv'), join(folder, 'hours.csv'));
    writeFileSync(join(folder, other), content);
    const data = place.made(`data-${other}`);
    const { counts, stderr } = await importFiles(data, folder, '--mapping', mappingPath);
    assert.deepEqual(counts, landed(24), other);
    assert.ok(stderr.includes(`skipped 1 file of another kind: "${other}"`), stderr);
  }
}

async function otherEncodings(place: Place): Promise<void> {
  const text = readFileSync(place.input('a.csv'), 'utf8');
  const files = {
    'windows-1252': place.write('windows-1252.csv', Buffer.from(text, 'latin1')),
    'utf-16': place.write('utf-16.csv', utf16(text)),
  };
  const plain = ['--mapping', place.input('m.yaml')];
  const data = place.made('data');
  const refused = await failureOf('import', files['windows-1252'], ...plain, '--data', data);
  assert.deepEqual([refused.exit, refused.code], [2, 'IMPORT_INVALID']);
  assert.match(refused.message, /line 2: not UTF-8; save it as UTF-8, or set encoding/);
  const condition = { 'variables:': 'condition: Himmel\nvariables:' };
  const mappings = {
    'utf-16': place.writeChanged('m.yaml', condition),
    'windows-1252': place.write(
      'encoding.yaml',
      `encoding: windows-1252\n${readFileSync(place.made('changed-m.yaml'), 'utf8')}`,
    ),
  };
  for (const encoding of ['windows-1252', 'utf-16'] as const) {
    const into = place.made(`data-${encoding}`);
    const { counts } = await importFiles(into, files[encoding], '--mapping', mappings[encoding]);
    assert.deepEqual(counts, landed(1), encoding);
    const rows = await observationsOf(into, 'temperature_c', 'condition');
    assert.deepEqual(rows, [[T0, 1, 'bewölkt']], encoding);
  }
}

/**
 * 60,000 hours from 1990 on, each with a remark of two lines: 39 MB land, and so would the first
 * 4 MB. Thirty rows have 18,710 characters: 4 MB are 213 times that, ten rows of 623 and 13 of 624.
 */
async function longLines(place: Place): Promise<void> {
  const remark = `"${'x'.repeat(300)}\n${'x'.repeat(300)}"\n`;
  const start = Date.UTC(1990, 0, 1);
  let text = 'time,temp,remark\n';
  for (let hour = 0; hour < 60_000; hour++) {
    const time = new Date(start + hour * 3_600_000).toISOString().slice(0, 16);
    text += `${time},${hour % 30},${remark}`;
  }
  const short = text.slice(0, text.slice(0, 4_000_000).lastIndexOf('"\n') + 2);
  const data = place.made('data');
  const mapping = ['--mapping', place.input('m.yaml')];
  const part = await importFiles(data, place.write('b.csv', short), ...mapping, '--dry-run');
  assert.deepEqual(part.counts, landed(30 * 213 + 10 + 13));
  const { counts } = await importFiles(data, place.write('a.csv', text), ...mapping);
  assert.deepEqual(counts, landed(60_000));
  const sql = 'SELECT min(observed_at), max(observed_at), sum(temperature_c) FROM observations';
  // 0 + 1 + … + 29 is 435.
  assert.deepEqual(await rowsOf(data, sql), [
    ['1990-01-01T00:00:00Z', '1996-11-04T23:00:00Z', 2_000 * 435],
  ]);
}

async function zonesAndOffsets(place: Place): Promise<void> {
  const mexico = await importTable(place, 'mx.csv', 'mx.yaml', { rows: 3 });
  assert.deepEqual(await observationsOf(mexico.data, 'utc_offset_s', 'hour_local'), [
    ['2021-07-01T17:00:00Z', -5 * 3_600, 12],
    ['2023-07-01T18:00:00Z', -6 * 3_600, 12],
    ['2025-07-01T18:00:00Z', -6 * 3_600, 12],
  ]);
  const asPeopleWrite = { rows: 11, invalid: 2 };
  const offsets = await importTable(place, 'offsets.csv', 'offsets.yaml', asPeopleWrite);
  const refused = await rowsOf(offsets.data, 'SELECT reason FROM rejected ORDER BY 1');
  const reason = 'invalid: time is not in the format iso';
  assert.deepEqual(refused.flat().sort(), [
    `${reason} (line 11 of offsets.csv: 2024-01-10 12:00:00 CET)`,
    `${reason} (line 8 of offsets.csv: 2024-01-07 12:00 EST)`,
  ]);
  assert.deepEqual(await observationsOf(offsets.data, 'temperature_c'), [
    ['2024-01-01T12:00:00Z', 1],
    ['2024-01-02T12:00:00Z', 2],
    ['2024-01-03T11:00:00Z', 3],
    ['2024-01-04T11:00:00Z', 4],
    ['2024-01-05T12:00:00Z', 5],
    ['2024-01-06T12:00:00Z', 6],
    ['2024-01-08T12:00:00Z', 8],
    ['2024-01-09T11:00:00Z', 9],
    ['2024-01-11T17:00:00Z', 11],
  ]);
  const bulk = await importTable(place, 'bulk.csv', 'bulk.yaml', { rows: 2 });
  assertRows(await observationsOf(bulk.data, 'temperature_c', 'city'), [
    ['2020-01-01T00:00:00Z', 6.85, 'Roma'],
    ['2020-01-01T01:00:00Z', 7.85, 'Roma'],
  ]);
  const utc = await importTable(place, 'utcs.csv', 'utcs.yaml', { rows: 2 });
  assert.deepEqual(await observationsOf(utc.data, 'temperature_c'), [
    ['2024-01-01T12:00:00Z', 1],
    ['2024-07-01T12:00:00Z', 2],
  ]);
}

async function oddFolders(place: Place): Promise<void> {
  const names = ['a[b]c', "O'Brien", '100%#1?', 'st*r', 'back\\slash', 'quote"d', '日本'];
  for (const name of names) {
    const data = place.made(name);
    const mapping = ['--mapping', place.input('m.yaml')];
    const { counts } = await importFiles(data, place.input('hours.csv'), ...mapping);
    assert.deepEqual(counts, landed(24), name);
    // 0 + 1 + … + 23
    assert.deepEqual(await rowsOf(data, 'SELECT sum(temperature_c) FROM observations'), [[276]]);
    const { exit, stdout } = await runCommand(['verify', '--data', data]);
    assert.deepEqual([exit, stdout.trimEnd().split('\n').at(-1)], [0, 'everything adds up'], name);
  }
}

async function wordsForWinds(place: Place): Promise<void> {
  const times = ['2022-08-02T13:30:00Z', '2022-08-02T14:00:00Z', '2022-08-02T14:30:00Z'];
  const values = [
    [28.9, 1015, 16.1 / 3.6, 0],
    [28.5, 1015.1, 3.2 / 3.6, 22.5],
    [28.4, 1015.1, 0, null],
  ];
  const columns = ['temperature_c', 'pressure_hpa', 'wind_speed_ms', 'wind_direction_deg'];
  for (const mapping of ['m.yaml', 'n.yaml']) {
    const { data, summary } = await importTable(place, 'a.csv', mapping, { rows: 3 });
    assert.deepEqual(summary.rejected_fields, [], mapping);
    // The second one does not have the direction.
    const known = (row: (number | null)[]) =>
      mapping === 'm.yaml' ? row : [...row.slice(0, -1), null];
    const expected = times.map((time, index) => [time, ...known(values[index] ?? [])]);
    assertRows(await observationsOf(data, ...columns), expected);
  }
}

/** What is absent is NULL, also the rain of an answer with an empty list in its place. */
async function answersWithoutFields(place: Place): Promise<void> {
  const data = place.made('data');
  const { counts } = await importFiles(data, place.input('answers.jsonl'));
  assert.deepEqual(counts, landed(9));
  const found = await observationsOf(
    data,
    ...['temperature_c', 'wind_speed_ms', 'wind_direction_deg', 'rain_1h_mm', 'visibility_m'],
  );
  const at = (minutes: string) => `2024-01-01T0${minutes}:00Z`;
  assert.deepEqual(found, [
    [at('0:00'), 10.5, 2, 100, null, null],
    [at('0:10'), 10.5, 1, null, null, 10_000],
    [at('0:20'), 10.5, null, null, null, 10_000],
    [at('0:30'), 10.5, 2, 100, null, 10_000],
    [at('0:40'), 10.5, 2, 100, null, 10_000],
    [at('0:50'), 10.5, null, null, null, 10_000],
    [at('1:00'), 10.5, 2, 100, 4.52, 10_000],
    [at('1:10'), 10.5, 4, 360, null, 10_000],
    [at('1:20'), 10.5, 2, 100, null, 10_000],
  ]);
}

export const IMPORT_CASES: Readonly<Record<string, RunCase>> = {
  '03-column-row_time': rowTime,
  '05-one-list-of-missing': listsOfMissing,
  '08-hours-of-clock-changes': clockChanges,
  '09-hour-24-and-two-columns': hour24,
  '13-lines-before-the-header': linesBeforeHeader,
  '15-recordings-as-people-keep-them': recordings,
  '16-a-folder-with-other-files': otherFiles,
  '20-csv-not-in-utf8': otherEncodings,
  '21-long-csv-with-line-breaks': longLines,
  '22-zones-and-offsets': zonesAndOffsets,
  '24-odd-folders': oddFolders,
  '26-station-export-with-words-for-winds': wordsForWinds,
  '27-answers-without-fields': answersWithoutFields,
};
