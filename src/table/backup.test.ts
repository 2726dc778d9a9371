import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { IsobarError, isErrorCode } from '../errors.ts';
import { openLocalStorage } from '../lake/local.ts';
import type { Storage } from '../lake/storage.ts';
import { makeBackup, restoreBackup } from './backup.ts';
import { OBSERVATION_COLUMNS } from './table.ts';
import { type Opened, observation, openTestLake, type TestLake } from './testing/lake.ts';
import { verifyLake } from './verify.ts';

/** Rounds of landings with duplicates and superseded rows; a checkpoint comes every five commits. */
async function land(lake: TestLake, { sink }: Opened, from: number, to: number): Promise<void> {
  for (let round = from; round < to; round++) {
    lake.log.put(0, observation('a', round * 600), observation('b', round * 600));
    lake.log.put(0, observation('a', 0, { collectedAt: round, temperature_c: round }), 'garbage');
    await sink.land(0);
  }
}

async function verified(lake: TestLake, storage: Storage): Promise<Opened> {
  const opened = await lake.open(storage);
  const { observations, rejected, session, scratch } = opened;
  const tables = [observations, rejected];
  const report = await verifyLake({ tables, observations, rejected, storage, session, scratch });
  assert.deepEqual(report.differences, []);
  return opened;
}

async function rowsOf({ observations, session }: Opened): Promise<unknown[]> {
  const { files } = await observations.refresh();
  await session.define('rows', await observations.localPaths(files), OBSERVATION_COLUMNS);
  return session.query('SELECT * FROM rows ORDER BY city_id, observed_at');
}

function optionsOf(opened: Opened, to: Storage) {
  const { observations, rejected, storage, session, scratch } = opened;
  return {
    tables: [observations, rejected],
    from: storage,
    to,
    session,
    scratch,
    simulated: false,
  };
}

async function pathsOf(storage: Storage): Promise<string[]> {
  return Array.fromAsync(storage.list(''), ({ path }) => path);
}

/** Fails after so many writes, as a process that dies. */
function dyingStorage(storage: Storage, writes: number): Storage {
  let left = writes;
  const write = async (run: () => Promise<void>) => {
    if (left === 0) throw new IsobarError('INTERNAL', 'the process died here');
    left -= 1;
    await run();
  };
  return {
    ...storage,
    putIfAbsent: (path, content) => write(() => storage.putIfAbsent(path, content)),
    replace: (path, content) => write(() => storage.replace(path, content)),
  };
}

