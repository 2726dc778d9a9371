/** Backup and restore as people meet them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', 'src/cli/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'isobar-backup-'));

after(() => rmSync(folder, { recursive: true, force: true }));

function run(data: string, ...args: readonly string[]) {
  const env = { ...process.env, ISOBAR_OPENWEATHER_KEY: '', NODE_TEST_CONTEXT: '' };
  const all = [MAIN, ...args, '--data', join(folder, data)];
  return spawnSync(process.execPath, all, { encoding: 'utf8', env, cwd: folder });
}

test('a backup brings the data to another machine', () => {
  const mapping = `name: station
interval_s: 3600
city: { name: { column: station }, country: DE, latitude: 52.4, longitude: 13.06 }
time: { column: when, zone: UTC }
variables:
  temperature_c: { column: t, unit: °C }
`;
  writeFileSync(join(folder, 'station.yaml'), mapping);
  const rows = [
    '2024-03-31T01:00:00Z,Potsdam,5',
    '2024-03-31T02:00:00Z,Potsdam,7',
    'never,Potsdam,1',
  ];
  writeFileSync(join(folder, 'station.csv'), `when,station,t\n${rows.join('\n')}\n`);
  const imported = run('first', 'import', 'station.csv', '--mapping', 'station.yaml');
  assert.equal(imported.status, 0, imported.stderr);

  const made = run('first', 'backup', 'kept', '--json');
  assert.equal(made.status, 0, made.stderr);
  const { versions, differences } = JSON.parse(made.stdout);
  assert.deepEqual(Object.keys(versions), ['observations', 'rejected', 'cities', 'imports']);
  assert.deepEqual(differences, []);

  const restored = run('second', 'restore', 'kept');
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(restored.stdout, /everything adds up in .*second/);
  const sql = 'SELECT city, observed_at, temperature_c FROM observations ORDER BY 2';
  const [first, second] = ['first', 'second'].map((data) => run(data, 'query', sql).stdout);
  assert.match(first ?? '', /Potsdam/);
  assert.equal(second, first);

  // Another lake than the configured one, named by a file of settings.
  writeFileSync(join(folder, 'third.yaml'), `data: ${join(folder, 'third')}\n`);
  assert.equal(run('second', 'backup', 'third.yaml').status, 0);
  assert.ok(existsSync(join(folder, 'third/lake/weather_data/backup.json')));

  writeFileSync(join(folder, 'more.csv'), 'when,station,t\n2024-04-01T01:00:00Z,Potsdam,9\n');
  assert.equal(run('second', 'import', 'more.csv', '--mapping', 'station.yaml').status, 0);
  const again = run('second', 'restore', 'kept');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /there is a table/);
  assert.equal(run('fourth', 'restore', 'nothing-here').status, 1);
  assert.equal(run('first', 'backup', 'kept', '--table-version', '99').status, 2);
  assert.equal(run('first', 'backup', join(folder, 'first/lake')).status, 2);
});
