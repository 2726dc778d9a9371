import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { IsobarError } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import type { InputFile } from '../model/imports.ts';
import { formatRecord, type Observation } from '../model/observation.ts';
import { openTable } from './delta-table.ts';
import { readHistory } from './history.ts';
import { importedBefore, openImportTable } from './imports.ts';
import { openPreview } from './preview.ts';
import { IMPORT_COLUMNS, OBSERVATION_COLUMNS } from './table.ts';
import { type Opened, observation, openTestLake, type TestLake } from './testing/lake.ts';
import { undoImport } from './undo.ts';

const signal = new AbortController().signal;
const T0 = '2024-11-20T00:00:00Z';

/** One word about one observation. */
interface Word {
  readonly city: string;
  readonly hour: number;
  readonly value: number;
}

function imported(importId: number, row: number, { city, hour, value }: Word): Observation {
  return observation(city, hour * 3_600, {
    source: 'import:test',
    temperature_c: value,
    response: null,
    import_id: importId,
    import_row: row,
    ...{ collected_at: T0 },
  });
}

async function append(lake: TestLake, records: readonly Observation[]): Promise<void> {
  await lake.log.append(
    records.map((record) => ({ key: record.city_id, value: formatRecord(record) })),
  );
}

async function landAll(lake: TestLake, opened: Opened): Promise<void> {
  for (let partition = 0; partition < lake.log.partitionCount; partition++) {
    while ((await opened.sink.land(partition)) !== null) {}
  }
}

async function undo(lake: TestLake, opened: Opened, importId: number) {
  const more = { log: lake.log, simulated: false, fileBytesMax: 1 << 26, signal };
  return undoImport({ ...opened, ...more }, importId);
}

async function valuesOf(lake: TestLake): Promise<Record<string, number | null>> {
  const { observations } = await lake.open();
  const state = await observations.refresh();
  const { session } = lake;
  await session.define('o', await observations.localPaths(state.files), OBSERVATION_COLUMNS);
  const rows = await session.query<{ city_id: string; hour: number; value: number }>(
    "SELECT city_id, CAST(date_diff('hour', TIMESTAMPTZ '2024-10-31T22:00:00Z', observed_at) AS " +
      'INTEGER) AS hour, temperature_c AS value FROM o ORDER BY ALL',
  );
  return Object.fromEntries(rows.map(({ city_id, hour, value }) => [`${city_id} ${hour}`, value]));
}

async function importRows(lake: TestLake, importId: number, words: readonly Word[]) {
  const opened = await lake.open();
  await append(
    lake,
    words.map((word, index) => imported(importId, index + 1, word)),
  );
  await landAll(lake, opened);
  return opened;
}

const word = (hour: number, value: number, city = 'a'): Word => ({ city, hour, value });

