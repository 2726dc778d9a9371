/** The command line as people meet it: exit codes, errors with their remedy, results. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-command-'));
  writeFileSync(
    join(folder, 'station.csv'),
    'when;station;t\n2024-03-31 01:30;Potsdam;50,0 F\n2024-03-31 03:30;Potsdam;59,0 F\n' +
      'never;Potsdam;1\n2024-03-31 04:30;Potsdam;NA\n2024-03-31 05:30;Potsdam;hot\n',
  );
  writeFileSync(
    join(folder, 'station.yaml'),
    `name: station
interval_s: 7200
delimiter: ";"
decimal_comma: true
missing: [NA]
city: { name: { column: station }, country: DE, latitude: 52.4, longitude: 13.06 }
time: { column: when, format: "%Y-%m-%d %H:%M", zone: Europe/Berlin }
variables:
  temperature_c: { column: t, unit: °F, strip: F }
`,
  );
});

after(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: readonly string[]) {
  const env = { ...process.env, ISOBAR_OPENWEATHER_KEY: '', NODE_TEST_CONTEXT: '' };
  const data = join(folder, 'data');
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args, '--data', data], {
    encoding: 'utf8',
    env,
    cwd: folder,
  });
  return { status, stdout, stderr };
}

test('a mapped table is imported with its units, zone, gaps and mistakes', () => {
  const { status, stdout, stderr } = run(
    'import',
    'station.csv',
    '--mapping',
    'station.yaml',
    '--json',
  );
  assert.equal(status, 0, stderr);
  const { read, landed, invalid, reasons, rejected_fields, ...others } = JSON.parse(stdout);
  const { observed_from, observed_to } = others;
  assert.deepEqual([read, landed, invalid], [5, 4, 1]);
  const times = ['2024-03-31T00:30:00Z', '2024-03-31T03:30:00Z'];
  assert.deepEqual([observed_from, observed_to], times);
  assert.deepEqual(reasons.map(({ reason }: { reason: string }) => reason).sort(), [
    'time is not in the format %Y-%m-%d %H:%M',
  ]);
  assert.deepEqual(rejected_fields, [
    { field: 'temperature_c', reason: 'not a number', records: 1, example: 'hot' },
  ]);
  const sql = 'SELECT observed_at, temperature_c, utc_offset_s, city FROM observations ORDER BY 1';
  const rows = JSON.parse(run('query', sql, '--format', 'json').stdout);
  assert.deepEqual(
    rows.map((row: Record<string, unknown>) => [row.observed_at, row.utc_offset_s, row.city]),
    [
      ['2024-03-31T00:30:00Z', 3_600, 'Potsdam'],
      ['2024-03-31T01:30:00Z', 7_200, 'Potsdam'],
      ['2024-03-31T02:30:00Z', 7_200, 'Potsdam'],
      ['2024-03-31T03:30:00Z', 7_200, 'Potsdam'],
    ],
  );
  assert.ok(Math.abs(rows[0].temperature_c - 10) < 1e-9);
  assert.ok(Math.abs(rows[1].temperature_c - 15) < 1e-9);
  assert.equal(rows[2].temperature_c, null);
});

test('status, verify and query report what is there, without a server', () => {
  const status = run('status', '--json');
  assert.equal(status.status, 0, status.stderr);
  assert.equal(JSON.parse(status.stdout).table.rows, 4);
  assert.match(run('status').stdout, /rejected {3}1 invalid/);
  const verify = run('verify');
  assert.equal(verify.status, 0, verify.stdout);
  assert.match(verify.stdout, /everything adds up/);
  assert.match(
    run('query', 'FROM cities', '--format', 'csv').stdout,
    /^city_id,name,.*\r\npotsdam-de,/,
  );
});

test('a query cannot write, nor read elsewhere', () => {
  for (const sql of [
    `COPY observations TO '${join(folder, 'out.csv')}'`,
    "ATTACH 'other.db'",
    'CREATE TABLE t AS SELECT 1',
    'SET memory_limit = 1',
    'SELECT 1; SELECT 2',
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
  ]) {
    const { status, stdout, stderr } = run('query', sql);
    assert.notEqual(status, 0, sql);
    assert.equal(stdout, '', sql);
    assert.doesNotMatch(stderr, /INTERNAL|unexpected|root:/, sql);
  }
});

test('mistakes end with 2, and say the place and what to do', () => {
  const unknown = run('strt');
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /Did you mean start/);
  const config = run(
    'start',
    '--set',
    'api.prt=1',
    '--set',
    'api.port=high',
    '--set',
    'log.engine=paper',
  );
  assert.equal(config.status, 2);
  assert.match(config.stderr, /api\.prt \(flag\): unknown setting; did you mean api\.port\?/);
  assert.match(config.stderr, /api\.port \(flag\): expected a whole number; got "high"/);
  assert.match(config.stderr, /log\.engine \(flag\): expected one of sqlite.*; got "paper"/);
  const mapping = run('import', 'station.csv', '--mapping', 'station.csv', '--json');
  assert.equal(mapping.status, 2);
  assert.equal(JSON.parse(mapping.stderr).code, 'IMPORT_INVALID');
  const loss = run('land', '--accept-loss', '9-1');
  assert.equal(loss.status, 2);
  assert.match(loss.stderr, /write partition:from-to/);
});
