import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { startChild } from '../../test/support/child.ts';
import { verifyWorkspace } from '../cli/commands/verify.ts';
import { buildProgram } from '../cli/program.ts';
import { openTestEnvironment } from '../cli/testing/environment.ts';
import { loadConfig } from '../config/load.ts';
import { IsobarError } from '../errors.ts';
import { FAULT_POINTS } from '../fault.ts';
import type { AppendedRange, NewRecord } from '../log/log.ts';
import { silentLogger } from '../logger.ts';
import type { City, KnownCity } from '../model/city.ts';
import type { ImportEntry } from '../model/imports.ts';
import { openWorkspace, openWorkspaceLeases } from '../pipeline/workspace.ts';
import { runImport } from './run.ts';
import type { ImportSource } from './source.ts';

const UNDO_POINTS = FAULT_POINTS.filter((point) => point.startsWith('undo.'));
const FIXTURE = join(import.meta.dirname, 'fixtures', 'kaggle');
const signal = new AbortController().signal;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-import-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dataFlags = () => ({ data: join(folder, 'data'), 'analytics.threads': '1' });

const runImportCommand = (...args: readonly string[]) => runCommand('import', ...args);

const queryRows = (sql: string) => runCommand('query', sql);

async function runCommand(...args: readonly string[]) {
  const { environment, printed } = openTestEnvironment({ signal });
  const common = ['--data', dataFlags().data, '--json', '--log-level', 'error'];
  await buildProgram(environment).parseAsync([...args, ...common], { from: 'user' });
  return JSON.parse(printed.stdout);
}

async function verify() {
  const { config } = loadConfig({ file: null, env: {}, flags: dataFlags() });
  await using workspace = await openWorkspace(config, false);
  const cities = await workspace.cities.read();
  const { differences } = await verifyWorkspace(workspace);

  const rows = workspace.observations.latest?.rowCount;
  return { differences, rows, cities };
}

/** A station with an observation a minute, among them two of one time and one that is none. */
function writeStation(rows: number): string[] {
  const start = Date.UTC(2024, 0, 1);
  const line = (_: unknown, index: number) =>
    `${new Date(start + index * 60_000).toISOString()},${index % 40}`;
  const lines = Array.from({ length: rows }, line);
  lines.push('never,1', lines[3] ?? '');
  writeFileSync(join(folder, 'station.csv'), `at,t\n${lines.join('\n')}\n`);
  writeFileSync(
    join(folder, 'station.yaml'),
    'name: station\ninterval_s: 60\n' +
      'city: { name: Oslo, country: NO, latitude: 59.91, longitude: 10.75 }\n' +
      'time: { column: at }\nvariables: { temperature_c: t }\n',
  );
  return [join(folder, 'station.csv'), '--mapping', join(folder, 'station.yaml')];
}

test('a folder lands whole, and a second time nothing', async () => {
  const first = await runImportCommand(FIXTURE);
  assert.ok(first.read > 300);
  assert.deepEqual(first, {
    import_id: 1,
    read: first.read,
    observed_from: '2012-10-01T13:00:00Z',
    observed_to: '2017-10-28T19:00:00Z',
    imported_before: false,
    files_imported_before: [],
    landed: first.read,
    replaced: 0,
    duplicate: 0,
    superseded: 0,
    invalid: 0,
    reasons: [],
    rejected_fields: [],
  });
  const again = await runImportCommand(FIXTURE);
  assert.deepEqual([again.imported_before, again.import_id, again.landed], [true, null, 0]);
  const { differences, rows, cities } = await verify();
  assert.deepEqual(differences, []);
  assert.equal(rows, first.read);
  assert.equal(cities.size, 4);
});

test('a corrected file replaces every row that it changes, and an unchanged one nothing', async () => {
  const args = writeStation(50);
  const first = await runImportCommand(...args);
  assert.deepEqual([first.read, first.landed, first.duplicate, first.invalid], [52, 50, 1, 1]);
  const file = args[0] ?? '';
  const wrong = readFileSync(file, 'utf8');
  // Every value but every tenth is corrected, and a row is added.
  const corrected = wrong.replace(/,(\d+)$/gm, (text, value) =>
    Number(value) % 10 === 0 ? text : `,${Number(value) + 1}`,
  );
  writeFileSync(file, `${corrected}2025-01-01T00:00:00Z,7\n`);
  const second = await runImportCommand(...args);
  assert.deepEqual(
    [second.import_id, second.read, second.landed, second.replaced, second.invalid],
    [2, 53, 46, 45, 1],
  );
  assert.equal(second.duplicate + second.superseded - second.replaced, 6);
  const [aside] = await queryRows("SELECT count(*) AS n FROM rejected WHERE reason = 'superseded'");
  assert.deepEqual(aside, { n: second.superseded });
  // The first file again, under another name: nothing, although import 2 came between.
  const copy = join(folder, 'copy.csv');
  writeFileSync(copy, wrong);
  const third = await runImportCommand(copy, ...args.slice(1));
  assert.deepEqual(third.files_imported_before, [{ path: copy, import_id: 1 }]);
  assert.equal(third.imported_before, true);
  const [city] = await queryRows('SELECT sum(temperature_c) AS sum FROM observations');
  const values = Array.from({ length: 50 }, (_, index) => index % 40);
  const expected = values.reduce((sum, value) => sum + value + (value % 10 === 0 ? 0 : 1), 7);
  assert.deepEqual(city, { sum: expected });
  assert.deepEqual((await verify()).differences, []);
  assert.deepEqual(await runCommand('imports', 'undo', '2'), {
    import_id: 2,
    restored: 45,
    removed: 1,
  });
  const [undone] = await queryRows('SELECT sum(temperature_c) AS sum FROM observations');
  assert.deepEqual(undone, { sum: values.reduce((sum, value) => sum + value, 0) });
  assert.deepEqual((await verify()).differences, []);
  // An import that was undone can be made again, and counts anew.
  assert.equal((await runImportCommand(...args)).import_id, 3);
  const entries = await runCommand('imports');
  assert.deepEqual(
    entries.map((entry: { state: string }) => entry.state),
    ['finished', 'undone', 'finished'],
  );
});

