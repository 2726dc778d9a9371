import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseRecorded } from '../collector/openweather/recorded.ts';
import { openCityFinder } from './cities.ts';
import { listFiles } from './inputs.ts';
import { planImport } from './plan.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-inputs-'));
  for (const path of [
    ...['2024/02/b.CSV', '2024/01/a.csv.gz', 'z.tsv', 'm.yaml', '.DS_Store', 'README.txt'],
    ...[
      '2024/.cache/x.csv',
      '2024/_temporary/0/x.csv',
      'x[1].parquet',
      'notes.pdf',
      'mapping.txt',
      '2024/01/r.json',
    ],
  ]) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), '');
  }
  symlinkSync(folder, join(folder, '2024', 'circle'));
  symlinkSync(join(folder, 'z.tsv'), join(folder, 'linked.csv'));
  execFileSync('mkfifo', [join(folder, 'pipe.csv')]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function list(paths: readonly string[], wanted: RegExp, except?: string) {
  const logged: string[] = [];
  const options = { wanted, report: (text: string) => logged.push(text) };
  const files = await listFiles(paths, except === undefined ? options : { ...options, except });
  return { names: files.map(({ name }) => name), logged: logged.join('') };
}

const TABLES = /\.(csv|tsv|txt|parquet)(\.gz)?$/i;

test('folders are read with their subfolders, sorted, and what is skipped is said', async () => {
  const { names, logged } = await list([folder], TABLES, join(folder, 'mapping.txt'));
  assert.deepEqual(names, [
    ...['2024/01/a.csv.gz', '2024/02/b.CSV', 'linked.csv', 'x[1].parquet', 'z.tsv'],
  ]);
  assert.equal(
    logged,
    'skipped 9 files of another kind: ".DS_Store", "2024/.cache", "2024/01/r.json", ' +
      '"2024/_temporary", "README.txt" and 4 more\n',
  );
  const named = [join(folder, 'm.yaml'), join(folder, '2024')];
  assert.deepEqual((await list(named, /\.json$/)).names, ['m.yaml', '01/r.json']);
});

test('the folder of a table is refused, and a folder in it: both hold rows it no longer has', async () => {
  const logs = {
    Delta: ['_delta_log/00000000000000000000.json', "with DuckDB: COPY (FROM delta_scan('"],
    Hudi: ['.hoodie/hoodie.properties', 'with Spark: spark.read.format("hudi")'],
    Iceberg: ['metadata/v2.metadata.json', "with DuckDB: COPY (FROM iceberg_scan('"],
  } as const;
  for (const [format, [log, remedy]] of Object.entries(logs)) {
    const table = join(folder, 'tables', 'hours');
    const data = join(table, 'data', 'month=1');
    for (const path of [join(table, log), join(data, 'part-0.parquet')]) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, '');
    }
    for (const path of [folder, table, join(table, 'data'), data]) {
      await assert.rejects(list([path], TABLES), (error: Error) => {
        const pattern = `(an? |the )${format} table.*, whose folder also holds rows that were`;
        assert.match(error.message, new RegExp(pattern));
        assert.ok(error.message.includes(`for example ${remedy}`));
        assert.match(error.message, /or name the files that you want one by one$/);
        return true;
      });
    }
    assert.deepEqual((await list([join(data, 'part-0.parquet')], TABLES)).names, [
      'part-0.parquet',
    ]);
    rmSync(join(folder, 'tables'), { recursive: true });
  }
});

test('a folder with something called metadata or data is still a folder', async () => {
  const plain = join(folder, 'plain');
  for (const path of ['metadata/station.json', 'data/a.csv']) {
    mkdirSync(join(plain, path, '..'), { recursive: true });
    writeFileSync(join(plain, path), '');
  }
  assert.deepEqual((await list([plain], TABLES)).names, ['data/a.csv']);
  assert.deepEqual((await list([join(plain, 'data')], TABLES)).names, ['a.csv']);
  rmSync(plain, { recursive: true });
});

test('rejects a path that is not a file or folder before reading anything', async () => {
  for (const [path, pattern] of [
    [join(folder, 'pipe.csv'), /pipe\.csv: expected a file or folder, got a named pipe/],
    ['/dev/zero', /got a device/],
    [join(folder, 'none*.csv'), /none\*\.csv: no such file or folder/],
  ] as const) {
    await assert.rejects(list([path], TABLES), pattern);
  }
});

test('a table without a mapping, a folder without a table: the error says what is needed', async () => {
  const options = {
    finder: openCityFinder([]),
    parse: parseRecorded,
    units: 'metric' as const,
    session: () => Promise.reject(new Error('unused')),
    scratch: folder,
    report: () => {},
    signal: new AbortController().signal,
  };
  const csv = join(folder, 'z.tsv');
  await assert.rejects(planImport([csv], options), /z\.tsv: a table needs --mapping/);
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  await assert.rejects(planImport([empty], options), /no JSON there; tables need --mapping/);
  const pipe = join(folder, 'pipe.csv');
  await assert.rejects(
    planImport([csv], { ...options, mapping: pipe }),
    /pipe\.csv: expected a regular file, got a named pipe/,
  );
});
