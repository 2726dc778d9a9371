import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { startChild } from '../../test/child.ts';
import { verifyWorkspace } from '../cli/commands/verify.ts';
import { buildProgram } from '../cli/program.ts';
import { loadConfig } from '../config/load.ts';
import { IsobarError } from '../errors.ts';
import type { AppendedRange, NewRecord } from '../log/log.ts';
import type { City, KnownCity } from '../model/city.ts';
import { openWorkspace } from '../workspace.ts';
import { runImport } from './run.ts';
import type { ImportSource } from './source.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures', 'kaggle');
const signal = new AbortController().signal;
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-import-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dataFlags = () => ({ data: join(folder, 'data'), 'analytics.threads': '1' });

async function runImportCommand(...args: readonly string[]) {
  let output = '';
  const environment = {
    version: '0',
    signal,
    env: {},
    keepSecret: () => {},
    print: (text: string) => {
      output += text;
    },
    tell: () => {},
  };
  const common = ['--data', dataFlags().data, '--json', '--log-level', 'error'];
  await buildProgram(environment).parseAsync(['import', ...args, ...common], { from: 'user' });
  return JSON.parse(output);
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
    read: first.read,
    imported_before: false,
    landed: first.read,
    duplicate: 0,
    superseded: 0,
    invalid: 0,
    reasons: [],
  });
  const again = await runImportCommand(FIXTURE);
  assert.deepEqual([again.imported_before, again.read, again.landed], [true, first.read, 0]);
  const { differences, rows, cities } = await verify();
  assert.deepEqual(differences, []);
  assert.equal(rows, first.read);
  assert.equal(cities.size, 4);
});

test('the same rows under another name are duplicates, and the counts say so', async () => {
  const args = writeStation(50);
  const first = await runImportCommand(...args);
  assert.deepEqual([first.read, first.landed, first.duplicate, first.invalid], [52, 50, 1, 1]);
  assert.deepEqual(first.reasons, [
    {
      reason: 'invalid: time is not in the format iso (line 52 of station.csv: never)',
      records: 1,
    },
  ]);
  // One more line: other inputs, of which all but one are there already.
  writeFileSync(args[0] ?? '', `${readFileSync(args[0] ?? '', 'utf8')}2025-01-01,7\n`);
  const second = await runImportCommand(...args);
  assert.deepEqual([second.imported_before, second.read, second.landed], [false, 53, 1]);
  assert.equal(second.duplicate + second.superseded + second.invalid, 52);
  assert.deepEqual((await verify()).differences, []);
});

test('a killed import goes on where it was, and everything adds up', async () => {
  const args = writeStation(6_500);
  const main = join(import.meta.dirname, '..', 'cli', 'program.ts');
  const argv = ['import', ...args, '--data', dataFlags().data];
  const child = startChild(
    `const { runProgram } = await import(${JSON.stringify(main)});
     await runProgram(${JSON.stringify(argv)});`,
    // The third batch is appended, but not noted.
    { env: { ISOBAR_FAULT: 'import.before-progress:3', ISOBAR_OPENWEATHER_KEY: '' } },
  );
  const { signal: killedBy, errors } = await child.ended;
  assert.equal(killedBy, 'SIGKILL', errors);
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
  const { read, landed, duplicate, invalid } = await runImportCommand(...args);
  assert.equal(read, 6_502);
  // What was appended but not noted came twice: the second ones are the duplicates.
  assert.ok(duplicate >= 2_000, String(duplicate));
  assert.deepEqual([landed + duplicate + invalid], [6_502]);
  const { differences, rows } = await verify();
  assert.deepEqual(differences, []);
  assert.equal(rows, 6_500);
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
    name: 'import:test',
    fingerprint: 'test',
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
  return { batches, append };
}

test('a full log is waited for, cities come before their records, ranges join', async () => {
  const log = openCountingLog();
  const happened: string[] = [];
  const remembered: KnownCity[] = [];
  const options = {
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
  const { read, wasDone, ranges } = await runImport(options);
  assert.deepEqual(
    [read, wasDone, ranges],
    [4_500, false, [{ partition: 0, first: 0n, last: 4_499n }]],
  );
  assert.deepEqual(log.batches, [2_000, 2_000, 500]);
  assert.deepEqual(happened, ['land after 1', 'land after 3']);
  assert.deepEqual(remembered, [{ ...OSLO, source: 'import:test' }]);
  assert.equal((await runImport(options)).wasDone, true);
  assert.equal(log.batches.length, 3);
});

test('a note cut by a crash begins anew, a stopped import keeps its note', async () => {
  const notes = join(folder, 'notes');
  const log = openCountingLog();
  const stop = new AbortController();
  const options = { source: sourceOf(4_500), log, folder: notes, signal: stop.signal };
  const rest = { rememberCities: async () => {}, land: async () => {} };
  const stopped = runImport({ ...options, ...rest, onProgress: () => stop.abort() });
  await assert.rejects(stopped, { name: 'AbortError' });
  assert.equal(JSON.parse(readFileSync(join(notes, 'test.json'), 'utf8')).read, 2_000);
  const goesOn = await runImport({ ...options, ...rest, signal });
  assert.deepEqual([goesOn.read, log.batches], [4_500, [2_000, 2_000, 500]]);
  writeFileSync(join(notes, 'test.json'), '{"read": 45');
  assert.equal((await runImport({ ...options, ...rest, signal })).wasDone, false);
});
