/**
 * Each folder of testcases/ is a table with its mapping and the records that it must become.
 * ISOBAR_GOLDENS=write writes the expected ones anew, to be read before they are committed.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SqlEngine, SqlSession } from '../analytics/engine.ts';
import { openEngine } from '../analytics/open.ts';
import { loadConfig } from '../config/load.ts';
import { IsobarError } from '../errors.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import { openCityFinder } from './cities.ts';
import { openMapped } from './mapped.ts';
import { loadMapping } from './mapping.ts';

const CASES = join(import.meta.dirname, 'testcases');
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

async function readLines(mappingPath: string, ...inputs: readonly string[]): Promise<string> {
  const finder = openCityFinder(DEFAULT_CITIES);
  const options = { mapping: loadMapping(mappingPath), session, finder };
  const source = await openMapped(inputs, options);
  const records = await Array.fromAsync(source.read(signal));
  return records.map(({ record }) => `${JSON.stringify(record)}\n`).join('');
}

for (const name of readdirSync(CASES)) {
  const input = join(CASES, name, 'input.csv');
  const mapping = join(CASES, name, 'mapping.yaml');
  test(`testcases/${name}: as CSV and as Parquet`, async () => {
    const got = await readLines(mapping, input);
    const golden = join(CASES, name, 'expected.jsonl');
    if (rewrites) writeFileSync(golden, got);
    assert.ok(existsSync(golden), 'ISOBAR_GOLDENS=write makes it');
    assert.equal(got, readFileSync(golden, 'utf8'));
    const parquet = join(folder, `${name}.parquet`);
    const delimiter = loadMapping(mapping).delimiter ?? ',';
    await session.execute(
      `COPY (SELECT * FROM read_csv('${input}', all_varchar = true, header = true, ` +
        `delim = '${delimiter}')) TO '${parquet}' (FORMAT parquet)`,
    );
    assert.equal(await readLines(mapping, parquet), got);
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

test('several files are one table in order of time', async () => {
  const mapping = file('m.yaml', `${SMALL}variables: { temperature_c: t }\n`);
  const late = file('late.csv', 'ts,t\n2024-01-03,3\n2024-01-01,1\n');
  const other = file('other.csv', 't,ts\n2,2024-01-02\n');
  const lines = (await readLines(mapping, late, other)).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).temperature_c),
    [1, 2, 3],
  );
  await assert.rejects(readLines(mapping, join(folder, 'none.csv')), /none\.csv/);
});

test('all problems of a mapping are told at once', () => {
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
  assert.throws(
    () => loadMapping(path),
    (error: unknown) => {
      assert.ok(error instanceof IsobarError);
      for (const part of [
        /bad\.yaml:\n/,
        /\/name/,
        /\/interval_s/,
        /colour/,
        /\/time\/zone: no such zone Mars/,
        /\/city\/time_zone: no such zone Oslo\/Oslo/,
        /\/variables\/temperature_c\/unit: hPa is none of °C, C, K/,
        /\/variables\/heat: no such variable/,
      ]) {
        assert.match(error.message, part);
      }
      return true;
    },
  );
  for (const text of ['', '- a\n', 'a: [', 'variables: 3\ntime: 4\ncity: x\n']) {
    assert.throws(() => loadMapping(file('bad.yaml', text)), { code: 'IMPORT_INVALID' }, text);
  }
});
