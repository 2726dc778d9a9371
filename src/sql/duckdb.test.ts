import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { mountSmallDisk } from '../../test/support/small-disk.ts';
import { isErrorCode } from '../errors.ts';
import { openDuckdbEngine } from './duckdb.ts';
import type { SqlEngine, SqlSession } from './engine.ts';
import { describeEngine } from './testing/contract.ts';

describeEngine(
  'duckdb',
  (tempFolder) => openDuckdbEngine({ memoryMib: 256, threads: 2, tempFolder }),
  {
    endless:
      'SELECT count(*) AS n FROM range(10000000) a, range(10000000) b WHERE a.range > b.range',
    long: 'SELECT * FROM range(1000000000000)',
  },
);

describe('DuckDB itself', () => {
  let folder = '';
  let engine: SqlEngine;
  let session: SqlSession;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isobar-duckdb-'));
    engine = await openDuckdbEngine({ memoryMib: 64, threads: 1, tempFolder: folder });
    session = await engine.session();
  });
  after(async () => {
    await session[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('asks the network for nothing', async () => {
    await assert.rejects(session.execute('INSTALL httpfs FROM core_nightly'));
    const rows = await session.query(
      "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions' ORDER BY name",
    );
    assert.deepEqual(
      rows.map((row) => row.value),
      ['false', 'false'],
    );
  });

  it('gives kinds of values that only people ask for', async () => {
    const sql = `SELECT 1.25::DECIMAL(9, 4) AS d, [1, NULL, 'nan'::DOUBLE] AS l, {'a': 1, 'b': [2]} AS s,
      MAP {'k': 1.5} AS m, DATE '2024-02-29' AS day, TIMESTAMP 'infinity' AS never,
      INTERVAL 1 HOUR AS i, [1, 2]::INTEGER[2] AS pair, 170141183460469231731687303715884105727 AS h`;
    assert.deepEqual(await session.query(sql), [
      {
        d: 1.25,
        l: [1, null, null],
        s: { a: 1, b: [2] },
        m: { k: 1.5 },
        day: '2024-02-29',
        never: null,
        i: '01:00:00',
        pair: [1, 2],
        h: 170141183460469231731687303715884105727n,
      },
    ]);
  });

  it('keeps columns of one name apart', async () => {
    const [row] = await session.query('SELECT 1 AS x, 2 AS x');
    assert.deepEqual(Object.values(row ?? {}), [1, 2]);
  });

  it('keeps nothing of files that were read', async () => {
    const files = Array.from({ length: 40 }, (_, index) => join(folder, `small-${index}.parquet`));
    for (const file of files) await session.copy('SELECT 1 AS x', file, 'parquet');
    await session.define('small', files, { x: 'INTEGER' });
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(await session.query('SELECT sum(x) AS x FROM small'), [{ x: 40 }]);
    }
    const held = await engine.memory();
    assert.equal(held?.bytesMax, 64 * 1024 * 1024);
    const { EXTERNAL_FILE_CACHE: blocks = 0, OBJECT_CACHE: footers = 0 } = held.bytes;
    assert.deepEqual([blocks, footers], [0, 0]);
  });

  it('says that memory was not enough, and stays usable', async () => {
    const sql = `SELECT list(range || 'a long text so that it takes its memory') FROM range(5000000)`;
    await assert.rejects(session.query(sql), (error: Error) => {
      return isErrorCode(error, 'QUERY_FAILED') && /out of memory/i.test(error.message);
    });
    assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
  });

  it('says that the disk is full', async (test) => {
    await using disk = await mountSmallDisk(1);
    if (disk === null) return test.skip('this user may not mount a disk');
    const sql = 'SELECT random() AS x FROM range(1000000)';
    const writing = session.copy(sql, join(disk.folder, 'x.parquet'), 'parquet');
    await assert.rejects(writing, (error) => isErrorCode(error, 'DISK_FULL'));
    assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
  });
});
