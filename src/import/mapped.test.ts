/**
 * Each folder of testcases/ is a table with its mapping and the records that it must become.
 * ISOBAR_GOLDENS=write writes the expected ones anew, to be read before they are committed.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { loadConfig } from '../config/load.ts';
import { IsobarError } from '../errors.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import type { CollectedRecord, Observation } from '../model/observation.ts';
import type { SqlEngine, SqlSession } from '../sql/engine.ts';
import { openEngine } from '../sql/open.ts';
import { literal } from '../sql/text.ts';
import { openCityFinder } from './cities.ts';
import { openMapped } from './mapped.ts';
import { loadMapping } from './mapping-file.ts';
import { assertColumns } from './table.ts';

const CASES = join(import.meta.dirname, 'testcases');
const AS_PARQUET = [
  'clock-change',
  'decimal-comma-cities',
  'epoch',
  'epoch-ms',
  'imperial',
  'iso',
  'strptime-offset',
];
const rewrites = process.env.ISOBAR_GOLDENS === 'write' && !process.env.CI;
const signal = new AbortController().signal;
let folder = '';
let engine: SqlEngine;
let session: SqlSession;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-mapped-'));
  const { config } = loadConfig({ file: null, env: {}, flags: { 'analytics.threads': '1' } });
  engine = await openEngine(config.analytics, folder);
  session = await engine.session();
});
after(async () => {
  await session[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function readRecords(mappingPath: string, ...paths: readonly string[]) {
  const finder = openCityFinder(DEFAULT_CITIES);
  const options = { mapping: await loadMapping(mappingPath), session, finder, scratch: folder };
  const files = paths.map((path) => ({ path, name: basename(path) }));
  await assertColumns(files, options, signal);
  const source = openMapped(files, options);
  const imported = await Array.fromAsync(source.read(signal));
  return imported.map(({ record }) => record);
}

async function readLines(mappingPath: string, ...inputs: readonly string[]): Promise<string> {
  const records = await readRecords(mappingPath, ...inputs);
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** Without the places of rows, which differ between CSV and Parquet. */
function withoutPlaces(records: readonly CollectedRecord[]): object[] {
  return records.map((record) =>
    'invalid' in record ? { invalid: record.invalid.replace(/ \(.*/, '') } : record,
  );
}

const FOLDERS = readdirSync(CASES, { withFileTypes: true }).filter((entry) => entry.isDirectory());

for (const { name } of FOLDERS) {
  const folderOfCase = join(CASES, name);
  const mapping = join(folderOfCase, 'mapping.yaml');
  const inputs = readdirSync(folderOfCase)
    .filter((file) => file.startsWith('input'))
    .map((file) => join(folderOfCase, file));
  test(`testcases/${name}: the records that are expected`, async () => {
    const got = await readLines(mapping, ...inputs);
    const golden = join(folderOfCase, 'expected.jsonl');
    if (rewrites) writeFileSync(golden, got);
    assert.ok(existsSync(golden), 'ISOBAR_GOLDENS=write makes it');
    assert.equal(got, readFileSync(golden, 'utf8'));
  });
}

for (const name of AS_PARQUET) {
  test(`testcases/${name}: the same from Parquet`, async () => {
    const input = join(CASES, name, 'input.csv');
    const mapping = join(CASES, name, 'mapping.yaml');
    const parquet = join(folder, `${name}.parquet`);
    const delimiter = (await loadMapping(mapping)).delimiter ?? ',';
    await session.execute(
      `COPY (SELECT * FROM read_csv('${input}', all_varchar = true, header = true, ` +
        `delim = '${delimiter}')) TO '${parquet}' (FORMAT parquet)`,
    );
    const wanted = withoutPlaces(await readRecords(mapping, input));
    assert.deepEqual(withoutPlaces(await readRecords(mapping, parquet)), wanted);
  });
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const SMALL = `name: small
interval_s: 60
city: { name: Oslo, country: NO, latitude: 59.91, longitude: 10.75 }
time: { column: ts }
`;

test('a column that is not there is an error, not a missing value', async () => {
  const mapping = file('m.yaml', `${SMALL}variables: { temperature_c: T, humidity_pct: h }\n`);
  const csv = file('columns.csv', 'ts,t,h\n2024-01-01,1,2\n');
  await assert.rejects(readLines(mapping, csv), (error: IsobarError) => {
    assert.equal(error.code, 'IMPORT_INVALID');
    assert.match(error.message, /columns\.csv: no column T; there are ts, t, h$/);
    return true;
  });
  const times = file(
    'n.yaml',
    `${SMALL.replace('column: ts', 'column: when')}variables: { rain_1h_mm: t }`,
  );
  await assert.rejects(readLines(times, csv), /columns\.csv.*when/s);
});

test('tables of any shape: what lands is what each line says by itself', async () => {
  const mapping = file('p.yaml', `${SMALL}variables: { temperature_c: t }\ncondition: remark\n`);
  const remark = fc.constantFrom('', 'x', '"a, b"', '"two\nlines"', '5" of snow', '"say ""hi"""');
  const line = fc.record({
    remark,
    kind: fc.constantFrom('good', 'good', 'good', 'short', 'long', 'garbled'),
  });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 40 }), async (lines) => {
      const texts = lines.map((one, index) => {
        const time = new Date(Date.UTC(2024, 0, 1, index)).toISOString();
        const cells = { good: [one.remark], short: [], long: [one.remark, ''], garbled: ['"a" b'] };
        return [time, index % 40, ...cells[one.kind]].join(',');
      });
      const path = file(`random-${run++}.csv`, `ts,t,remark\n${texts.join('\n')}\n`);
      const records = await readRecords(mapping, path);
      let number = 2;
      const wanted = lines.map(({ kind, remark: text }, index) => {
        const place = `line ${number} of ${basename(path)}`;
        number += (texts[index]?.match(/\n/g)?.length ?? 0) + 1;
        if (kind === 'garbled') return `text after a closing quote (${place})`;
        if (kind !== 'good')
          return `wrong number of fields (${place}: ${kind === 'short' ? 2 : 4}, expected 3)`;
        return [index % 40, text.replace(/^"|"$/g, '').replaceAll('""', '"')];
      });
      const got = records.map((record) =>
        'invalid' in record ? record.invalid : [record.temperature_c, record.condition ?? ''],
      );
      assert.deepEqual(got, wanted);
    }),
    { numRuns: 40 },
  );
});