describe('a backup', () => {
  it('is a table of its own, and the same when it is brought back', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await land(lake, opened, 0, 8);
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    const { backup, files, present } = await makeBackup(optionsOf(opened, place));
    assert.equal(present, 0);
    assert.ok(files > 0);
    const version = opened.observations.latest?.version;
    assert.equal(backup.tables.observations?.version, version);
    const copy = await verified(lake, place);
    const expected = await rowsOf(opened);
    assert.deepEqual(await rowsOf(copy), expected);
    assert.equal(copy.observations.latest?.version, version);

    await using empty = await openLocalStorage(join(lake.folder, 'restored'));
    await restoreBackup({ ...optionsOf(opened, empty), from: place });
    const restored = await verified(lake, empty);
    assert.deepEqual(await rowsOf(restored), expected);
    // Landing goes on where the backup ended.
    await land(lake, restored, 8, 14);
    await verified(lake, empty);
    assert.ok((await rowsOf(restored)).length > expected.length);
  });

  it('refuses rows that another program changed, and a list that is damaged', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await land(lake, opened, 0, 2);
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    await makeBackup(optionsOf(opened, place));
    const log = `${opened.observations.folder}/_delta_log`;
    const [file] = (await opened.observations.refresh()).files;
    const remove = { path: file?.path, dataChange: true };
    const version = (opened.observations.latest?.version ?? 0) + 1;
    const path = `${log}/${String(version).padStart(20, '0')}.json`;
    await lake.storage.putIfAbsent(path, Buffer.from(`${JSON.stringify({ remove })}\n`));
    await assert.rejects(makeBackup(optionsOf(opened, place)), { code: 'TABLE_FOREIGN' });
    await makeBackup({ ...optionsOf(opened, place), version: version - 1 });

    const list = 'weather_data/backup.json';
    const text = Buffer.from(await place.read(list)).toString();
    for (const [from, to] of [
      [/"bytes":\d+/, '"bytes":"many"'],
      [/"path":"weather_data\/table\/observations\//, '"path":"weather_data/../'],
      [/"sha256":"[0-9a-f]+"/, '"sha256":""'],
      [/"tables":\{/, '"tables":5,"x":{'],
      [/^\{/, ''],
    ] as const) {
      await place.replace(list, Buffer.from(text.replace(from, to)));
      await assert.rejects(restoreBackup({ ...optionsOf(opened, place), from: place }), {
        code: 'TABLE_CORRUPT',
      });
    }
  });

  it('holds an older version, too, as long as it is kept', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    for (const [version, upTo] of [
      [3, 4],
      [6, 7],
    ] as const) {
      await land(lake, opened, opened.observations.latest?.version ?? 0, upTo);
      assert.ok((opened.observations.latest?.version ?? 0) >= version);
    }
    const version = 4;
    const past = await lake.open();
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    await makeBackup({ ...optionsOf(past, place), version });
    const copy = await verified(lake, place);
    assert.equal((await copy.observations.refresh()).version, version);
    assert.ok((await rowsOf(copy)).length < (await rowsOf(opened)).length);
    const unknown = makeBackup({ ...optionsOf(past, place), version: 99 });
    await assert.rejects(unknown, (error) => isErrorCode(error, 'PARAMETER_INVALID'));
  });

  it('copies only what is new, and removes what is no longer part of it', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await land(lake, opened, 0, 4);
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    const first = await makeBackup(optionsOf(opened, place));
    await land(lake, opened, 4, 9);
    const second = await makeBackup(optionsOf(opened, place));
    assert.ok(second.present > 0 && second.present < second.files);
    await verified(lake, place);
    const listed = Object.values(second.backup.tables).flatMap(({ files }) => files);
    // The list itself, and a pointer for each table.
    assert.equal((await pathsOf(place)).length, listed.length + 3);
    const again = await makeBackup(optionsOf(opened, place));
    assert.equal(again.present, again.files);
    assert.notDeepEqual(first.backup.tables, second.backup.tables);
  });

  it('can be brought back, the old or the new one, wherever its making died', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    const versions: number[] = [];
    let done = false;
    for (let round = 0; round < 3; round++) {
      await land(lake, opened, round * 3, round * 3 + 3);
      done = false;
      for (let writes = 0; !done; writes++) {
        const dying = dyingStorage(place, writes);
        done = await makeBackup(optionsOf(opened, dying)).then(
          () => true,
          (error) => {
            assert.ok(isErrorCode(error, 'INTERNAL'), String(error));
            return false;
          },
        );
        await using empty = await openLocalStorage(join(lake.folder, `r${round}-${writes}`));
        const restoring = restoreBackup({ ...optionsOf(opened, empty), from: place });
        if (round === 0 && !done) {
          await assert.rejects(restoring, (error) => {
            return isErrorCode(error, 'LAKE_MISSING', 'TABLE_CORRUPT');
          });
          continue;
        }
        await restoring;
        const { observations } = await verified(lake, empty);
        versions.push(observations.latest?.version ?? -1);
      }
    }
    assert.deepEqual(
      versions,
      versions.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(versions).size, 3);
  });

  it('comes back wherever bringing it back died before', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await land(lake, opened, 0, 4);
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    await makeBackup(optionsOf(opened, place));
    await using target = await openLocalStorage(join(lake.folder, 'restored'));
    for (let writes = 0; ; writes++) {
      const dying = dyingStorage(target, writes);
      const done = await restoreBackup({ ...optionsOf(opened, dying), from: place }).then(
        () => true,
        () => false,
      );
      if (done) break;
    }
    assert.deepEqual(await rowsOf(await verified(lake, target)), await rowsOf(opened));
  });

  it('is refused where it would harm', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await land(lake, opened, 0, 2);
    const refuses = (promise: Promise<unknown>, code: 'LAKE_EXISTS' | 'TABLE_KIND') =>
      assert.rejects(promise, (error) => isErrorCode(error, code));
    await refuses(makeBackup(optionsOf(opened, lake.storage)), 'LAKE_EXISTS');
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    await makeBackup(optionsOf(opened, place));
    await refuses(makeBackup({ ...optionsOf(opened, place), simulated: true }), 'TABLE_KIND');
    await refuses(
      restoreBackup({ ...optionsOf(opened, lake.storage), from: place }),
      'LAKE_EXISTS',
    );
  });

  it('is refused when a file is not what it was, on either side', async () => {
    await using lake = await openTestLake();
    const opened = await lake.open();
    await land(lake, opened, 0, 3);
    const corrupt = (error: unknown) => isErrorCode(error, 'TABLE_CORRUPT');
    await using place = await openLocalStorage(join(lake.folder, 'backup'));
    const { backup } = await makeBackup(optionsOf(opened, place));
    for (const { path, bytes } of backup.tables.observations?.files ?? []) {
      const whole = await place.read(path);
      for (const bad of [Buffer.alloc(bytes, 'x'), whole.subarray(1)]) {
        await place.replace(path, bad);
        await using empty = await openLocalStorage(join(lake.folder, crypto.randomUUID()));
        const restoring = restoreBackup({ ...optionsOf(opened, empty), from: place });
        await assert.rejects(restoring, corrupt);
      }
      // A new backup heals what lies there damaged.
      await makeBackup(optionsOf(opened, place));
      await verified(lake, place);
    }
    const [file] = opened.observations.latest?.files ?? [];
    assert.ok(file);
    await opened.storage.replace(file.storagePath, Buffer.alloc(file.bytes, 'x'));
    await using other = await openLocalStorage(join(lake.folder, 'other'));
    await assert.rejects(makeBackup(optionsOf(opened, other)), corrupt);
  });
});
