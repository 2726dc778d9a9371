/** Text of strangers in names, leases, commits and errors never steers the terminal of a command. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { openOutput } from '../src/cli/output.ts';
import { buildProgram, reportError } from '../src/cli/program.ts';
import { loadConfig } from '../src/config/load.ts';
import { formatVersion, leasePath, tableFolder } from '../src/lake/layout.ts';
import { formatRecord } from '../src/model/observation.ts';
import { openWorkspace } from '../src/pipeline/workspace.ts';

const HOSTILE = 'x\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnirts\u2069\r\nFORGED ok\u0000';
const STEERING = /(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

let folder = '';
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-hostile-'));
  await fill();
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function fill(): Promise<void> {
  const { config } = loadConfig({ file: null, env: {}, flags: { data: folder } });
  await using workspace = await openWorkspace(config, false);
  const log = await workspace.log();
  const sink = await workspace.sink();
  const value = formatRecord({
    city_id: 'a',
    city: HOSTILE,
    country: 'DE',
    observed_at: '2024-10-31T20:00:00Z',
    collected_at: '2024-10-31T20:00:00Z',
    source: 'openweathermap',
    interval_s: 3_600,
    utc_offset_s: 0,
    provider_city_id: null,
    temperature_c: 1,
    condition: HOSTILE,
    response: '{}',
  });
  await log.append([{ key: 'a', value }]);
  for (let partition = 0; partition < log.partitionCount; partition++) await sink.land(partition);
  await (await workspace.refresher()).refresh();
  const lake = join(folder, 'lake');
  // A lease that looks live and says hostile things everywhere.
  const lease = join(lake, leasePath('maintain', 0, 1));
  const exporting = join(lake, leasePath('export', 0, 1));
  for (const path of [lease, exporting]) {
    mkdirSync(dirname(path), { recursive: true });
    const texts = { place: HOSTILE, began: HOSTILE, host: HOSTILE, command: HOSTILE };
    const more = { pid: 1, holder: HOSTILE, since: HOSTILE, heartbeat_s: 3_600, beat: 1 };
    writeFileSync(path, JSON.stringify({ ...texts, ...more, released: false, detail: {} }));
  }
  const commits = join(lake, tableFolder('observations'), '_delta_log');
  const remove = { path: `${encodeURIComponent('\u001b[2J')}.parquet`, dataChange: true };
  const info = { operation: HOSTILE, engineInfo: HOSTILE.repeat(50), timestamp: 1 };
  const next = `${formatVersion((await workspace.observations.refresh()).version + 1)}.json`;
  writeFileSync(
    join(commits, next),
    `${JSON.stringify({ commitInfo: info })}\n${JSON.stringify({ remove })}\n`,
  );
}

interface Ran {
  readonly out: string;
  readonly stderr: string;
}

async function run(argv: readonly string[], isTTY = true): Promise<Ran> {
  let [out, stderr] = ['', ''];
  const stdout = new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      out += text;
      done();
    },
  });
  const output = openOutput(Object.assign(stdout, { isTTY }), {
    write: (text) => (stderr += text),
  });
  const environment = {
    version: '0',
    signal: new AbortController().signal,
    env: {},
    ...output,
  };
  try {
    const args = [...argv, '--data', folder, '--log-level', 'silent'];
    await buildProgram(environment).parseAsync(args, { from: 'user' });
  } catch (error) {
    reportError(error, argv.includes('--json'), environment);
  }
  return { out, stderr };
}

const COMMANDS = [
  ['status'],
  ['verify'],
  ['doctor'],
  ['maintain'],
  ['maintain', 'export'],
  ['table', 'history'],
  ['table', 'accept-foreign', '1'],
  ['query', 'SELECT city, condition FROM observations'],
  ['query', '--format', 'csv', 'SELECT city, condition FROM observations'],
  ['query', `SELECT error('${HOSTILE}')`],
  ['query', `SELECT "${HOSTILE}" FROM observations`],
  ['import', join(tmpdir(), `missing${HOSTILE}`)],
  ['config', '--set', `api.host=${HOSTILE}`],
  ['status', '--set', `api.port=${HOSTILE}`],
];

test('no command prints what steers a terminal, or a line that a stranger forged', async () => {
  let escaped = 0;
  for (const argv of COMMANDS) {
    for (const json of [[], ['--json']]) {
      const { out, stderr } = await run([...argv, ...json]);
      const name = [...argv, ...json].join(' ');
      assert.notEqual(out + stderr, '', name);
      assert.doesNotMatch(out + stderr, STEERING, name);
      const isCsv = argv.includes('csv');
      if (!isCsv) assert.doesNotMatch(out + stderr, /^FORGED/m, name);
      if (json.length > 0 && out !== '' && !isCsv) JSON.parse(out);
      if (/\\u001b|u009b/.test(out + stderr)) escaped += 1;
    }
  }
  assert.ok(escaped > COMMANDS.length, `only ${escaped} outputs held hostile text`);
});

test('rows for programs are as they are in a pipe, and escaped on a terminal', async () => {
  const argv = ['query', '--format', 'csv', 'SELECT city FROM observations'];
  assert.equal((await run(argv, false)).out, `city\r\n"${HOSTILE}"\r\n`);
  assert.doesNotMatch((await run(argv, true)).out, STEERING);
});
