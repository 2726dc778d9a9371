/** What every engine must do: one test for each sentence of the port. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { rejects } from '../../../test/support/rejects.ts';
import type { Columns, SqlEngine, SqlSession } from '../engine.ts';
import { describeStreams } from './contract-streams.ts';

export interface EngineOptions {
  /** A query that runs for minutes unless it is cancelled. */
  readonly endless: string;
  /** A query whose rows take seconds to read; what the engine makes ahead of a reader fits its memory. */
  readonly long: string;
}

export interface Shared {
  readonly engine: SqlEngine;
  readonly session: SqlSession;
  readonly folder: string;
}

const COLUMNS: Columns = { city_id: 'VARCHAR', hour: 'INTEGER', temperature_c: 'DOUBLE' };
const ROWS = `
  SELECT 'a' AS city_id, 1 AS hour, 1.5e0 AS temperature_c
  UNION ALL SELECT 'b', 2, NULL UNION ALL SELECT 'c', 3, -0.1e0`;

export function describeEngine(
  name: string,
  open: (tempFolder: string) => Promise<SqlEngine>,
  options: EngineOptions,
): void {
  describe(`the engine ${name}`, () => {
    let shared: Shared;
    before(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'isobar-engine-'));
      const engine = await open(folder);
      shared = { engine, session: await engine.session(), folder };
    });
    after(async () => {
      await shared.session[Symbol.asyncDispose]();
      await shared.engine[Symbol.asyncDispose]();
      await rm(shared.folder, { recursive: true });
    });

    describeSessions(() => shared, options);
    describeStreams(() => shared, options);
    describeValues(() => shared);
    describeFiles(() => shared);
    describeErrors(() => shared, options);
    describeCommonSql(() => shared);
  });
}

function describeSessions(shared: () => Shared, options: EngineOptions): void {
  it('keeps the views and tables of a session to itself', async () => {
    const { engine, session } = shared();
    await using other = await engine.session();
    await session.execute('CREATE OR REPLACE TEMP VIEW only_mine AS SELECT 1 AS x');
    await session.materialize('mine_too', 'SELECT 2 AS x');
    await rejects(other.query('SELECT * FROM only_mine'), 'QUERY_INVALID');
    await rejects(other.query('SELECT * FROM mine_too'), 'QUERY_INVALID');
    assert.deepEqual(await session.query('SELECT * FROM only_mine'), [{ x: 1 }]);
  });

  it('runs statements in order, one at a time', async () => {
    const { session } = shared();
    const ends: number[] = [];
    const rows = await Promise.all(
      [0, 1, 2, 3, 4].map(async (index) => {
        const made = session.materialize('in_order', `SELECT ${index} AS x`);
        const row = session.query('SELECT x FROM in_order');
        await made;
        const answer = await row;
        ends.push(index);
        return answer;
      }),
    );
    assert.deepEqual(rows.flat(), [{ x: 0 }, { x: 1 }, { x: 2 }, { x: 3 }, { x: 4 }]);
    assert.deepEqual(ends, [0, 1, 2, 3, 4]);
  });

  it('goes on with the next statement after one that failed', async () => {
    const { session } = shared();
    const failing = rejects(session.query('SELECT nothing FROM nowhere'), 'QUERY_INVALID');
    assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
    await failing;
  });

  it('does not let one session wait for another', async () => {
    const { engine, session } = shared();
    await using other = await engine.session();
    const controller = new AbortController();
    const running = rejects(other.query(options.endless, {}, controller.signal), 'ABORTED');
    assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
    controller.abort();
    await running;
  });
}

