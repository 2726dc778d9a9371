/** Other programs at our table: what they may do, what stops writers, and the two ways out. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isErrorCode } from '../errors.ts';
import { formatVersion, tableFolder } from '../lake/layout.ts';
import { acceptForeign } from './accept-foreign.ts';
import { listCommits } from './commit-list.ts';
import { foreignRows } from './foreign.ts';
import { restoreVersion } from './restore-version.ts';
import { type Opened, observation, openTestLake, type TestLake } from './testing/lake.ts';

const FOLDER = `lake/${tableFolder('observations')}`;
const OF_NO_LOG =
  'CAST(NULL AS VARCHAR) AS log_id, CAST(NULL AS INTEGER) AS log_partition, ' +
  'CAST(NULL AS BIGINT) AS log_offset';
const PROTOCOL = '"minWriterVersion":2';

/** Landings of one row each, from the log's record number on. */
async function land(lake: TestLake, count: number): Promise<Opened> {
  const opened = await lake.open();
  const { next } = await lake.log.range(0);
  for (let at = Number(next); at < Number(next) + count; at++) {
    lake.log.put(0, observation('a', at * 600));
    assert.equal((await opened.sink.land(0))?.rows, 1);
  }
  return opened;
}

async function openFilled(landings: number): Promise<TestLake> {
  const lake = await openTestLake(1);
  await land(lake, landings);
  return lake;
}

const logFile = (lake: TestLake, name: string) => join(lake.folder, FOLDER, '_delta_log', name);
const commitFile = (lake: TestLake, version: number) =>
  logFile(lake, `${formatVersion(version)}.json`);
const checkpointFile = (lake: TestLake, version: number) =>
  logFile(lake, `${formatVersion(version)}.checkpoint.parquet`);

async function versionOf(lake: TestLake): Promise<number> {
  return (await (await lake.open()).observations.refreshForRepair()).version;
}

/** A commit as another program writes it; resolves with its number. */
async function commit(lake: TestLake, operation: string, actions: object[]): Promise<number> {
  const version = (await versionOf(lake)) + 1;
  const info = { timestamp: Date.now(), operation, engineInfo: 'other:1.0' };
  const lines = [{ commitInfo: info }, ...actions].map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(commitFile(lake, version), lines.join(''));
  return version;
}

/** Data files of these rows, as another program adds them: no checksum, perhaps no statistics. */
async function addRows(lake: TestLake, select: string, stats: object | null = null) {
  const { session, observations } = await lake.open();
  const paths = await observations.localPaths((await observations.refresh()).files);
  const list = paths.map((path) => `'${path}'`).join(', ');
  const name = `part-00001-${Math.random().toString(36).slice(2)}-c000.snappy.parquet`;
  const path = `observed_month=2024-10/${name}`;
  const place = join(lake.folder, FOLDER, path);
  await session.execute(`CREATE OR REPLACE TEMP VIEW rows AS SELECT * EXCLUDE (observed_month)
    FROM read_parquet([${list}], hive_partitioning = true)`);
  await session.copy(select, place, 'parquet');
  return {
    add: {
      path: path.replaceAll('=', '%3D'),
      partitionValues: { observed_month: '2024-10' },
      size: statSync(place).size,
      modificationTime: Date.now(),
      dataChange: true,
      ...(stats === null ? {} : { stats: JSON.stringify(stats) }),
    },
  };
}

async function removeFiles(lake: TestLake, count = Number.POSITIVE_INFINITY) {
  const { files } = await (await lake.open()).observations.refresh();
  return files.slice(0, count).map(({ path, month, bytes }) => ({
    remove: {
      path,
      deletionTimestamp: Date.now(),
      dataChange: true,
      partitionValues: { observed_month: month },
      size: bytes,
    },
  }));
}

/** The checkpoint of this version as another program would have left it. */
function disown(lake: TestLake, version: number): void {
  const path = checkpointFile(lake, version);
  const bytes = readFileSync(path);
  let at = bytes.indexOf('DuckDB');
  assert.ok(at > 0);
  for (; at >= 0; at = bytes.indexOf('DuckDB', at)) bytes.write('Others', at);
  writeFileSync(path, bytes);
  writeFileSync(logFile(lake, '_last_checkpoint'), `{"version":${version},"size":9}`);
}

async function repairOf(lake: TestLake) {
  const { observations, rejected, storage, session, scratch } = await lake.open();
  return { table: observations, observations, rejected, storage, session, scratch };
}

async function assertGoesOn(lake: TestLake): Promise<void> {
  await land(lake, 1);
  assert.deepEqual((await lake.verify()).differences, []);
}