test('a dry run writes nothing and says what the import then does', async () => {
  const args = writeStation(30);
  const dry = await runImportCommand(...args, '--dry-run');
  assert.deepEqual([dry.read, dry.landed, dry.duplicate, dry.invalid], [32, 30, 1, 1]);
  assert.equal(dry.examples.length, 5);
  assert.equal((await verify()).rows, 0);
  assert.deepEqual(await runCommand('imports'), []);
  const { landed, duplicate, invalid } = await runImportCommand(...args);
  assert.deepEqual([landed, duplicate, invalid], [dry.landed, dry.duplicate, dry.invalid]);
});

test('an import of which nothing can be used fails, with the commonest reason', async () => {
  const args = writeStation(3);
  writeFileSync(args[0] ?? '', 'at,t\nnever,1\nnor now,2\n2024-01-01T00:00:00Z,\n'.slice(0, 23));
  // The second time, too: nothing of the file is there.
  for (let time = 0; time < 2; time++) {
    await assert.rejects(runImportCommand(...args), (error) => {
      assert.ok(error instanceof IsobarError && error.code === 'IMPORT_REJECTED');
      assert.match(error.message, /all 2 rows were rejected/);
      return true;
    });
  }
  writeFileSync(args[0] ?? '', 'at,t\n2024-01-01T00:00:00Z,1048\n2024-01-02T00:00:00Z,NA\n');
  await assert.rejects(runImportCommand(...args), /no row has a usable measurement/);
  assert.deepEqual((await verify()).differences, []);
});

test('a second import waits for the first one to end', async () => {
  const { config } = loadConfig({ file: null, env: {}, flags: dataFlags() });
  await using workspace = await openWorkspace(config, false);
  await using leases = await openWorkspaceLeases(workspace, 'isobar import', silentLogger);
  const lease = await leases.take('import', 0);
  await assert.rejects(runImportCommand(...writeStation(3)), (error) => {
    return error instanceof IsobarError && error.code === 'IMPORT_RUNNING';
  });
  await lease?.release();
});

test('a killed import goes on where it was, and everything adds up', async () => {
  const args = writeStation(6_500);
  // The third batch is appended, but not noted.
  await killCommand('import.before-progress:3', 'import', ...args);
  const { config } = loadConfig({ file: null, env: {}, flags: dataFlags() });
  {
    await using workspace = await openWorkspace(config, false);
    const log = await workspace.log();
    let appended = 0n;
    for (let partition = 0; partition < log.partitionCount; partition++) {
      appended += (await log.range(partition)).next;
    }
    assert.equal(appended, 6_000n);
  }
  const { import_id, read, landed, duplicate, invalid } = await runImportCommand(...args);
  assert.deepEqual([import_id, read], [1, 6_502]);
  // What was appended but not noted came twice: the second ones are the duplicates.
  assert.ok(duplicate >= 2_000, String(duplicate));
  assert.ok(landed + duplicate + invalid >= 6_502);
  const { differences, rows } = await verify();
  assert.deepEqual(differences, []);
  assert.equal(rows, 6_500);
});

/** Runs a command in a process that dies at the named step. */
async function killCommand(fault: string, ...args: readonly string[]): Promise<void> {
  const main = join(import.meta.dirname, '..', 'cli', 'program.ts');
  const argv = [...args, '--data', dataFlags().data];
  const child = startChild(
    `const { runProgram } = await import(${JSON.stringify(main)});
     await runProgram(${JSON.stringify(argv)});`,
    { env: { ISOBAR_FAULT: fault, ISOBAR_OPENWEATHER_KEY: '' } },
  );
  const { signal: killedBy, errors } = await child.ended;
  assert.equal(killedBy, 'SIGKILL', `${fault}: ${errors}`);
}