function describeValues(shared: () => Shared): void {
  it('gives times as ISO 8601 in UTC, with the digits that they need', async () => {
    const { session } = shared();
    const moments = ['2024-10-31 14:00:00', '1950-01-01 00:00:00.5', '2024-02-29 23:59:59.000001'];
    const list = moments.map((moment, index) => `TIMESTAMP '${moment}' AS t${index}`).join(', ');
    assert.deepEqual(await session.query(`SELECT ${list}`), [
      {
        t0: '2024-10-31T14:00:00Z',
        t1: '1950-01-01T00:00:00.500Z',
        t2: '2024-02-29T23:59:59.000001Z',
      },
    ]);
  });

  it('takes times as ISO 8601', async () => {
    const { session, folder } = shared();
    const path = join(folder, 'moments.jsonl');
    await session.copy("SELECT '2024-10-31T14:00:00Z' AS moment", path, 'jsonl');
    await session.define('moments', [path], { moment: 'TIMESTAMPTZ' });
    const sql = 'SELECT count(*) AS n FROM moments WHERE moment >= $from AND moment < $to';
    const count = async (from: string, to: string) =>
      (await session.query(sql, { from, to }))[0]?.n;
    assert.equal(await count('2024-10-31T14:00:00Z', '2024-10-31T14:00:01Z'), 1);
    assert.equal(await count('2024-10-31T15:00:00+02:00', '2024-10-31T14:00:00Z'), 0);
    assert.equal(await count('2024-10-31T15:00:00+01:00', '2024-10-31T15:00:01+01:00'), 1);
  });

  it('gives whole numbers as numbers, beyond 2^53 as bigint', async () => {
    const { session } = shared();
    const sql = `SELECT CAST(9007199254740991 AS BIGINT) AS a, CAST(9007199254740993 AS BIGINT) AS b,
      CAST(-5 AS INTEGER) AS c, count(*) AS d FROM (${ROWS}) AS r`;
    assert.deepEqual(await session.query(sql), [
      { a: 9007199254740991, b: 9007199254740993n, c: -5, d: 3 },
    ]);
  });

  it('gives NaN and infinities as null', async () => {
    const { session } = shared();
    const sql = `SELECT CAST('NaN' AS DOUBLE) AS a, CAST('Infinity' AS DOUBLE) AS b,
      CAST('-Infinity' AS DOUBLE) AS c, CAST(NULL AS DOUBLE) AS d, 0.1e0 AS e`;
    assert.deepEqual(await session.query(sql), [{ a: null, b: null, c: null, d: null, e: 0.1 }]);
  });

  it('gives texts and truth as they are', async () => {
    const { session } = shared();
    const sql = "SELECT 'São ''Paulo'' 東京' AS a, '' AS b, true AS c, CAST(NULL AS BOOLEAN) AS d";
    assert.deepEqual(await session.query(sql), [
      { a: "São 'Paulo' 東京", b: '', c: true, d: null },
    ]);
  });

  it('binds parameters by name and never pastes them', async () => {
    const { session } = shared();
    const text = `'; DROP VIEW x; -- $b "`;
    const sql = 'SELECT $a AS a, $b AS b, $a AS again WHERE $c IS NULL';
    assert.deepEqual(await session.query(sql, { a: text, b: 1.5, c: null }), [
      { a: text, b: 1.5, again: text },
    ]);
  });
}

