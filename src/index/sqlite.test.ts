import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import { scanRows } from './scan.ts';
import { openSqliteIndex } from './sqlite.ts';
import { openFileSearch } from './sqlite-search.ts';
import { question, someRows } from './testing/anomalies.ts';
import { describeIndex, fill, type IndexPlace } from './testing/contract.ts';
import { killAtEachStep } from './testing/killing.ts';

async function makePlace(): Promise<IndexPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-index-'));
  return {
    open: async () => openSqliteIndex(join(folder, 'index')),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

describeIndex('SQLite', makePlace, { sets: 40, questions: 12 });

describe('the file of the SQLite index', () => {
  const rows = someRows(200);
  const ask = question({ limit: 1_000, facets: true });

  async function withFile(run: (folder: string, path: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'isobar-index-'));
    try {
      await using index = openSqliteIndex(folder);
      await fill(index, 1, rows);
      await index[Symbol.asyncDispose]();
      await run(folder, join(folder, 'anomalies-00000001.sqlite'));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const damages: readonly (readonly [string, (path: string) => Promise<unknown>])[] = [
    ['is missing', (path) => rm(path)],
    ['is empty', (path) => truncate(path, 0)],
    ['is cut', (path) => truncate(path, 5_000)],
    ['is a text', (path) => writeFile(path, 'not an index '.repeat(1_000))],
    ['is a folder', (path) => rm(path).then(() => mkdir(path))],
    ['is of the format before', (path) => change(path, 'PRAGMA user_version = 1')],
    ['is of another format', (path) => change(path, 'PRAGMA user_version = 99')],
    ['is of another program', (path) => change(path, 'PRAGMA application_id = 7')],
    ['lacks a table', (path) => change(path, 'DROP TABLE rows')],
    ['has columns of other rows', (path) => change(path, 'UPDATE columns SET count = count - 1')],
    ['has columns cut short', (path) => change(path, 'UPDATE columns SET bytes = zeroblob(40)')],
    ['has another state', (path) => change(path, `UPDATE state SET digests = '[1]'`)],
    ['has zeros within', (path) => overwrite(path)],
  ];
  for (const [what, damage] of damages) {
    it(`that ${what} is noticed, and replaced`, async () => {
      await withFile(async (folder, path) => {
        await damage(path);
        await using index = openSqliteIndex(folder);
        await rejects(index.search(ask), 'INDEX_UNAVAILABLE');
        assert.equal(await index.state(), null);
        await fill(index, 2, rows);
        assert.deepEqual(await index.search(ask), scanRows(rows, 2, ask));
        assert.equal((await index.state())?.version, 2);
      });
    });
  }

  it('of a process killed at any step is at one version as a whole', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'isobar-index-'));
    try {
      await killAtEachStep([folder], async () => openSqliteIndex(folder));
      await using index = openSqliteIndex(folder);
      await fill(index, 999, rows);
      const left = (await readdir(folder)).filter((name) => !/\.sqlite(-wal|-shm)?$/.test(name));
      assert.deepEqual(left, [], 'drafts of the dead');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('answers alike when its columns do not fit into memory', async () => {
    await withFile(async (_folder, path) => {
      const db = new DatabaseSync(path);
      for (const bytes of [0, 4_000, 1_000_000]) {
        const search = openFileSearch(db, bytes);
        for (const text of ['', 'above', '3']) {
          const asked = { ...ask, text };
          assert.deepEqual(search(1, asked), scanRows(rows, 1, asked), `${bytes} ${text}`);
        }
      }
      db.close();
    });
  });

  it('is read by one while another one writes it, and by those that opened an older one', async () => {
    await withFile(async (folder) => {
      await using reader = openSqliteIndex(folder);
      assert.equal((await reader.search(ask)).version, 1);
      await using writer = openSqliteIndex(folder);
      await using change = await writer.begin('update');
      await rejects(reader.begin('update'), 'INDEX_BUSY');
      assert.equal((await reader.search(ask)).version, 1);
      await change[Symbol.asyncDispose]();
      await fill(writer, 2, someRows(3));
      await fill(writer, 3, someRows(4), 'update');
      assert.deepEqual(await reader.search(ask), scanRows(someRows(4), 3, ask));
    });
  });
});

async function change(path: string, sql: string): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

/** All but the first page. */
async function overwrite(path: string): Promise<void> {
  await using handle = await open(path, 'r+');
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(size - 8_192), 0, size - 8_192, 8_192);
}