test('an undo that is killed at any step is finished by the next one', async () => {
  const args = writeStation(20);
  const sum = async () => queryRows('SELECT sum(temperature_c) AS sum FROM observations');
  await runImportCommand(...args);
  const before = await sum();
  const file = args[0] ?? '';
  const corrected = readFileSync(file, 'utf8').replace(/,(\d+)$/gm, ',3$1');
  writeFileSync(file, `${corrected}2025-01-01T00:00:00Z,7\n`);
  for (const [at, point] of UNDO_POINTS.entries()) {
    const { import_id, landed } = await runImportCommand(...args);
    assert.deepEqual([import_id, landed], [at + 2, 21]);
    await killCommand(point, 'imports', 'undo', String(import_id));
    await runCommand('imports', 'undo', String(import_id));
    assert.deepEqual(await sum(), before, point);
    assert.deepEqual((await verify()).differences, [], point);
  }
});

const OSLO: City = {
  city_id: 'oslo-no',
  name: 'Oslo',
  country: 'NO',
  latitude: 59.91,
  longitude: 10.75,
  time_zone: 'Europe/Oslo',
};

function sourceOf(count: number): ImportSource {
  return {
    recordsAbout: count,
    async *read() {
      for (let index = 0; index < count; index++) {
        const record = {
          invalid: `${index}`,
          city_id: 'oslo-no',
          collected_at: '2024-01-01T00:00:00Z',
          source: 'import:test',
          response: '',
        };
        yield { record, city: OSLO };
      }
    },
  };
}

const ENTRY: ImportEntry = {
  import_id: 7,
  source: 'import:test',
  state: 'running',
  started_at: '2024-11-20T00:00:00Z',
  ended_at: null,
  inputs: [],
  options: '{}',
  records: 0,
  landed: 0,
  replaced: 0,
  duplicate: 0,
  superseded: 0,
  invalid: 0,
};
const ALONE = { entry: ENTRY, assertAlone: () => {} };

/** A log that counts, and says once that it is full. */
function openCountingLog() {
  const batches: number[] = [];
  let next = 0n;
  let full = true;
  async function append(records: readonly NewRecord[]): Promise<AppendedRange[]> {
    if (batches.length === 1 && full) {
      full = false;
      throw new IsobarError('LOG_FULL', 'full');
    }
    batches.push(records.length);
    const first = next;
    next += BigInt(records.length);
    return [{ partition: 0, first, last: next - 1n }];
  }
  return { id: 'counting', batches, append };
}

test('a full log is waited for, and cities come before their records', async () => {
  const log = openCountingLog();
  const happened: string[] = [];
  const remembered: KnownCity[] = [];
  const options = {
    ...ALONE,
    source: sourceOf(4_500),
    log,
    folder: join(folder, 'notes'),
    async rememberCities(cities: readonly KnownCity[]) {
      assert.equal(log.batches.length, 0);
      remembered.push(...cities);
    },
    async land() {
      happened.push(`land after ${log.batches.length}`);
    },
    signal,
  };
  assert.equal(await runImport(options), 4_500);
  assert.deepEqual(log.batches, [2_000, 2_000, 500]);
  assert.deepEqual(happened, ['land after 1', 'land after 3']);
  assert.deepEqual(remembered, [{ ...OSLO, source: 'import:test' }]);
});

test('a stopped import goes on where it was, and without its note from the beginning', async () => {
  const notes = join(folder, 'notes');
  const log = openCountingLog();
  const stop = new AbortController();
  const options = { ...ALONE, source: sourceOf(4_500), log, folder: notes, signal: stop.signal };
  const rest = { rememberCities: async () => {}, land: async () => {} };
  const stopped = runImport({ ...options, ...rest, onProgress: () => stop.abort() });
  await assert.rejects(stopped, { name: 'AbortError' });
  const note = join(notes, 'import-7.json');
  assert.equal(JSON.parse(readFileSync(note, 'utf8')).records, 2_000);
  assert.equal(await runImport({ ...options, ...rest, signal }), 4_500);
  assert.deepEqual(log.batches, [2_000, 2_000, 500]);
  // Cut by a crash, or of another log: the numbers make the second time harmless.
  for (const text of ['{"records": 45', '{"import_id":7,"log_id":"other","records":4500}']) {
    writeFileSync(note, text);
    log.batches.length = 0;
    await runImport({ ...options, ...rest, signal });
    assert.deepEqual(log.batches, [2_000, 2_000, 500]);
  }
});

test('nothing is appended when another import may have begun', async () => {
  const log = openCountingLog();
  const assertAlone = () => {
    throw new IsobarError('ABORTED', 'not alone');
  };
  const rest = { rememberCities: async () => {}, land: async () => {} };
  const options = { ...ALONE, ...rest, assertAlone, source: sourceOf(10), log, signal };
  await assert.rejects(runImport({ ...options, folder: join(folder, 'notes') }), /not alone/);
  assert.deepEqual(log.batches, []);
});