function describeFiles(shared: () => Shared): void {
  const sorted = (view: string) => `SELECT * FROM ${view} ORDER BY city_id`;

  for (const [format, ending] of [
    ['parquet', 'parquet'],
    ['jsonl', 'jsonl'],
  ] as const) {
    it(`writes rows as ${format}, resolves with their number, and reads them again`, async () => {
      const { session, folder } = shared();
      const path = join(folder, `it's-${format}.${ending}`);
      assert.equal(await session.copy(ROWS, path, format), 3);
      await session.define('read_again', [path], COLUMNS);
      assert.deepEqual(await session.query(sorted('read_again')), [
        { city_id: 'a', hour: 1, temperature_c: 1.5 },
        { city_id: 'b', hour: 2, temperature_c: null },
        { city_id: 'c', hour: 3, temperature_c: -0.1 },
      ]);
    });
  }

  it('writes rows as CSV', async () => {
    const { session, folder } = shared();
    const path = join(folder, 'rows.csv');
    assert.equal(await session.copy(`${ROWS} ORDER BY city_id`, path, 'csv'), 3);
    assert.equal(
      await readFile(path, 'utf8'),
      'city_id,hour,temperature_c\na,1,1.5\nb,2,\nc,3,-0.1\n',
    );
  });

  it('has a view of several files, of none, and of other ones in their place', async () => {
    const { session, folder } = shared();
    const paths = ['one', 'two'].map((file) => join(folder, `${file}.parquet`));
    for (const path of paths) await session.copy(ROWS, path, 'parquet');
    const count = async () => (await session.query('SELECT count(*) AS n FROM several'))[0]?.n;
    await session.define('several', paths, COLUMNS);
    assert.equal(await count(), 6);
    await session.define('several', [], COLUMNS);
    assert.equal(await count(), 0);
    const columns = await session.query(
      'SELECT max(hour) AS h, max(temperature_c) AS t FROM several',
    );
    assert.deepEqual(columns, [{ h: null, t: null }]);
    await session.define('several', paths.slice(0, 1), COLUMNS);
    assert.equal(await count(), 3);
  });

  for (const format of ['parquet', 'jsonl'] as const) {
    it(`makes columns that a file lacks NULL and leaves others out (${format})`, async () => {
      const { session, folder } = shared();
      const old = join(folder, `old.${format}`);
      const young = join(folder, `young.${format}`);
      await session.copy("SELECT 'a' AS city_id", old, format);
      await session.copy("SELECT 7 AS more, 'b' AS city_id, 2 AS hour", young, format);
      await session.define('young_and_old', [old, young], COLUMNS);
      assert.deepEqual(await session.query(sorted('young_and_old')), [
        { city_id: 'a', hour: null, temperature_c: null },
        { city_id: 'b', hour: 2, temperature_c: null },
      ]);
    });
  }

  it('keeps what was materialised, whatever becomes of its sources', async () => {
    const { session, folder } = shared();
    const path = join(folder, 'passing.parquet');
    await session.copy(ROWS, path, 'parquet');
    await session.define('passing', [path], COLUMNS);
    await session.materialize('kept', 'SELECT * FROM passing');
    await unlink(path);
    assert.equal((await session.query('SELECT count(*) AS n FROM kept'))[0]?.n, 3);
    await session.materialize('kept', 'SELECT 1 AS x');
    assert.deepEqual(await session.query('SELECT * FROM kept'), [{ x: 1 }]);
    await session.drop('kept');
    await rejects(session.query('SELECT * FROM kept'), 'QUERY_INVALID');
    await session.drop('kept');
  });

  it('writes one file into a new folder, and into none that is there', async () => {
    const { session, folder } = shared();
    const path = join(folder, 'into');
    assert.equal(await session.copyInto(ROWS, path), 3);
    const parts = (await readdir(path)).filter((name) => !name.startsWith('.'));
    assert.equal(parts.length, 1);
    await session.define('written_into', [join(path, parts[0] ?? '')], COLUMNS);
    assert.equal((await session.query('SELECT sum(hour) AS n FROM written_into'))[0]?.n, 6);
    await rejects(session.copyInto(ROWS, path), 'QUERY_FAILED', 'QUERY_INVALID');
  });

  it('leaves no file when it cannot write one', async () => {
    const { session, folder } = shared();
    await session.execute('CREATE OR REPLACE TEMP VIEW fine AS SELECT 1 AS x');
    const writing = session.copy(
      'SELECT x FROM fine',
      join(folder, 'none', 'x.parquet'),
      'parquet',
    );
    await rejects(writing, 'QUERY_FAILED', 'QUERY_INVALID');
    assert.ok(!(await readdir(folder)).includes('none'));
  });
}

function describeErrors(shared: () => Shared, options: EngineOptions): void {
  const WRONG = ['SELEC 1', 'SELECT nothing FROM nowhere', 'SELECT 1 +', "SELECT upper(1, 'a', 2)"];
  for (const sql of WRONG) {
    it(`calls wrong text invalid: ${sql}`, async () => {
      await rejects(shared().session.query(sql), 'QUERY_INVALID');
    });
  }

  it('names the cause in the text and the statement in the details', async () => {
    const running = shared().session.query('SELECT nothing FROM nowhere');
    await assert.rejects(running, (error: Error & { details?: { sql?: string } }) => {
      return error.message.includes('nowhere') && error.details?.sql?.includes('nowhere') === true;
    });
  });

  it('fails for files that are gone, cut or foreign', async () => {
    const { session, folder } = shared();
    const path = join(folder, 'damaged.parquet');
    const sql = 'SELECT sum(hour) AS n FROM damaged';
    const failed = ['QUERY_FAILED', 'QUERY_INVALID'] as const;
    const read = async () => {
      await session.define('damaged', [path], COLUMNS);
      return session.query(sql);
    };
    await session.copy(ROWS, path, 'parquet');
    assert.deepEqual(await read(), [{ n: 6 }]);
    await truncate(path, 40);
    await rejects(read(), 'QUERY_FAILED');
    await writeFile(path, 'no Parquet');
    await rejects(read(), 'QUERY_FAILED');
    await unlink(path);
    await rejects(read(), ...failed);
  });

  it('cancels a statement, and the session stays usable', async () => {
    const { session } = shared();
    for (const wait of [0, 1, 50]) {
      const controller = new AbortController();
      const running = session.query(options.endless, {}, controller.signal);
      setTimeout(() => controller.abort(), wait);
      await rejects(running, 'ABORTED');
      assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
    }
  });

  it('cancels what waits without touching what runs', async () => {
    const { engine } = shared();
    await using session = await engine.session();
    const first = new AbortController();
    const second = new AbortController();
    const running = rejects(session.query(options.endless, {}, first.signal), 'ABORTED');
    const waiting = session.materialize('never', 'SELECT 1 AS x', second.signal);
    const last = session.query('SELECT 2 AS x');
    second.abort();
    await rejects(waiting, 'ABORTED');
    first.abort();
    await running;
    assert.deepEqual(await last, [{ x: 2 }]);
    await rejects(session.query('SELECT * FROM never'), 'QUERY_INVALID');
  });

  it('does not begin what was cancelled before', async () => {
    const { session } = shared();
    const signal = AbortSignal.abort();
    await rejects(
      session.execute('CREATE OR REPLACE TEMP VIEW gone AS SELECT 1 AS x', signal),
      'ABORTED',
    );
    await rejects(session.query('SELECT * FROM gone'), 'QUERY_INVALID');
  });

  it('refuses everything after closing', async () => {
    const { engine } = shared();
    const session = await engine.session();
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await rejects(session.query('SELECT 1 AS x'), 'QUERY_FAILED');
  });
}

