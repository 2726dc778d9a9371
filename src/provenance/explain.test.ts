import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asIsobarError } from '../errors.ts';
import { type Explanation, LISTED_MAX } from '../model/provenance.ts';
import { traceIdOf } from '../model/trace.ts';
import { explainInWorkspace } from '../pipeline/provenance.ts';
import { sha256OfFile } from '../table/data-file.ts';
import {
  append,
  CORRECTED_AT,
  exportAndPublish,
  land,
  liveObservation,
  makeLake,
  openLake,
  runIn,
} from './testing/world.ts';

const LIVE_FROM = '2024-10-31T20:00:00Z';
let whole = '';
before(async () => {
  whole = await makeLake();
});
after(() => rmSync(whole, { recursive: true, force: true }));

async function explain(...args: readonly string[]): Promise<Explanation> {
  return JSON.parse(await runIn(whole, 'explain', ...args, '--json'));
}

async function refusal(...args: readonly string[]): Promise<string> {
  try {
    await runIn(whole, 'explain', ...args);
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return `${code}: ${message}`;
  }
  throw new Error(`${args.join(' ')}: it was not refused`);
}

/** Each file with its length; the log's own are the engine's, which notes who has it open. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/-(wal|shm)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${statSync(path).size}`)
    .sort();
}

/** A copy that the test may change. */
async function inCopy(change: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-provenance-'));
  try {
    cpSync(whole, folder, { recursive: true });
    await change(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a statistic leads to all of its rows, and each named file is what it says', async () => {
  const found = await explain('city_statistics', 'denver-us');
  const [row] = found.publication?.rows ?? [];
  assert.equal(found.state, 'published');
  assert.equal(row?.observation_count, found.row_count);
  assert.equal(row?.first_observed_at, found.observed_from);
  assert.equal(row?.last_observed_at, found.observed_to);
  assert.equal(found.publication?.table_version, found.table_version);
  const sum = (list: readonly { readonly rows: number }[]) =>
    list.reduce((total, { rows }) => total + rows, 0);
  assert.equal(sum(found.files.listed), found.row_count);
  assert.equal(sum(found.sources.listed), found.row_count);
  const counts = found.offsets.listed.reduce((total, { count }) => total + count, 0);
  assert.equal(counts, found.row_count);
  for (const file of found.files.listed) {
    assert.equal(await sha256OfFile(join(whole, 'lake', file.path)), file.sha256, file.path);
    const version = String(file.commit?.version).padStart(20, '0');
    const log = join(whole, 'lake/weather_data/table/observations/_delta_log', `${version}.json`);
    assert.ok(readFileSync(log, 'utf8').includes(file.path.split('/').at(-1) ?? ''), file.path);
  }
  for (const { path, sha256 } of [...found.partials.listed, found.publication ?? assert.fail()]) {
    assert.equal(await sha256OfFile(join(whole, 'lake', path)), sha256, path);
  }
  assert.deepEqual(
    found.sources.listed.map(({ import_id, rows }) => [import_id, rows]),
    [
      [1, 98],
      [2, 1],
    ],
  );
  assert.deepEqual(
    found.sources.listed[1]?.inputs?.listed.map(({ name }) => name).includes('temperature.csv'),
    true,
  );
});

test('every month of a city is in a partial aggregate or computed from rows', async () => {
  for (const dataset of ['city_statistics', 'hourly_trends', 'anomalies'] as const) {
    const { partials, live_months } = await explain(dataset, 'denver-us');
    const held = partials.listed.filter(({ role }) => role === 'partial' || role === 'rollup');
    const ofOneKind = held.filter(({ kind }) => kind === held[0]?.kind);
    const months = ofOneKind.reduce((sum, { month_count }) => sum + month_count, 0);
    assert.equal(months + live_months.total, 2, dataset);
    const bounds = partials.listed.filter(({ role }) => role === 'bounds');
    assert.equal(bounds.length, dataset === 'anomalies' ? 1 : 0);
  }
});

test('an observation leads to its offset, trace, answer and file of the hour', async () => {
  const found = await explain('observations', 'city-2', '2024-10-31T22:00:00Z');
  const record = liveObservation('city-2', 2);
  assert.equal(found.state, 'landed');
  assert.equal(found.observation?.response, record.response);
  assert.equal(found.observation?.trace_id, traceIdOf(record));
  await using workspace = await openLake(whole);
  const { log_id, log_partition, log_offset } = found.observation ?? assert.fail();
  const log = await workspace.log();
  assert.equal(log.id, log_id);
  const at = BigInt(log_offset);
  const [there] = await log.read(log_partition, at, { records: 1, bytes: 1 });
  assert.equal(JSON.parse(Buffer.from(there?.value ?? []).toString()).city_id, 'city-2');
  assert.equal(there?.time.toISOString(), found.observation?.appended_at);
  const [raw] = found.raw.files.listed;
  assert.equal(await sha256OfFile(join(whole, 'lake', raw?.path ?? '')), raw?.sha256);
  assert.match(raw?.path ?? '', /day=31\/weather_2200\.jsonl$/);
});

test('a correction names the version in whose place it stands, live and imported', async () => {
  const imported = await explain('observations', 'denver-us', CORRECTED_AT);
  assert.deepEqual(
    imported.versions.listed.map(({ state, import_id, by_import_id }) => [
      state,
      import_id,
      by_import_id,
    ]),
    [
      ['current', 2, null],
      ['superseded', 1, 2],
    ],
  );
  const [current, before] = imported.versions.listed;
  const rise = Number(current?.values.temperature_c) - Number(before?.values.temperature_c);
  assert.ok(Math.abs(rise - 8) < 1e-9);
  const live = await explain('observations', 'city-1', '2024-10-31T21:00:00Z');
  assert.deepEqual(
    live.versions.listed.map(({ state, values }) => [state, values.temperature_c]),
    [
      ['current', 15],
      ['superseded', 14],
      ['superseded', 10 + 1 / 7],
    ],
  );
  assert.deepEqual(live.rejected, [{ reason: 'superseded', rows: 2 }]);
});

test('an anomaly leads to its observation; a trend to the hour that was asked for', async () => {
  const at = '2024-11-01T13:00:00Z';
  const anomaly = await explain('anomalies', 'city-3', at);
  assert.deepEqual(
    anomaly.publication?.rows.map(({ observed_at, value }) => [observed_at, value]),
    [[at, 49]],
  );
  assert.equal(anomaly.observation?.values.temperature_c, 49);
  assert.match(
    await refusal('anomalies', 'city-3', LIVE_FROM),
    /no anomaly at 2024-10-31T20.*after at 2024-11-01T13:00:00Z$/,
  );
  const trend = await explain('hourly_trends', 'city-3', '2024-11-05T03:30:00Z');
  assert.deepEqual(
    trend.publication?.rows.map(({ clock, hour }) => [clock, hour]),
    [['utc', 3]],
  );
});

test('what waits in the log, or was rejected, is explained as such', () =>
  inCopy(async (folder) => {
    await using workspace = await openLake(folder);
    const late = liveObservation('city-0', 40);
    const early = { ...liveObservation('city-0', 41), observed_at: '1900-01-01T00:00:00Z' };
    await append(workspace, [late, early]);
    const asked = { dataset: 'observations', cityId: 'city-0' } as const;
    const waiting = await explainInWorkspace(workspace, { ...asked, time: late.observed_at });
    assert.equal(waiting.state, 'waiting');
    assert.equal(waiting.observation, null);
    assert.deepEqual(
      waiting.waiting.map(({ trace_id, values }) => [trace_id, values.temperature_c]),
      [[traceIdOf(late), late.temperature_c]],
    );
    await land(workspace);
    const landed = await explainInWorkspace(workspace, { ...asked, time: late.observed_at });
    assert.deepEqual([landed.state, landed.waiting], ['landed', []]);
    const rejected = await explainInWorkspace(workspace, { ...asked, time: early.observed_at });
    assert.equal(rejected.state, 'rejected');
    assert.match(rejected.versions.listed[0]?.state ?? '', /^invalid: .*1950/);
  }));

test('what is not there is refused, with what was probably meant', async () => {
  assert.match(
    await refusal('observatoins', 'denver-us'),
    /^USAGE: .*did you mean observations\?$/,
  );
  assert.match(await refusal('weather', 'denver-us'), /^USAGE: .*expected one of observations, /);
  assert.match(
    await refusal('city_statistics', 'denver'),
    /^CITY_UNKNOWN: .*did you mean denver-us\?$/,
  );
  assert.match(
    await refusal('observations', 'atlantis'),
    /^CITY_UNKNOWN: city: unknown id "atlantis"$/,
  );
  assert.match(
    await refusal('observations', 'city-1', '2024-10-31T21:30:00Z'),
    /^OBSERVATION_UNKNOWN: .* before is at 2024-10-31T21:00:00Z, the one after at 2024-10-31T22:00:00Z$/,
  );
  assert.match(
    await refusal('observations', 'city-1', '2023-10-31T21:30:00Z'),
    / before is at no time, the one after at 2024-10-31T20:00:00Z$/,
  );
  assert.match(
    await refusal('observations', 'city-1', 'yesterday'),
    /^USAGE: time: expected an ISO/,
  );
  assert.match(await refusal('city_statistics', 'city-1', LIVE_FROM), /^PARAMETER_INVALID: time: /);
});

test('a publication of an earlier version is explained by the rows of that version', () =>
  inCopy(async (folder) => {
    await using workspace = await openLake(folder);
    const asked = { dataset: 'city_statistics', cityId: 'city-0', time: null } as const;
    const before = await explainInWorkspace(workspace, asked);
    await append(workspace, [liveObservation('city-0', 50)]);
    await land(workspace);
    const later = await explainInWorkspace(workspace, asked);
    assert.deepEqual([later.row_count, later.files], [before.row_count, before.files]);
    await exportAndPublish(workspace);
    const newest = await explainInWorkspace(workspace, asked);
    assert.equal(newest.row_count, before.row_count + 1);
    assert.equal(newest.publication?.rows[0]?.observation_count, newest.row_count);
  }));

test('lists are bounded, and their whole number is given', () =>
  inCopy(async (folder) => {
    await using workspace = await openLake(folder);
    for (let hour = 60; hour < 60 + LISTED_MAX; hour += 1) {
      await append(workspace, [liveObservation('city-0', hour)]);
      await land(workspace);
    }
    const asked = { dataset: 'observations', cityId: 'city-0', time: null } as const;
    const { files } = await explainInWorkspace(workspace, asked);
    assert.ok(files.total > LISTED_MAX);
    assert.equal(files.listed.length, LISTED_MAX);
    const text = await runIn(folder, 'explain', 'observations', 'city-0');
    assert.match(text, new RegExp(`^data files: ${files.total}\n`, 'm'));
    assert.match(text, new RegExp(`^ +… ${files.total - LISTED_MAX} more$`, 'm'));
  }));

test('the text says the most important first, and nothing changes in the folder', async () => {
  const before = filesOf(whole);
  const text = await runIn(whole, 'explain', 'observations', 'denver-us', CORRECTED_AT);
  await runIn(whole, 'explain', 'anomalies', 'denver-us');
  assert.deepEqual(filesOf(whole), before);
  const order = ['in the table', 'rows behind it', '\nobservation\n', 'versions', 'data files: 1'];
  const places = order.map((title) => text.indexOf(title));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  assert.ok(!places.includes(-1), text);
  for (const line of text.split('\n')) assert.equal(line, line.trimEnd());
});
