/** The engine's contract on a real Spark, and what is Spark's own. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { IsobarError, isErrorCode } from '../../src/errors.ts';
import type { SqlEngine, SqlSession } from '../../src/sql/engine.ts';
import { openSparkEngine } from '../../src/sql/spark/spark.ts';
import { describeEngine } from '../../src/sql/testing/contract.ts';
import { openProxy } from '../faults/proxy.ts';
import { until } from '../support/until.ts';
import { absent, SPARK_STATEMENTS, service } from './services.ts';

const spark = service('spark');

function open(address: string, properties = ''): SqlEngine {
  return openSparkEngine({ address, token: '', user: 'isobar', timeoutSeconds: 30, properties });
}

if (spark === null) test('the engine spark', { skip: absent('spark') });
else {
  describeEngine('spark', async () => open(spark.address), SPARK_STATEMENTS);
  describeSpark(spark.address, spark.ui);
}

function describeSpark(address: string, ui: string): void {
  describe('Spark itself', () => {
    let engine: SqlEngine;
    let session: SqlSession;
    let folder = '';
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'isobar-spark-'));
      engine = open(address, 'spark.sql.shuffle.partitions=3');
      session = await engine.session();
    });
    after(async () => {
      await session[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    it('gives every row once and in order although the connection is cut', async () => {
      await using proxy = await openProxy(Number(new URL(address).port));
      await using cut = open(`sc://127.0.0.1:${proxy.port}`);
      await using other = await cut.session();
      await other.query('SELECT 1');
      // Slow enough that there is a middle to cut.
      proxy.slow(5);
      const rows = 2_000_000;
      let cuts = 0;
      const timer = setInterval(() => {
        cuts += 1;
        proxy.cut();
      }, 400);
      try {
        const answer = await other.query<{ id: number }>(
          `SELECT id FROM range(0, ${rows}, 1, 8) ORDER BY id`,
        );
        assert.equal(answer.length, rows);
        assert.equal(
          answer.findIndex(({ id }, index) => id !== index),
          -1,
        );
        assert.ok(cuts > 0);
      } finally {
        clearInterval(timer);
      }
    });

    it('stops on the server what was cancelled', async () => {
      const running = async () => {
        const ask = async (path: string) =>
          (await (await fetch(`${ui}/api/v1/applications${path}`)).json()) as { id: string }[];
        const [app] = await ask('');
        return (await ask(`/${app?.id}/jobs?status=running`)).length;
      };
      const controller = new AbortController();
      const query = session.query(SPARK_STATEMENTS.endless, {}, controller.signal);
      await until('a job runs', async () => (await running()) > 0);
      controller.abort();
      await assert.rejects(query, (error) => isErrorCode(error, 'ABORTED'));
      await until('no job runs', async () => (await running()) === 0);
    });

    it('reports its progress', async () => {
      const seen = new Set<string>();
      const timer = setInterval(() => seen.add(JSON.stringify(engine.progress)), 10);
      const controller = new AbortController();
      const query = session.query(SPARK_STATEMENTS.endless, {}, controller.signal);
      await until('its progress is known', () => (engine.progress?.of ?? 0) > 0);
      controller.abort();
      await assert.rejects(query);
      await until('nothing is under way', () => engine.progress === null);
      clearInterval(timer);
      assert.ok(seen.size > 0);
    });

    it('says what is in effect, and refuses what only a start can change', async () => {
      await session.query('SELECT 1');
      const { version, properties } = engine.facts;
      assert.match(version ?? '', /^4\.\d/);
      assert.equal(properties['spark.sql.shuffle.partitions'], '3');
      assert.match(properties['spark.master'] ?? '', /^(spark:|local)/);
      await using other = open(address, 'spark.executor.memory=77g');
      await using refused = await other.session();
      await assert.rejects(
        refused.query('SELECT 1'),
        (error) => isErrorCode(error, 'CONFIG_INVALID') && /wanted: 77g/.test(String(error)),
      );
    });

    it('names the class of an error, without the stack of Java', async () => {
      const cases: readonly (readonly [string, string, string])[] = [
        ['SELECT x FROM nowhere', 'QUERY_INVALID', 'TABLE_OR_VIEW_NOT_FOUND'],
        ['SELECT 1 / 0', 'QUERY_INVALID', 'DIVIDE_BY_ZERO'],
        ["SELECT CAST('x' AS INT)", 'QUERY_INVALID', 'CAST_INVALID_INPUT'],
        ["SELECT raise_error('on purpose')", 'QUERY_FAILED', 'USER_RAISED_EXCEPTION'],
      ];
      for (const [sql, code, errorClass] of cases) {
        await assert.rejects(session.query(sql), (error) => {
          assert.ok(error instanceof IsobarError);
          assert.equal(error.code, code, error.message);
          assert.equal(error.details.errorClass, errorClass);
          return !/\n\s*at |\.scala/.test(error.message);
        });
      }
    });

    it('gives kinds of values that only people ask for', async () => {
      const sql = `SELECT CAST(1.25 AS DECIMAL(9, 4)) AS d, CAST(-12345678901.5 AS DECIMAL(38, 2)) AS m,
        array(1, NULL, 2) AS l, named_struct('a', 1, 'b', array('x')) AS s, map('k', 1.5e0) AS o,
        DATE '2024-02-29' AS day, DATE '1950-01-01' AS old, X'00ff' AS b, CAST(7 AS TINYINT) AS t,
        CAST(1.5 AS FLOAT) AS f, TIMESTAMP_NTZ '2024-10-31 14:00:00.5' AS ntz, NULL AS nothing`;
      assert.deepEqual(await session.query(sql), [
        {
          d: 1.25,
          m: -12345678901.5,
          l: [1, null, 2],
          s: { a: 1, b: ['x'] },
          o: { k: 1.5 },
          day: '2024-02-29',
          old: '1950-01-01',
          b: '00ff',
          t: 7,
          f: 1.5,
          ntz: '2024-10-31T14:00:00.500Z',
          nothing: null,
        },
      ]);
      const [row] = await session.query('SELECT 1 AS x, 2 AS x');
      assert.deepEqual(Object.values(row ?? {}), [1, 2]);
    });

    it('takes a path for what it is, whatever it holds', async () => {
      const odd = join(folder, 'a[1]{b,c} 100% é=ü');
      mkdirSync(odd);
      const path = join(odd, 'x y?.parquet');
      assert.equal(await session.copy('SELECT 1 AS x', path, 'parquet'), 1);
      await session.define('odd', [path], { x: 'INTEGER' });
      assert.deepEqual(await session.query('SELECT * FROM odd'), [{ x: 1 }]);
    });

    it('reads answers larger than one message', async () => {
      const sql = "SELECT id, repeat('x', 100000) AS text FROM range(300)";
      const rows = await session.query<{ id: number; text: string }>(sql);
      assert.equal(rows.length, 300);
      assert.ok(rows.every(({ text }) => text.length === 100_000));
    });
  });
}