/** What the texts in queries/ are written in: the same words and the same answers everywhere. */
function describeCommonSql(shared: () => Shared): void {
  const EXPRESSIONS: readonly (readonly [string, unknown])[] = [
    ["unix_micros(TIMESTAMP '1970-01-02 00:00:00.000001')", 86_400_000_001],
    ['unix_micros(timestamp_micros(CAST(-1 AS BIGINT)))', -1],
    ['bit_count(CAST(3 AS BIGINT) | (CAST(1 AS BIGINT) << CAST(59 AS INTEGER)))', 3],
    ["CAST(floor(unix_micros(TIMESTAMP '1969-12-31 23:59:59') / 1e6 / 600) AS BIGINT)", -1],
    ["substr(CAST(TIMESTAMP '2024-10-31 14:00:00' AS STRING), 1, 7)", '2024-10'],
    ["date_trunc('month', TIMESTAMP '2024-10-31 14:00:00')", '2024-10-01T00:00:00Z'],
    ['1 / 2e0', 0.5],
    ['1e0 / nullif(0e0, 0e0)', null],
    ['coalesce(CAST(NULL AS DOUBLE), 0e0)', 0],
    ['greatest(0e0, -1e0)', 0],
    ['degrees(atan2(1e0, 0e0))', 90],
    ['round(1e9 * sin(radians(30e0)))', 5e8],
    ['(SELECT max_by(city_id, hour) FROM sample)', 'c'],
    ['(SELECT count(DISTINCT hour) FROM sample)', 3],
    ['(SELECT var_pop(hour) FROM sample WHERE hour < 3)', 0.25],
    ['(SELECT avg(temperature_c) FROM sample WHERE hour = 2)', null],
    ["(SELECT count(*) FROM sample WHERE city_id NOT IN ('a'))", 2],
    ['(SELECT max(b) FROM (SELECT lag(hour) OVER (ORDER BY hour) AS b FROM sample) AS t)', 2],
    [
      '(SELECT sum(b) FROM (SELECT lag(temperature_c IGNORE NULLS) OVER by_hour AS b FROM sample ' +
        'WINDOW by_hour AS (ORDER BY hour)) AS t)',
      3,
    ],
    ['CAST(-33554430 AS BIGINT) & 33554431', 2],
    ['least(greatest(CAST(NULL AS DOUBLE), 1e0), 2e0)', 1],
  ];
  for (const [expression, wanted] of EXPRESSIONS) {
    it(`answers ${expression}`, async () => {
      const { session } = shared();
      await session.materialize('sample', ROWS);
      assert.deepEqual(await session.query(`SELECT ${expression} AS x`), [{ x: wanted }]);
    });
  }

  it('sorts NULL first upwards and last downwards', async () => {
    const { session } = shared();
    await session.materialize('sample', ROWS);
    const order = async (direction: string) => {
      const sql = `SELECT temperature_c FROM sample ORDER BY temperature_c ${direction}`;
      return (await session.query(sql)).map((row) => row.temperature_c);
    };
    assert.deepEqual(await order('ASC'), [null, -0.1, 1.5]);
    assert.deepEqual(await order('DESC'), [1.5, -0.1, null]);
  });
}