async function refusal(lake: TestLake): Promise<string> {
  const { sink } = await lake.open();
  lake.log.put(0, observation('a', 900_000));
  try {
    await sink.land(0);
  } catch (error) {
    assert.ok(isErrorCode(error, 'TABLE_FOREIGN', 'TABLE_PROTOCOL'), String(error));
    return (error as Error).message;
  }
  throw new assert.AssertionError({ message: 'it landed' });
}

test('a checkpoint of another program is not needed where the commits are there', async () => {
  await using lake = await openFilled(7);
  disown(lake, 5);
  await assertGoesOn(lake);
  // Damaged, it is passed over as well; verify names it.
  await using other = await openFilled(7);
  disown(other, 5);
  writeFileSync(checkpointFile(other, 5), 'not Parquet');
  await land(other, 1);
});

test('below it the commits are gone: it is read, and writers prove first that no row is', async () => {
  await using lake = await openFilled(8);
  disown(lake, 5);
  for (let version = 0; version < 5; version++) rmSync(commitFile(lake, version));
  const { observations } = await lake.open();
  assert.equal((await observations.refresh()).rowCount, 8);
  await assertGoesOn(lake);
  assert.equal((await (await lake.open()).observations.refresh()).unproven, null, 'ours is newer');
});

test('below it the commits are gone and so are rows: readers go on, writers refuse', async () => {
  await using lake = await openFilled(3);
  await commit(lake, 'DELETE', await removeFiles(lake, 1));
  await commit(lake, 'OPTIMIZE', []);
  // The checkpoint of another program, of what its commits left.
  const { observations, session, scratch, storage } = await lake.open();
  const { writeCheckpoint } = await import('./checkpoint.ts');
  const state = await observations.refresh();
  const { folder } = observations;
  await writeCheckpoint(storage, session, { state, folder, scratch, tombstonesFrom: 0 });
  disown(lake, 4);
  for (let version = 0; version < 4; version++) rmSync(commitFile(lake, version));
  assert.equal((await (await lake.open()).observations.refresh()).rowCount, 2);
  const text = await refusal(lake);
  assert.match(text, /0004\.checkpoint\.parquet: a checkpoint of another program/);
  assert.match(text, /in no place; keep the table as it is with `isobar table accept-foreign 4`/);
  const done = await acceptForeign(await repairOf(lake), 4);
  assert.equal(done.lostOffsets, 1);
  const { sink } = await lake.open();
  assert.equal((await sink.land(0))?.rows, 1);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('a checkpoint in several parts is read, one with sidecars is refused by name', async () => {
  await using lake = await openFilled(7);
  disown(lake, 5);
  for (let version = 0; version < 5; version++) rmSync(commitFile(lake, version));
  const whole = checkpointFile(lake, 5);
  const part = (n: number) => whole.replace('.parquet', `.000000000${n}.0000000002.parquet`);
  const { session } = await lake.open();
  for (const n of [1, 2]) {
    const half = `SELECT * FROM read_parquet('${whole}') WHERE (metaData IS NULL) = (${n} = 1)`;
    await session.copy(half, part(n), 'parquet');
  }
  const bytes = readFileSync(whole);
  rmSync(whole);
  assert.equal((await (await lake.open()).observations.refresh()).rowCount, 7);
  rmSync(part(2));
  await assert.rejects((await lake.open()).observations.refresh(), { code: 'TABLE_GAP' });
  const uuid = '80a083e8-7026-4e79-81be-64bd76c43a11';
  writeFileSync(whole.replace('.parquet', `.${uuid}.parquet`), bytes);
  await assert.rejects((await lake.open()).observations.refresh(), {
    code: 'TABLE_PROTOCOL',
    message: /a checkpoint of version 2 \(with sidecar files\)/,
  });
});

test('a checkpoint that says otherwise than the commits left is refused with its name', async () => {
  await using lake = await openFilled(8);
  disown(lake, 5);
  for (let version = 0; version < 3; version++) rmSync(commitFile(lake, version));
  const text = readFileSync(commitFile(lake, 4), 'utf8');
  writeFileSync(commitFile(lake, 4), text.replace(/part-[0-9a-f]{8}/, 'part-00000000'));
  await assert.rejects((await lake.open()).observations.refresh(), {
    code: 'TABLE_CORRUPT',
    message: /0005\.checkpoint\.parquet: it does not hold observed_month=2024-10\/part-00000000/,
  });
});

test('rows that others deleted: writers name the commit, readers go on; accepted, it adds up', async () => {
  await using lake = await openFilled(4);
  lake.log.put(0, observation('a', 0), 'garbage');
  assert.equal((await (await lake.open()).sink.land(0))?.rows, 0);
  const version = await commit(lake, 'DELETE', await removeFiles(lake, 2));
  assert.equal((await (await lake.open()).observations.refresh()).rowCount, 2);
  const text = await refusal(lake);
  assert.match(text, new RegExp(`commit ${version} \\(DELETE by other:1\\.0\\) changed rows`));
  assert.match(text, new RegExp(`table accept-foreign ${version}.*table restore ${version - 1}`));
  assert.deepEqual(
    (await lake.verify()).differences.filter((one) => one.includes('DELETE')).length,
    1,
  );
  await assert.rejects(acceptForeign(await repairOf(lake), version - 1), { code: 'USAGE' });
  const done = await acceptForeign(await repairOf(lake), version);
  assert.equal(done.lostOffsets, 2);
  await assert.rejects(acceptForeign(await repairOf(lake), version), { code: 'USAGE' });
  assert.equal((await (await lake.open()).sink.land(0))?.rows, 1);
  assert.deepEqual((await lake.verify()).differences, []);
  await assertGoesOn(lake);
});

test('rows that others deleted come back with a restore, once more after a reopening', async () => {
  await using lake = await openFilled(4);
  const version = await commit(lake, 'WRITE', await removeFiles(lake));
  const before = readdirSync(join(lake.folder, FOLDER, 'observed_month=2024-10'));
  const done = await restoreVersion(await repairOf(lake), version - 1);
  assert.deepEqual(
    [done.rowsBefore, done.rowsAfter, done.filesBack, done.filesRemoved, done.landAgain],
    [0, 4, 4, 0, 0],
  );
  assert.deepEqual(readdirSync(join(lake.folder, FOLDER, 'observed_month=2024-10')), before);
  await assertGoesOn(lake);
  const rows = await listCommits((await lake.open()).observations, 3);
  assert.deepEqual(
    rows.map(({ operation, engine, note }) => [operation, engine, note]),
    [
      ['WRITE', 'isobar', ''],
      ['RESTORE', 'isobar', ''],
      ['WRITE', 'other:1.0', 'accepted or undone'],
    ],
  );
});

test('a version whose files are gone comes back only in part, and by word', async () => {
  await using lake = await openFilled(4);
  const version = await commit(lake, 'WRITE', await removeFiles(lake));
  const [gone = ''] = readdirSync(join(lake.folder, FOLDER, 'observed_month=2024-10')).sort();
  rmSync(join(lake.folder, FOLDER, 'observed_month=2024-10', gone));
  const before = await versionOf(lake);
  await assert.rejects(restoreVersion(await repairOf(lake), version - 1), {
    code: 'LAKE_MISSING',
    message: new RegExp(gone),
  });
  assert.equal(await versionOf(lake), before, 'nothing was changed');
  const done = await restoreVersion(await repairOf(lake), version - 1, { partial: true });
  assert.deepEqual([done.rowsAfter, done.missing.length], [3, 1]);
});

test('what landed after the version that came back lands again from the log', async () => {
  await using lake = await openFilled(6);
  const done = await restoreVersion(await repairOf(lake), 2);
  assert.deepEqual([done.rowsAfter, done.landAgain], [3, 1]);
  assert.deepEqual((await lake.verify()).differences, []);
  const { sink, observations } = await lake.open();
  assert.equal((await sink.land(0))?.rows, 3);
  assert.equal((await observations.refresh()).rowCount, 6);
  assert.deepEqual((await lake.verify()).differences, []);
  for (const version of [-1, 8, 1e15]) {
    await assert.rejects(restoreVersion(await repairOf(lake), version), { code: 'USAGE' });
  }
});

test('rows that others added are kept when they can be ours, with statistics and checksum', async () => {
  await using lake = await openFilled(3);
  const more = `SELECT * REPLACE ('b' AS city_id, ${OF_NO_LOG}) FROM rows`;
  const version = await commit(lake, 'WRITE', [await addRows(lake, more)]);
  const done = await acceptForeign(await repairOf(lake), version);
  assert.equal(done.foreignRows, 3);
  const { observations, sink } = await lake.open();
  assert.equal((await observations.refresh()).rowCount, 6);
  assert.deepEqual((await lake.verify()).differences, []);
  // A newer report of such an observation supersedes it as it would any other.
  lake.log.put(0, observation('b', 600, { collectedAt: 5_000 }));
  assert.equal((await sink.land(0))?.rows, 1);
  assert.deepEqual((await lake.verify()).differences, []);
});

test('rows that others added are not accepted when they are double, nameless or of other form', async () => {
  for (const [select, problem] of [
    [`SELECT * REPLACE (${OF_NO_LOG}) FROM rows`, /observation a .* is there 2 times/],
    ['SELECT * FROM rows', /is in more than one place/],
    [
      `SELECT * REPLACE ('b' AS city_id, log_offset + 70 AS log_offset) FROM rows`,
      /no commit says/,
    ],
    [
      `SELECT * REPLACE (CAST(NULL AS VARCHAR) AS city_id, ${OF_NO_LOG}) FROM rows`,
      /3 rows have no city_id or/,
    ],
    [
      `SELECT * REPLACE (observed_at + INTERVAL 40 DAY AS observed_at, ${OF_NO_LOG}) FROM rows`,
      /3 rows are not of the month 2024-10/,
    ],
    ['SELECT * REPLACE (CAST(1 AS INTEGER) AS temperature_c) FROM rows', /temperature_c: expected/],
    ['SELECT * EXCLUDE (humidity_pct) FROM rows', /humidity_pct: expected DOUBLE, found none/],
  ] as const) {
    await using lake = await openFilled(3);
    const version = await commit(lake, 'WRITE', [await addRows(lake, select)]);
    await assert.rejects(acceptForeign(await repairOf(lake), version), {
      code: 'TABLE_FOREIGN',
      message: problem,
    });
    assert.equal(await versionOf(lake), version, 'nothing was changed');
    await restoreVersion(await repairOf(lake), version - 1);
    await assertGoesOn(lake);
  }
});

test('a protocol that another program raised is named with its commit and feature', async () => {
  for (const [protocol, feature] of [
    [{ minReaderVersion: 1, minWriterVersion: 4 }, /writer version 4 \(change data feed or/],
    [
      { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] },
      /writer version 7 \(rowTracking\)/,
    ],
    [{ minReaderVersion: 2, minWriterVersion: 5 }, /reader version 2 \(column mapping\)/],
  ] as const) {
    await using lake = await openFilled(3);
    const version = await commit(lake, 'SET TBLPROPERTIES', [{ protocol }]);
    const text = await refusal(lake);
    assert.match(
      text,
      new RegExp(`commit ${version} \\(SET TBLPROPERTIES by other:1\\.0\\) raised`),
    );
    assert.match(text, feature);
    assert.match(text, new RegExp(`isobar table restore ${version - 1}`));
    const done = await restoreVersion(await repairOf(lake), version - 1);
    assert.equal(done.rowsAfter, 3);
    assert.ok(readFileSync(commitFile(lake, version + 1), 'utf8').includes(PROTOCOL));
    assert.equal((await (await lake.open()).sink.land(0))?.rows, 1);
    assert.deepEqual((await lake.verify()).differences, []);
  }
});

test('metadata that another program replaced is named, and comes back', async () => {
  await using lake = await openFilled(3);
  const metaData = {
    id: '1',
    schemaString: '{"type":"struct","fields":[]}',
    partitionColumns: [],
    configuration: {},
    format: { provider: 'parquet', options: {} },
  };
  const version = await commit(lake, 'CREATE OR REPLACE TABLE', [{ metaData }]);
  assert.match(await refusal(lake), /CREATE OR REPLACE TABLE by other:1\.0\) replaced the table/);
  await restoreVersion(await repairOf(lake), version - 1);
  assert.equal((await (await lake.open()).sink.land(0))?.rows, 1);
});

test('a pointer that is damaged or names nothing is passed over and put right', async () => {
  for (const text of ['garbage', '{"version":900000000000000,"size":1}', '{"version":-1}', '[]']) {
    await using lake = await openFilled(8);
    writeFileSync(logFile(lake, '_last_checkpoint'), text);
    await land(lake, 4);
    const pointer = JSON.parse(readFileSync(logFile(lake, '_last_checkpoint'), 'utf8'));
    assert.deepEqual([pointer.version, pointer.isobar], [10, true]);
  }
});

test('our own checkpoint is damaged: the commits say the same', async () => {
  await using lake = await openFilled(8);
  writeFileSync(checkpointFile(lake, 5), 'not Parquet');
  assert.equal((await (await lake.open()).observations.refresh()).rowCount, 8);
  renameSync(commitFile(lake, 1), `${commitFile(lake, 1)}.gone`);
  await assert.rejects((await lake.open()).observations.refresh(), (error) =>
    isErrorCode(error, 'TABLE_CORRUPT', 'TABLE_GAP'),
  );
});

test('the commands that resolve a foreign change name the data root and the table', () => {
  const deletion = { version: 4, operation: 'DELETE', engine: 'delta-rs', at: null };
  const messageOf = (table: string, simulated: boolean) =>
    foreignRows(`table/${table}`, [deletion], { 'isobar.simulated': String(simulated) }).message;
  assert.match(
    messageOf('observations', false),
    /`isobar table accept-foreign 4`, or go back with `isobar table restore 3`$/,
  );
  assert.match(
    messageOf('cities', true),
    /accept-foreign 4 --table cities --simulated`.*restore 3 --table cities --simulated`$/,
  );
});