test('a later import outranks an earlier one row by row, and a later row an earlier row', async () => {
  await using lake = await openTestLake();
  const first = Array.from({ length: 40 }, (_, hour) => word(hour, hour));
  await importRows(lake, 1, first);
  const second = first.map(({ hour }) => word(hour, hour - 20));
  await importRows(lake, 2, [...second, word(3, 7), word(3, 8)]);
  const values = await valuesOf(lake);
  for (const { hour } of first) assert.equal(values[`a ${hour}`], hour === 3 ? 8 : hour - 20);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('what is there is a duplicate, and the record that says it lands nothing', async () => {
  await using lake = await openTestLake();
  await importRows(lake, 1, [word(0, 1), word(1, 1)]);
  const before = (await (await lake.open()).observations.refresh()).files;
  await importRows(lake, 2, [word(0, 1), word(1, 1), word(1, 1)]);
  const after = await (await lake.open()).observations.refresh();
  assert.deepEqual(after.files, before);
  assert.equal((await lake.verify()).sums['offsets duplicate'], 3);
});

test('live data outranks an import, whichever came first', async () => {
  await using lake = await openTestLake();
  const live = (hour: number) => observation('a', hour * 3_600, { temperature_c: 20 });
  await append(lake, [live(0)]);
  await importRows(lake, 1, [word(0, 1), word(1, 1), word(2, 20)]);
  await append(lake, [live(1), live(2)]);
  await landAll(lake, await lake.open());
  await importRows(lake, 2, [word(0, 2), word(1, 2), word(2, 2)]);
  assert.deepEqual(await valuesOf(lake), { 'a 0': 20, 'a 1': 20, 'a 2': 20 });
  assert.deepEqual((await lake.verify()).differences, []);
});

test('an undone import leaves what the others say, also what they repeated', async () => {
  await using lake = await openTestLake();
  await importRows(lake, 1, [word(0, 1), word(1, 1)]);
  await importRows(lake, 2, [word(0, 2), word(1, 2), word(2, 2)]);
  // Of these the first is a duplicate of import 2.
  const opened = await importRows(lake, 3, [word(0, 2)]);
  assert.deepEqual(await undo(lake, opened, 2), { restored: 2, removed: 1 });
  assert.deepEqual(await valuesOf(lake), { 'a 0': 2, 'a 1': 1 });
  assert.deepEqual((await lake.verify()).differences, []);
  assert.deepEqual(await undo(lake, opened, 2), { restored: 0, removed: 0 });
  await undo(lake, opened, 3);
  await undo(lake, opened, 1);
  assert.deepEqual(await valuesOf(lake), {});
  assert.deepEqual((await lake.verify()).differences, []);
});

test('a record of an undone import that lands late does not count', async () => {
  await using lake = await openTestLake();
  const opened = await importRows(lake, 1, [word(0, 1)]);
  await undo(lake, opened, 1);
  await importRows(lake, 1, [word(0, 1), word(5, 1)]);
  assert.deepEqual(await valuesOf(lake), {});
  const report = await lake.verify();
  assert.deepEqual(report.differences, []);
  assert.equal(report.sums['offsets undone'], 3);
});

test('verify reports rows of an import whose undoing did not end', async () => {
  await using lake = await openTestLake();
  const opened = await importRows(lake, 4, [word(0, 1), word(1, 1)]);
  const txn = { appId: 'isobar-undo-4', version: 4, lastUpdated: 0 };
  await opened.observations.commit('WRITE', async () => [{ txn }]);
  assert.match((await lake.verify()).differences.join(), /2 rows of import 4, which was undone/);
  await undo(lake, opened, 4);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('the history of an observation names each version and what became of it', async () => {
  await using lake = await openTestLake();
  await importRows(lake, 1, [word(0, 1)]);
  await importRows(lake, 2, [word(0, 2), word(0, 2)]);
  const opened = await importRows(lake, 3, [word(0, 3)]);
  await undo(lake, opened, 3);
  const versions = await readHistory(opened, 'a', '2024-10-31T22:00:00Z');
  const reported = versions.map(({ state, import_id, import_row, values }) => [
    state,
    import_id,
    import_row,
    values.temperature_c,
  ]);
  assert.deepEqual(reported, [
    ['current', 2, 2, 2],
    ['undone', 3, 1, 3],
    ['duplicate', 2, 2, 2],
    ['superseded', 2, 1, 2],
    ['superseded', 1, 1, 1],
  ]);
});

test('a preview counts what the landing then does, and shows before and after', async () => {
  await using lake = await openTestLake();
  await importRows(lake, 1, [word(0, 1), word(1, 1), word(2, 1)]);
  const opened = await lake.open();
  const words = [word(0, 1), word(1, 2), word(1, 3), word(4, 4), word(4, 5), word(4, 5)];
  const records = words.map((one, index) => formatRecord(imported(2, index + 1, one)));
  records.push(Buffer.from('{}'));
  await using session = await lake.engine.session();
  const preview = await openPreview({ ...opened, session, simulated: false });
  // In two batches: what the first would land counts for the second.
  await preview.add(records.slice(0, 4), signal);
  await preview.add(records.slice(4), signal);
  const { reasons, rejectedFields: _, ...counts } = preview.counts;
  assert.deepEqual(counts, { landed: 2, replaced: 1, duplicate: 2, superseded: 3, invalid: 1 });
  assert.deepEqual([...reasons], [['city_id is missing', 1]]);
  const shown = preview.examples.map(({ before, after }) => [
    before?.temperature_c ?? null,
    after.temperature_c,
  ]);
  assert.deepEqual(shown, [
    [1, 3],
    [null, 4],
  ]);
  await importRows(lake, 2, words);
  assert.deepEqual(await valuesOf(lake), { 'a 0': 1, 'a 1': 3, 'a 2': 1, 'a 4': 5 });
});

/** What happens to the lake, in the property below. */
type Step =
  | { readonly kind: 'import'; readonly words: readonly Word[]; readonly failAt: number }
  | { readonly kind: 'again'; readonly from: number }
  | { readonly kind: 'live'; readonly word: Word }
  | { readonly kind: 'undo'; readonly which: number; readonly failAt: number };

const anyWord = fc.record({
  city: fc.constantFrom('a', 'b'),
  hour: fc.integer({ min: 0, max: 3 }),
  value: fc.integer({ min: 0, max: 2 }),
});
/** The write at which the process dies; beyond the number of writes it does not. */
const failAt = fc.integer({ min: 0, max: 14 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('import' as const),
      words: fc.array(anyWord, { minLength: 1, maxLength: 8 }),
      failAt,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), from: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('live' as const), word: anyWord }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('undo' as const), which: fc.nat(5), failAt }),
  },
);

