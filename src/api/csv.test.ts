import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { observation } from '../table/testing/lake.ts';
import type { Column } from './columns.ts';
import { formatCsv, formatExcelCsv } from './csv.ts';
import { ROUTES } from './route-table.ts';
import { openTestApi, type TestApi } from './testing/api.ts';

test('one header row, CRLF, quotes where RFC 4180 wants them, empty for what is absent', () => {
  const rows = [
    { a: 'plain', b: 1.5 },
    { a: 'with, comma', b: null },
    { a: 'with "quotes"', b: -3 },
    { a: 'two\nlines', b: true },
  ];
  assert.equal(
    formatCsv(['a', 'b'], rows),
    'a,b\r\nplain,1.5\r\n"with, comma",\r\n"with ""quotes""",-3\r\n"two\nlines",true\r\n',
  );
  assert.equal(formatCsv(['a', 'b'], []), 'a,b\r\n');
});

test('plain CSV has every text as it is, whatever a spreadsheet would make of it', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[=+\-@\t\r\n ",';]{0,4}[a-z(]{0,3}$/),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (pairs) => {
      const rows = pairs.map(([a, b]) => ({ a, b }));
      const options = { columns: true, record_delimiter: '\r\n', skip_empty_lines: false };
      assert.deepEqual(parse(formatCsv(['a', 'b'], rows), options), rows);
    }),
  );
  assert.equal(formatCsv(['n'], [{ n: -1.5 }, { n: '-1.5' }]), 'n\r\n-1.5\r\n"-1.5"\r\n');
});

const COLUMNS: readonly Column[] = [
  { name: 'city', type: 'text' },
  { name: 'observed_at', type: 'time' },
  { name: 'temperature_c', type: 'number' },
];

test('CSV for spreadsheets has a mark, and local times beside those in UTC', () => {
  const rows = [
    { city: 'Zürich', observed_at: '2024-10-31T23:30:00.123456Z', temperature_c: -1.5 },
    { city: 'Nowhere', observed_at: '2024-10-31T23:30:00Z', temperature_c: null },
    { city: 'Never', observed_at: null, temperature_c: 2 },
  ];
  const offsetOf = (row: Readonly<Record<string, unknown>>) =>
    row.city === 'Zürich' ? 3_600 : null;
  assert.deepEqual(formatExcelCsv(COLUMNS, rows, offsetOf).split('\r\n'), [
    '\ufeffcity,observed_at_local,observed_at_utc,temperature_c',
    'Zürich,2024-11-01 00:30:00,2024-10-31 23:30:00,-1.5',
    'Nowhere,,2024-10-31 23:30:00,',
    'Never,,,2',
    '',
  ]);
});

test('no spreadsheet takes a text for a formula, and numbers stay numbers', () => {
  const texts = ['=1+1', '+1', '-1', '@sum', '\tx', ' =1', '\r=1', '＝1', '=HYPERLINK("x","y")'];
  const rows = texts.map((city) => ({ city, observed_at: null, temperature_c: -1.5 }));
  const csv = formatExcelCsv(COLUMNS, rows, () => null);
  const read: string[][] = parse(csv, { bom: true, record_delimiter: '\r\n', from_line: 2 });
  assert.deepEqual(
    read,
    texts.map((text) => [`'${text}`, '', '', '-1.5']),
  );
});

describe('of the API', () => {
  let api: TestApi;
  before(async () => {
    const at = (hour: number, more: object) => observation('oslo', hour * 3_600, more);
    api = await openTestApi({
      observations: [
        at(0, { temperature_c: 1, condition: '=cmd()', utc_offset_s: null }),
        at(1, { temperature_c: 2, condition: 'clear', utc_offset_s: 5_400 }),
      ],
      cities: [
        {
          city_id: 'oslo',
          name: 'Oslo',
          country: 'NO',
          latitude: 60,
          longitude: 11,
          time_zone: 'Europe/Oslo',
        },
      ],
    });
  });
  after(() => api[Symbol.asyncDispose]());

  test('a spreadsheet gets the clock of the row, else that of its city', async () => {
    const answer = await api.app.inject('/api/raw-data?format=csv&excel=1');
    assert.match(String(answer.headers['content-type']), /^text\/csv; charset=utf-8/);
    assert.match(String(answer.headers['content-disposition']), /filename="raw-data\.csv"$/);
    assert.equal(answer.body.charCodeAt(0), 0xfeff);
    const rows: Record<string, string>[] = parse(answer.body, { bom: true, columns: true });
    assert.deepEqual(
      rows.map((row) => [row.observed_at_utc, row.observed_at_local, row.condition]),
      [
        ['2024-10-31 23:00:00', '2024-11-01 00:30:00', 'clear'],
        ['2024-10-31 22:00:00', '2024-10-31 23:00:00', "'=cmd()"],
      ],
    );
    assert.ok(rows[0] !== undefined && !('observed_at' in rows[0]));
    const plain = await api.app.inject('/api/raw-data?format=csv');
    assert.match(plain.body, /,"=cmd\(\)"/);
    assert.notEqual(plain.headers.etag, answer.headers.etag);
  });

  test('every table can be had for a spreadsheet, and nothing but CSV', async () => {
    const tables = ROUTES.filter(({ query }) => 'excel' in query.properties);
    assert.equal(tables.length, 24);
    for (const { path } of tables) {
      const answer = await api.app.inject(`${path}?format=csv&excel=true`);
      assert.equal(answer.statusCode, 200, path);
      const rows: Record<string, string>[] = parse(answer.body, { bom: true, columns: true });
      for (const [name, value] of rows.flatMap((row) => Object.entries(row))) {
        assert.doesNotMatch(name, /_at$/, path);
        if (!/_at_(local|utc)$/.test(name)) continue;
        if (value !== '')
          assert.match(value, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, `${path} ${name}`);
      }
      for (const query of ['excel=1', 'format=parquet&excel=1', 'format=csv&excel=yes']) {
        const { field } = (await api.app.inject(`${path}?${query}`)).json();
        assert.equal(field, 'excel', `${path}?${query}`);
      }
      assert.equal((await api.app.inject(`${path}?excel=0`)).statusCode, 200);
    }
  });
});
