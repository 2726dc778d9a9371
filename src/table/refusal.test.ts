/** What a writer must refuse: nothing is overwritten, and the error names the place. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { tableFolder } from '../lake/layout.ts';
import { compact } from './compaction.ts';
import { observation, openTestLake, type TestLake } from './testing/lake.ts';
import { vacuum } from './vacuum.ts';

const LOG = `lake/${tableFolder('observations')}/_delta_log`;

/** A table of some commits, one more record waiting. */
async function openFilled(commits = 3): Promise<TestLake> {
  const lake = await openTestLake();
  const { sink } = await lake.open();
  for (let commit = 0; commit < commits; commit++) {
    lake.log.put(0, observation('a', commit * 600));
    await sink.land(0);
  }
  lake.log.put(0, observation('a', 1_000_000));
  return lake;
}

function commitPath(lake: TestLake, version: number): string {
  return join(lake.folder, LOG, `${String(version).padStart(20, '0')}.json`);
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

async function assertRefused(lake: TestLake, code: ErrorCode, place: RegExp): Promise<void> {
  const before = readdirSync(join(lake.folder, LOG)).sort();
  const opened = await lake.open();
  await assert.rejects(opened.sink.land(0), (error) => {
    assert.ok(error instanceof IsobarError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, place);
    return true;
  });
  assert.deepEqual(readdirSync(join(lake.folder, LOG)).sort(), before, 'nothing was written');
}

test('a table of a newer schema is refused by writers', async () => {
  await using lake = await openFilled();
  edit(commitPath(lake, 0), (text) => text.replace('"isobar.schema":"3"', '"isobar.schema":"4"'));
  await assertRefused(lake, 'TABLE_NEWER', /schema 4, we know 3/);
});

test('a table that needs a newer protocol is refused', async () => {
  await using writer = await openFilled();
  edit(commitPath(writer, 0), (text) =>
    text.replace('"minWriterVersion":2', '"minWriterVersion":7'),
  );
  await assertRefused(writer, 'TABLE_PROTOCOL', /writer version 7/);
  await using reader = await openFilled();
  edit(commitPath(reader, 0), (text) =>
    text.replace('"minReaderVersion":1', '"minReaderVersion":3'),
  );
  await assertRefused(reader, 'TABLE_PROTOCOL', /to reader version 3/);
});

test('a commit of another program that changed rows is refused, one that did not is not', async () => {
  await using lake = await openFilled();
  const foreign = (dataChange: boolean) =>
    [
      '{"commitInfo":{"timestamp":1,"operation":"WRITE","engineInfo":"Another"}}',
      '{"add":{"path":"observed_month=2024-10/foreign.parquet","partitionValues":' +
        `{"observed_month":"2024-10"},"size":1,"modificationTime":1,"dataChange":${dataChange}}}`,
    ].join('\n');
  writeFileSync(commitPath(lake, 3), foreign(true));
  await assertRefused(lake, 'TABLE_FOREIGN', /commit 3 \(WRITE by Another\) changed rows/);
  writeFileSync(commitPath(lake, 3), '{"commitInfo":{"timestamp":1,"operation":"SET"}}\n');
  assert.equal((await (await lake.open()).sink.land(0))?.rows, 1);
});

test('a missing commit is refused, not written anew', async () => {
  await using lake = await openFilled(4);
  rmSync(commitPath(lake, 2));
  await assertRefused(lake, 'TABLE_GAP', /2\.json is missing/);
});

test('does not report a commit made while the table is opened as missing', async () => {
  await using lake = await openFilled();
  const { sink, observations } = await lake.open();
  let isLanded = false;
  const reader = await lake.open({
    ...lake.storage,
    // Asked for after the commits were read one by one.
    async *list(folder, options) {
      if (folder.endsWith('_delta_log') && !isLanded) {
        isLanded = true;
        await sink.land(0);
      }
      yield* lake.storage.list(folder, options);
    },
  });
  const { version } = await reader.observations.refresh();
  assert.ok(isLanded);
  assert.equal(version, observations.latest?.version);
});

test('a damaged commit is refused with its line', async () => {
  await using cut = await openFilled();
  edit(commitPath(cut, 2), (text) => text.slice(0, -30));
  await assertRefused(cut, 'TABLE_CORRUPT', /2\.json line \d+: it is not JSON/);
  await using empty = await openFilled();
  writeFileSync(commitPath(empty, 1), '');
  await assertRefused(empty, 'TABLE_CORRUPT', /1\.json: it holds no action/);
  await using escaping = await openFilled();
  edit(commitPath(escaping, 1), (text) => text.replace('observed_month=2024-10/', '../../../etc/'));
  await assertRefused(escaping, 'TABLE_CORRUPT', /leads out of the table/);
});

test('compaction makes files that are disjoint in time and keeps every row', async () => {
  await using lake = await openFilled(12);
  const { observations, storage, session, scratch } = await lake.open();
  const options = { observations, storage, session, scratch, simulated: false };
  const before = await observations.refresh();
  const done = await compact({ ...options, fileBytesMax: 1 << 26 });
  const after = await observations.refresh();
  assert.equal(after.rowCount, before.rowCount);
  assert.ok(after.files.length < before.files.length);
  assert.ok(done.every(({ overtaken }) => !overtaken));
  assert.deepEqual((await observations.changes(before.version, after))?.months, []);
  assert.deepEqual(
    await compact({ ...options, fileBytesMax: 1 << 26 }),
    [],
    'nothing is left to do',
  );
  assert.deepEqual((await lake.verify()).differences, []);
});

test('vacuum keeps what is younger than its days, and the chain from the checkpoint on', async () => {
  await using lake = await openFilled(12);
  const { observations, storage, session, scratch } = await lake.open();
  await compact({
    observations,
    storage,
    session,
    scratch,
    simulated: false,
    fileBytesMax: 1 << 26,
  });
  const table = observations;
  const none = await vacuum({ table, storage, keepDays: 7 });
  assert.deepEqual(none, { dataFiles: 0, commits: 0, bytes: 0 });
  const clock = () => new Date(Date.now() + 8 * 86_400_000);
  const some = await vacuum({ table, storage, keepDays: 7, clock });
  assert.ok(some.dataFiles >= 10 && some.commits >= 5);
  const again = await lake.open();
  assert.equal((await again.sink.land(0))?.rows, 1);
  assert.deepEqual((await lake.verify()).differences, []);
});