test('what is kept of a cell or a row is cut between letters', async () => {
  const mapping = file('m.yaml', `${SMALL}variables: { temperature_c: t }\n`);
  for (const shift of ['', 'x']) {
    const text = shift + '😀'.repeat(20_000);
    const path = file('cut.csv', `ts,t\n2024-01-01,${text}\n${text},1\n${text}\n`);
    for (const record of await readRecords(mapping, path)) {
      assert.ok(JSON.stringify(record).isWellFormed());
      assert.doesNotMatch(JSON.stringify(record), /\\ud[89a-f]/);
    }
  }
});

test('an odd header is an error that names what is there', async () => {
  const mapping = file('m.yaml', `${SMALL}variables: { temperature_c: t }\n`);
  const errors = {
    'ts,T\n2024-01-01,1\n': /no column t; there are ts, T$/,
    'a b c\nts;temp\n2024-01-01;1\n': /no column t; there are ts, temp$/,
    'ts,t,t\n2024-01-01,1,2\n': /2 columns are called t; rename all but one/,
    '': /no header/,
    'ts,\u001b[31mred\u202e\n2024-01-01,1\n': /there are ts, \\u001b\[31mred\\u202e$/,
    [`ts,t${',c'.repeat(10_001)}\n`]: /10003 columns; at most 10000 are read/,
  };
  for (const [text, pattern] of Object.entries(errors)) {
    await assert.rejects(readLines(mapping, file('odd.csv', text)), pattern);
  }
  const both = file('both.csv', 'ts,c,c,t\n2024-01-01,1,2,3\n');
  assert.equal((await readRecords(mapping, both)).length, 1);
  const more = file('m.yaml', `${SMALL}variables: { temperature_c: t, humidity_pct: h }\n`);
  const older = file('older.csv', 'ts,t\n2024-01-01,1\n');
  const newer = file('newer.csv', 'ts,t,h\n2024-01-02,2,50\n');
  assert.equal((await readRecords(more, older, newer)).length, 2);
  await assert.rejects(readLines(more, older), /older\.csv: no column h; there are ts, t$/);
});

test('Parquet: names that differ by case, nested columns, NaN, and what is too large', async () => {
  const path = join(folder, "it's [1] *.parquet");
  const sql = `SELECT TIMESTAMP '2024-01-01' + i * INTERVAL 1 HOUR AS ts, {'a': i, 'b': [i]} AS x,
    CAST(CASE WHEN i = 1 THEN 'NaN' ELSE CAST(20 + i AS VARCHAR) END AS DOUBLE) AS t, 50 AS h,
    CASE WHEN i < 2 THEN '0' END AS c FROM range(3) rows(i)`;
  await session.execute(`COPY (${sql}) TO ${literal(path)} (FORMAT parquet)`);
  const mapping = file(
    'q.yaml',
    `${SMALL}variables: { temperature_c: t, humidity_pct: h, cloud_cover_pct: c }\n`,
  );
  const records = (await readRecords(mapping, path)) as Observation[];
  assert.deepEqual(
    records.map((record) => [record.observed_at, record.temperature_c, record.cloud_cover_pct]),
    [
      ['2024-01-01T00:00:00Z', 20, 0],
      ['2024-01-01T01:00:00Z', undefined, 0],
      ['2024-01-01T02:00:00Z', 22, null],
    ],
  );
  assert.deepEqual(records[1]?.rejected_fields, [
    { field: 'temperature_c', value: 'nan', reason: 'NaN' },
  ]);
  const wide = join(folder, 'wide.parquet');
  const names = Array.from({ length: 10_001 }, (_, index) => `c${index}`);
  writeFileSync(wide, parquetOf(names.map((name) => [name, '1'])));
  await assert.rejects(readLines(mapping, wide), /wide\.parquet: 10001 columns; at most 10000/);
  const twins = join(folder, 'twins.parquet');
  writeFileSync(
    twins,
    parquetOf([
      ['ts', '2024-01-01'],
      ['T', '1'],
      ['t', '2'],
      ['h', '3'],
      ['c', '4'],
    ]),
  );
  const [twin] = (await readRecords(mapping, twins)) as Observation[];
  assert.equal(twin?.temperature_c, 2);
  await session.execute(
    `COPY (SELECT '2024-01-01' AS ts, repeat('x', 20000000) AS t, 1 AS h, 1 AS c)
     TO ${literal(join(folder, 'cell.parquet'))} (FORMAT parquet)`,
  );
  await assert.rejects(readLines(mapping, join(folder, 'cell.parquet')), /column t: 19 MiB in one/);
  await session.execute(
    `COPY (SELECT '2024-01-01' AS ts, '\\xFF'::BLOB AS t, 1 AS h, 1 AS c)
     TO ${literal(join(folder, 'bytes.parquet'))} (FORMAT parquet)`,
  );
  await assert.rejects(readLines(mapping, join(folder, 'bytes.parquet')), /text that is not UTF-8/);
  await assert.rejects(
    readLines(mapping, file('no.parquet', 'no')),
    /not a Parquet file, or a damaged/,
  );
});

/** A Parquet file of one row of texts. */
function parquetOf(cells: readonly (readonly [string, string])[]): Uint8Array {
  const columnData = cells.map(([name, value]) => ({
    name,
    data: [value],
    type: 'STRING' as const,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

test('Parquet: numbers have a point whatever the mapping says of texts', async () => {
  const path = join(folder, 'style.parquet');
  const sql = `SELECT TIMESTAMP '2024-01-01' AS ts, 9.125::DOUBLE AS v, 7.625::DECIMAL(6, 3) AS t,
    '1.013,2' AS p, 3.125::FLOAT AS d`;
  await session.execute(`COPY (${sql}) TO ${literal(path)} (FORMAT parquet)`);
  const style = 'decimal_comma: true\nthousands: "."\n';
  const variables = `variables:
  visibility_m: v\n  temperature_c: t\n  pressure_hpa: p\n  humidity_pct: { from_dew_point: d }\n`;
  const [record] = (await readRecords(file('style.yaml', SMALL + style + variables), path)) as [
    Observation,
  ];
  assert.deepEqual(
    [record.visibility_m, record.temperature_c, record.pressure_hpa],
    [9.125, 7.625, 1013.2],
  );
  // Magnus: 100 × exp(17.625 × 3.125 / 246.165 − 17.625 × 7.625 / 250.665).
  assert.ok(Math.abs((record.humidity_pct ?? 0) - 73.17) < 0.01, String(record.humidity_pct));
});

test('times in another unit than the mapping says stop the import, from CSV and from Parquet', async () => {
  const mapping = file(
    'unit.yaml',
    `${SMALL.replace('column: ts', 'column: ts, format: epoch_ms')}variables: { temperature_c: t }\n`,
  );
  const rows = Array.from({ length: 3 }, (_, hour) => `${1_700_000_000 + hour * 3_600},${hour}`);
  const csv = file('unit.csv', `ts,t\n${rows.join('\n')}\n`);
  const parquet = join(folder, 'unit.parquet');
  await session.execute(
    `COPY (SELECT * FROM read_csv(${literal(csv)})) TO ${literal(parquet)} (FORMAT parquet)`,
  );
  for (const path of [csv, parquet]) {
    const pattern = /unit\.\w+: the times in ts look like seconds since 1970 \(1700000000 would be/;
    await assert.rejects(readRecords(mapping, path), pattern);
  }
});

test('several files are one table, and of one time the later row comes later', async () => {
  const mapping = file('m.yaml', `${SMALL}variables: { temperature_c: t }\n`);
  const late = file('late.csv', 'ts,t\n2024-01-03,3\n2024-01-04,4\n2024-01-01,1\n');
  const other = file('other.csv', 't,ts\n2,2024-01-02\n5,2024-01-01\n6,2024-01-03\n');
  const records = await readRecords(mapping, late, other);
  assert.deepEqual(
    records.map((record) => 'temperature_c' in record && record.temperature_c),
    [1, 5, 2, 3, 6, 4],
  );
  await assert.rejects(readLines(mapping, join(folder, 'none.csv')), /none\.csv: no such file/);
});

test('reports all problems of a mapping at once', async () => {
  const path = file(
    'bad.yaml',
    `name: Bad Name
interval_s: 0
colour: red
city: { name: Oslo, latitude: 59.91, longitude: 10.75, time_zone: Oslo/Oslo }
time: { column: ts, zone: Mars }
variables: { temperature_c: { column: t, unit: hPa }, heat: h }
`,
  );
  await assert.rejects(loadMapping(path), (error: unknown) => {
    assert.ok(error instanceof IsobarError);
    for (const part of [
      /bad\.yaml:\n/,
      /\/name: expected up to 64 of a-z.* \(line 1\)/,
      /\/interval_s: expected a number >= 1 \(line 2\)/,
      /no such key: colour/,
      /\/time\/zone: no such zone Mars; .* \(line 5\)/,
      /\/city\/time_zone: no such zone Oslo\/Oslo/,
      /\/variables\/temperature_c\/unit: unknown unit hPa; expected one of °C, C, K/,
      /\/variables\/heat: no such variable; there are temperature_c/,
    ]) {
      assert.match(error.message, part);
    }
    return true;
  });
  for (const text of ['', '- a\n', 'a: [', 'variables: 3\ntime: 4\ncity: x\n', 'a: *b\n']) {
    const bad = file('bad.yaml', text);
    await assert.rejects(loadMapping(bad), { code: 'IMPORT_INVALID' }, text);
  }
});
