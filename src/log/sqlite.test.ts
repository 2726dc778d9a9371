import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { mountSmallDisk } from '../../test/support/small-disk.ts';
import { loadConfig } from '../config/load.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import type { Log } from './log.ts';
import { openLog } from './open.ts';
import { PARTITION_SPAN } from './sqlite-database.ts';
import { retryBusy } from './sqlite-errors.ts';
import { describeLog, type LogPlace } from './testing/contract.ts';
import { recordsOf } from './testing/records.ts';

const CONFIG = loadConfig({
  file: null,
  env: {},
  flags: { 'log.engine': 'sqlite', 'log.size_max_mib': '64' },
}).config.log;

async function makePlace(): Promise<LogPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-log-'));
  return {
    open: ({ config, ...options } = {}) => openLog({ ...CONFIG, ...config }, folder, options),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

describeLog('SQLite', makePlace);

async function withFolder(run: (folder: string, path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-log-'));
  try {
    await run(folder, join(folder, 'log.sqlite'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A closed log with some records in it. */
async function makeLog(folder: string, batches = 5): Promise<void> {
  await using log = await openLog(CONFIG, folder);
  for (let i = 0; i < batches; i++) await log.append(recordsOf(500));
}

describe('a damaged or foreign SQLite log', () => {
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

  /** Damages a good log's file; then opening it fails and changes nothing. */
  const refuses = (damage: (path: string) => Promise<void>, code: 'LOG_CORRUPT' | 'LOG_NEWER') =>
    withFolder(async (folder, path) => {
      await makeLog(folder);
      await damage(path);
      const before = hash(path);
      await assert.rejects(openLog(CONFIG, folder), (error) => {
        assert.ok(error instanceof IsobarError, String(error));
        assert.equal(error.code, code, error.message);
        assert.ok(error.message.includes(path), error.message);
        return true;
      });
      assert.equal(hash(path), before);
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.endsWith('.new')),
        [],
      );
    });

  const change = (sql: string) => async (path: string) => {
    const db = new DatabaseSync(path);
    db.exec(sql);
    db.close();
  };

  it('refuses another kind of file', () =>
    refuses((path) => writeFile(path, 'city,temperature\nTokyo,21\n'.repeat(100)), 'LOG_CORRUPT'));

  it('refuses an empty file', () => refuses((path) => writeFile(path, ''), 'LOG_CORRUPT'));

  it('refuses a file that was cut', () =>
    refuses((path) => truncate(path, 64 * 1024), 'LOG_CORRUPT'));

  it('refuses the SQLite file of another program', () =>
    refuses(async (path) => {
      await rm(path);
      await change('CREATE TABLE notes (text TEXT)')(path);
    }, 'LOG_CORRUPT'));

  it('refuses a log of a newer isobar', () =>
    refuses(change('PRAGMA user_version = 2'), 'LOG_NEWER'));

  it('refuses a log without its tables', () =>
    refuses(change('DROP TABLE records'), 'LOG_CORRUPT'));

  it('refuses a log that has lost its oldest records', () =>
    refuses(change('DELETE FROM records WHERE id < 3'), 'LOG_CORRUPT'));

  it('refuses a log that has lost its newest records', () =>
    refuses(
      change(`DELETE FROM records WHERE id > ${PARTITION_SPAN} AND id < ${2 * PARTITION_SPAN}`),
      'LOG_CORRUPT',
    ));

  it('refuses to begin anew beside the journal of a log that is missing', () =>
    withFolder(async (folder, path) => {
      await writeFile(`${path}-wal`, 'what has not reached the file yet');
      await assert.rejects(openLog(CONFIG, folder), (error) => isErrorCode(error, 'LOG_CORRUPT'));
      assert.deepEqual(await readdir(folder), ['log.sqlite-wal']);
    }));

  it('says so when a record in the middle is lost', () =>
    withFolder(async (folder, path) => {
      await makeLog(folder);
      await change('DELETE FROM records WHERE id = 300')(path);
      await using log = await openLog(CONFIG, folder);
      const everything = { records: 1e6, bytes: 2 ** 30 };
      assert.equal((await log.read(0, 0n, everything)).length, 300);
      const next = log.read(0, 300n, everything);
      await assert.rejects(next, (error) => isErrorCode(error, 'LOG_CORRUPT'));
      assert.equal((await log.read(0, 301n, everything))[0]?.offset, 301n);
    }));

  it('says so when a page in the middle is overwritten', () =>
    withFolder(async (folder, path) => {
      await makeLog(folder, 20);
      await using file = await open(path, 'r+');
      const { size } = await file.stat();
      for (let at = 8_192 * 8; at < size - 8_192 * 8; at += 8_192) {
        await file.write(Buffer.alloc(8_192, 0x5a), 0, 8_192, at);
      }
      const reading = async () => {
        await using log = await openLog(CONFIG, folder);
        for (let partition = 0; partition < 3; partition++) {
          await log.read(partition, 0n, { records: 1e6, bytes: 2 ** 30 });
        }
      };
      await assert.rejects(reading(), (error) => isErrorCode(error, 'LOG_CORRUPT'));
    }));
});

describe('the SQLite log within its process', () => {
  it('wakes followers before an append has resolved', () =>
    withFolder(async (folder) => {
      await using log = await openLog(CONFIG, folder);
      const stop = new AbortController();
      const news = log.follow(stop.signal)[Symbol.asyncIterator]();
      await news.next();
      // Looking for other processes' appends every 100 ms would be too late ten times in a row.
      for (let i = 0; i < 10; i++) {
        let notified = false;
        const next = news.next().then(() => {
          notified = true;
        });
        await log.append(recordsOf(1));
        await nextTurn();
        assert.equal(notified, true);
        await next;
      }
      stop.abort();
      await news.next();
    }));
});

describe('the SQLite log beside other users of its file', () => {
  it('waits for a short writer without stopping the process', () =>
    withFolder(async (folder, path) => {
      await using log = await openLog(CONFIG, folder);
      const other = new DatabaseSync(path);
      other.exec('BEGIN IMMEDIATE');
      let turns = 0;
      const ticking = setInterval(() => turns++, 5);
      let done = false;
      const appending = log.append(recordsOf(10)).then(() => {
        done = true;
      });
      assert.equal((await log.range(0)).next, 0n);
      while (turns < 10) await sleep(5);
      assert.equal(done, false);
      other.exec('COMMIT');
      await appending;
      clearInterval(ticking);
      other.close();
    }));

  it('gives up on one who never ends', () =>
    withFolder(async (folder, path) => {
      await makeLog(folder, 1);
      const holder = new DatabaseSync(path);
      holder.exec('BEGIN IMMEDIATE');
      const waiter = new DatabaseSync(path, { timeout: 1 });
      const attempt = retryBusy(path, () => waiter.exec('BEGIN IMMEDIATE'), 60);
      await assert.rejects(attempt, (error) => isErrorCode(error, 'LOG_UNAVAILABLE'));
      waiter.close();
      holder.close();
    }));

  it('can be copied while it is closed, and keeps its id', () =>
    withFolder(async (folder, path) => {
      await makeLog(folder);
      await withFolder(async (elsewhere, copy) => {
        await copyFile(path, copy);
        await using original = await openLog(CONFIG, folder);
        await using moved = await openLog(CONFIG, elsewhere);
        assert.equal(moved.id, original.id);
        assert.deepEqual(await moved.range(0), await original.range(0));
      });
    }));
});

describe('the SQLite log on a small disk', () => {
  const value = new Uint8Array(2_000);
  const batch = Array.from({ length: 20 }, (_, i) => ({ key: `city-${i}`, value }));

  async function appendUntilRefused(log: Log): Promise<{ accepted: number; refusal: unknown }> {
    for (let accepted = 0; accepted < 10_000; ) {
      try {
        await log.append(batch);
        accepted += batch.length;
      } catch (refusal) {
        return { accepted, refusal };
      }
    }
    return { accepted: 10_000, refusal: null };
  }

  async function countRecords(log: Log): Promise<number> {
    let sum = 0;
    for (let partition = 0; partition < log.partitionCount; partition++) {
      sum += (await log.read(partition, 0n, { records: 1e6, bytes: 2 ** 30 })).length;
    }
    return sum;
  }

  it('keeps what came when the disk is full, and goes on once there is room', async (test) => {
    await using disk = await mountSmallDisk(4);
    if (disk === null) return test.skip('this user may not mount a disk');
    const ballast = join(disk.folder, 'ballast');
    await writeFile(ballast, new Uint8Array(2 * 1024 * 1024));
    let accepted = 0;
    {
      await using log = await openLog(CONFIG, disk.folder);
      const first = await appendUntilRefused(log);
      assert.ok(isErrorCode(first.refusal, 'DISK_FULL'), String(first.refusal));
      assert.ok(first.accepted > 0);
      assert.equal(await countRecords(log), first.accepted);
      await rm(ballast);
      const second = await appendUntilRefused(log);
      assert.ok(isErrorCode(second.refusal, 'DISK_FULL'), String(second.refusal));
      assert.ok(second.accepted > 0);
      accepted = first.accepted + second.accepted;
      assert.equal(await countRecords(log), accepted);
    }
    await using again = await openLog(CONFIG, disk.folder);
    assert.equal(await countRecords(again), accepted);
  });

  it('says that it may not write on a disk that is read-only', async (test) => {
    await using disk = await mountSmallDisk(4);
    if (disk === null) return test.skip('this user may not mount a disk');
    await makeLog(disk.folder, 1);
    await disk.setReadOnly(true);
    const opening = openLog(CONFIG, disk.folder);
    await assert.rejects(opening, (error) => isErrorCode(error, 'DATA_UNWRITABLE'));
    const making = openLog(CONFIG, join(disk.folder, 'new'));
    await assert.rejects(making, (error) => isErrorCode(error, 'DATA_UNWRITABLE'));
    await disk.setReadOnly(false);
    await using log = await openLog(CONFIG, disk.folder);
    assert.equal(await countRecords(log), 500);
  });
});