/** A storage that dies at the n-th write, as a killed process leaves it. */
function failing(storage: Storage, writes: number): Storage {
  let left = writes;
  const guard =
    <A extends readonly unknown[], R>(write: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (left <= 0) throw new IsobarError('LAKE_UNAVAILABLE', 'killed');
      left -= 1;
      return write(...args);
    };
  return {
    ...storage,
    location: storage.location,
    putIfAbsent: guard(storage.putIfAbsent.bind(storage)),
    replace: guard(storage.replace.bind(storage)),
  } as Storage;
}

const RUNS = Number(process.env.ISOBAR_TEST_RUNS ?? 12);

test('any order of imports, kills, replays and undoing ends at the last word of each row', async () => {
  const seed = Number(process.env.ISOBAR_TEST_SEED ?? 2_024);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 7 }), async (steps) => {
      await using lake = await openTestLake();
      const said: { importId: number; word: Word }[] = [];
      const live = new Map<string, number>();
      const undone = new Set<number>();
      let imports = 0;
      let last: readonly Observation[] = [];
      for (const [at, one] of steps.entries()) {
        if (one.kind === 'import') {
          imports += 1;
          last = one.words.map((word, index) => imported(imports, index + 1, word));
          for (const word of one.words) said.push({ importId: imports, word });
          await append(lake, last);
          const dying = await lake.open(failing(lake.storage, one.failAt));
          await landAll(lake, dying).catch(assertKilled);
        } else if (one.kind === 'again') {
          await append(lake, last.slice(one.from));
        } else if (one.kind === 'live') {
          const { city, hour, value } = one.word;
          live.set(`${city} ${hour}`, value);
          const times = { collectedAt: hour * 3_600 + at };
          await append(lake, [observation(city, hour * 3_600, { ...times, temperature_c: value })]);
        } else if (imports > 0) {
          const importId = 1 + (one.which % imports);
          undone.add(importId);
          const dying = await lake.open(failing(lake.storage, one.failAt));
          await undo(lake, dying, importId).catch(assertKilled);
          await undo(lake, await lake.open(), importId);
        }
      }
      await landAll(lake, await lake.open());
      const expected: Record<string, number> = {};
      for (const { importId, word } of said) {
        if (!undone.has(importId)) expected[`${word.city} ${word.hour}`] = word.value;
      }
      Object.assign(expected, Object.fromEntries(live));
      assert.deepEqual(sorted(await valuesOf(lake)), sorted(expected));
      assert.deepEqual((await lake.verify()).differences, []);
    }),
    { seed, numRuns: RUNS, endOnFailure: true },
  );
});

function assertKilled(error: unknown): void {
  assert.ok(error instanceof IsobarError && error.message === 'killed', String(error));
}

function sorted<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

const input = (path: string, sha256 = path): InputFile => ({ path, bytes: 1, sha256 });

test('imports have growing numbers, and only the same one that did not end goes on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-imports-'));
  await using lake = await openTestLake();
  const { storage, session } = lake;
  const common = { storage, session, scratch: folder, simulated: false };
  const open = () => {
    const settings = { checkpointCommits: 50, keepDays: 7, partitionColumns: [] };
    const table = openTable({ ...common, ...settings, name: 'imports', columns: IMPORT_COLUMNS });
    return openImportTable({ ...common, table });
  };
  const imports = open();
  const first = { source: 'import:a', inputs: [input('x'), input('y')], options: '{}' };
  const begun = await imports.begin(first);
  assert.deepEqual(await open().begin(first), begun);
  const counts = { landed: 3, replaced: 1, duplicate: 0, superseded: 0, invalid: 0 };
  await imports.finish(begun.import_id, { ...counts, records: 3 });
  const other = { ...first, inputs: [input('z')] };
  const second = await open().begin(other);
  const third = await open().begin({ ...other, options: '{"units":"imperial"}' });
  assert.deepEqual([begun.import_id, second.import_id, third.import_id], [1, 2, 3]);
  const entries = await imports.read();
  assert.deepEqual(
    entries.map(({ state }) => state),
    ['finished', 'interrupted', 'running'],
  );
  // By content, whatever the files are called now.
  const now = [input('renamed', 'y'), input('z')];
  assert.deepEqual(
    [...importedBefore(entries, now, '{}')].map(([{ path }, { import_id }]) => [path, import_id]),
    [['renamed', 1]],
  );
  assert.equal(importedBefore(entries, now, '{"units":"imperial"}').size, 0);
  await imports.markUndone(1);
  assert.equal(importedBefore(await imports.read(), now, '{}').size, 0);
  rmSync(folder, { recursive: true });
});
