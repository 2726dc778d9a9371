import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Child, startChild } from '../../test/support/child.ts';
import { buildProgram } from '../cli/program.ts';
import { openTestEnvironment } from '../cli/testing/environment.ts';
import { loadConfig } from '../config/load.ts';
import { openLeasesReader } from '../leases/leases-reader.ts';
import type { ImportEntry } from '../model/imports.ts';
import { UNDO, unfinishedImports } from './import-states.ts';
import { openWorkspace } from './workspace.ts';

const ROWS = 4_500;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-states-'));
  const rows = Array.from({ length: ROWS }, (_, index) => {
    return `${new Date(Date.UTC(2024, 0, 1) + index * 60_000).toISOString()},${index % 40}`;
  });
  writeFileSync(join(folder, 'station.csv'), `at,t\n${rows.join('\n')}\n`);
  writeFileSync(
    join(folder, 'station.yaml'),
    'name: station\ninterval_s: 60\n' +
      'city: { name: Oslo, country: NO, latitude: 59.91, longitude: 10.75 }\n' +
      'time: { column: at }\nvariables: { temperature_c: t }\n',
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const importArgs = () => [
  ...['import', join(folder, 'station.csv')],
  ...['--mapping', join(folder, 'station.yaml')],
];

async function run(...args: readonly string[]): Promise<string> {
  const { environment, printed } = openTestEnvironment({ signal: new AbortController().signal });
  const common = ['--data', join(folder, 'data'), '--log-level', 'error'];
  await buildProgram(environment).parseAsync([...args, ...common], { from: 'user' });
  return printed.stdout;
}

/** The states that `isobar imports` shows, and its last line. */
async function listed() {
  const entries: ImportEntry[] = JSON.parse(await run('imports', '--json'));
  const lines = (await run('imports')).trimEnd().split('\n');
  return { states: entries.map(({ state }) => state), last: lines.at(-1) ?? '' };
}

/** A command in a process that stands still, or dies, at the named step. */
function startCommand(fault: string, ...args: readonly string[]): Child {
  const main = join(import.meta.dirname, '..', 'cli', 'program.ts');
  const argv = [...args, '--data', join(folder, 'data')];
  return startChild(
    `const { runProgram } = await import(${JSON.stringify(main)});
     await runProgram(${JSON.stringify(argv)});`,
    { env: { ISOBAR_FAULT: fault, ISOBAR_OPENWEATHER_KEY: '' } },
  );
}

async function untilBegun(): Promise<void> {
  while (!(await run('imports')).includes('station.csv')) {}
}

const INTERRUPTED = /^import 1 was interrupted: import its files again, .*"isobar imports undo 1"$/;

test('an import is running while its process is; stopped or dead it is interrupted', async () => {
  const child = startCommand('import.before-progress:2:stop', ...importArgs());
  await untilBegun();
  // It stands still and gives no sign, but it is there.
  assert.deepEqual((await listed()).states, ['running']);
  child.process.kill('SIGTERM');
  // It may come to its step only now, and would stand still after a single one.
  const goOn = setInterval(() => child.process.kill('SIGCONT'), 20);
  const { code, errors } = await child.ended.finally(() => clearInterval(goOn));
  assert.equal(code, 130);
  assert.match(
    errors,
    /The import was interrupted\.\n {2}import 1\n {2}Run the same command again/,
  );
  const { states, last } = await listed();
  assert.deepEqual(states, ['interrupted']);
  assert.match(last, INTERRUPTED);
  const killed = await startCommand('import.before-progress:1', ...importArgs()).ended;
  assert.equal(killed.signal, 'SIGKILL');
  assert.match((await listed()).last, INTERRUPTED);
  const again = JSON.parse(await run(...importArgs(), '--json'));
  assert.deepEqual([again.import_id, again.read, again.landed], [1, ROWS, ROWS]);
  assert.deepEqual((await listed()).states, ['finished']);
});

test('an interrupted import is undone, and then imported anew, also when the undo was killed', async () => {
  await startCommand('import.before-progress:2', ...importArgs()).ended;
  const { signal } = await startCommand('undo.after-mark', 'imports', 'undo', '1').ended;
  assert.equal(signal, 'SIGKILL');
  assert.deepEqual((await listed()).states, ['interrupted']);
  const anew = JSON.parse(await run(...importArgs(), '--json'));
  assert.deepEqual([anew.import_id, anew.landed], [2, ROWS]);
  assert.match(await run('imports', 'undo', '1'), /^import 1 was undone/);
  assert.deepEqual((await listed()).states, ['undone', 'finished']);
  assert.match(await run('verify'), /everything adds up/);
});

test('an undo at work does not make an interrupted import a running one', async () => {
  await run(...importArgs());
  appendFileSync(join(folder, 'station.csv'), '2025-01-01T00:00:00Z,1\n');
  await startCommand('import.before-progress:1', ...importArgs()).ended;
  const undo = startCommand('undo.after-mark:1:stop', 'imports', 'undo', '1');
  const { config } = loadConfig({ file: null, env: {}, flags: { data: join(folder, 'data') } });
  await using workspace = await openWorkspace(config, false);
  const leases = openLeasesReader({ storage: workspace.storage });
  while (!(await leases.read()).some(({ text }) => text.command === UNDO)) {}
  assert.deepEqual((await listed()).states, ['finished', 'interrupted']);
  undo.process.kill('SIGKILL');
  await undo.ended;
});

test('an interrupted import whose files were all imported later lacks nothing', () => {
  const entry = (import_id: number, state: ImportEntry['state'], ...sums: string[]) =>
    ({
      ...{ import_id, state, options: '{}' },
      inputs: sums.map((sha256) => ({ path: sha256, bytes: 1, sha256 })),
    }) as unknown as ImportEntry;
  const numbers = (...entries: ImportEntry[]) =>
    unfinishedImports(entries).map(({ import_id }) => import_id);
  assert.deepEqual(numbers(entry(1, 'interrupted', 'a', 'b'), entry(2, 'finished', 'a')), [1]);
  const rest = entry(3, 'finished', 'b', 'c');
  assert.deepEqual(numbers(entry(1, 'interrupted', 'a', 'b'), entry(2, 'finished', 'a'), rest), []);
  assert.deepEqual(numbers(entry(1, 'interrupted', 'a'), entry(2, 'undone', 'a')), [1]);
  assert.deepEqual(numbers(entry(1, 'finished', 'a'), entry(2, 'undone', 'b')), []);
});
