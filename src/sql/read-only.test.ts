import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isErrorCode } from '../errors.ts';
import { openDuckdbEngine } from './duckdb.ts';
import { openReadOnlySession, type ReadOnlySession } from './read-only.ts';

let folder = '';
let session: ReadOnlySession;
/** Everything in the folder with its content, so that any change is seen. */
let content: Map<string, string>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isobar-read-only-'));
  mkdirSync(join(folder, 'lake'));
  mkdirSync(join(folder, 'scratch'));
  await using engine = await openDuckdbEngine({
    memoryMib: 128,
    threads: 1,
    tempFolder: join(folder, 'scratch'),
  });
  await using writer = await engine.session();
  for (const name of ['seen', 'unseen']) {
    const sql = "SELECT 'a' AS city_id, 1.5e0 AS temperature_c UNION ALL SELECT 'b', NULL";
    await writer.copy(sql, join(folder, 'lake', `${name}.parquet`), 'parquet');
  }
  writeFileSync(join(folder, 'lake', 'secret.csv'), 'a,b\n1,2\n');
  content = readFolder();
  session = await openReadOnlySession({
    memoryMib: 128,
    threads: 1,
    tempFolder: join(folder, 'scratch'),
    views: {
      observations: {
        paths: [join(folder, 'lake', 'seen.parquet')],
        columns: { city_id: 'VARCHAR', temperature_c: 'DOUBLE', later: 'BIGINT' },
      },
      rejected: { paths: [], columns: { reason: 'VARCHAR' } },
    },
  });
});

after(async () => {
  await session[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(join(folder, 'scratch')), []);
  rmSync(folder, { recursive: true });
});

function readFolder(): Map<string, string> {
  const files = readdirSync(join(folder, 'lake'), { recursive: true, withFileTypes: true });
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, entry.isFile() ? readFileSync(path, 'latin1') : 'folder'];
    }),
  );
}

const READING = [
  'SELECT * FROM observations',
  "FROM observations WHERE city_id = 'a' -- a comment;\n;",
  'WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 3) FROM r',
  'SELECT city_id, count(*) FROM observations GROUP BY ALL ORDER BY ALL',
  'SELECT max(temperature_c) OVER () FROM observations QUALIFY row_number() OVER () = 1',
  'PIVOT observations ON city_id IN (a, b) USING count(*)',
  'VALUES (1), (2)',
  'SELECT list_transform([1, 2], x -> x + 1)',
  'FROM range(3), unnest([1, 2])',
  'DESCRIBE observations',
  'SUMMARIZE observations',
  'SHOW TABLES',
  'FROM information_schema.columns',
  'EXPLAIN SELECT * FROM observations',
  'EXPLAIN ANALYZE SELECT count(*) FROM observations',
];

for (const sql of READING) {
  test(`reads: ${sql}`, async () => {
    assert.ok((await session.query(sql)).length > 0);
  });
}

/** `LAKE` stands for the folder with the files. */
const REFUSED = [
  "COPY (SELECT 1) TO 'LAKE/new.csv'",
  "COPY (SELECT 1 AS city_id) TO 'LAKE/seen.parquet' (FORMAT parquet)",
  "EXPLAIN ANALYZE COPY (SELECT 1) TO 'LAKE/new.csv'",
  "EXPLAIN ANALYZE COPY (SELECT 1 AS city_id) TO 'LAKE/seen.parquet' (FORMAT parquet)",
  "EXPLAIN /* */ ANALYZE COPY (SELECT 1) TO 'LAKE/seen.parquet'",
  "/* */ EXPLAIN ANALYZE COPY (SELECT 1) TO 'LAKE/seen.parquet'",
  "EXPLAIN (ANALYZE) COPY (SELECT 1) TO 'LAKE/seen.parquet'",
  'EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1',
  "EXPLAIN COPY (SELECT 1) TO 'LAKE/new.csv'",
  'CREATE TABLE made AS SELECT 1',
  'CREATE OR REPLACE VIEW observations AS SELECT 1',
  'CREATE MACRO f(x) AS x',
  'DROP VIEW observations',
  'INSERT INTO observations VALUES (1)',
  "DELETE FROM observations WHERE city_id = 'a'",
  "UPDATE observations SET city_id = 'a'",
  "ATTACH 'LAKE/new.duckdb' AS other",
  "EXPORT DATABASE 'LAKE/all'",
  'INSTALL httpfs',
  'LOAD parquet',
  'PRAGMA version',
  "PRAGMA enable_profiling='json'",
  'SET threads = 1',
  'RESET threads',
  'SET VARIABLE x = 1',
  'CALL pragma_version()',
  'PREPARE p AS SELECT 1',
  'BEGIN',
  'CHECKPOINT',
  'VACUUM',
  'SELECT 1; SELECT 2',
  "SELECT 1; COPY (SELECT 1) TO 'LAKE/new.csv'",
  '',
  '-- nothing',
  'SELEC 1',
  'SELECT * FROM nowhere',
  "FROM enable_logging('QueryLog', storage = 'file', storage_config = {'path': 'LAKE/logs'})",
  'FROM "ENABLE_LOGGING"()',
  'FROM main.enable_logging()',
  'DESCRIBE FROM enable_logging()',
  'FROM observations, LATERAL (FROM enable_profiling())',
  'WITH a AS (FROM force_checkpoint()) FROM a',
  'SELECT (SELECT 1 FROM checkpoint())',
  "SELECT write_log('x')",
  "FROM query('SELECT 1')",
  "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  'FROM duckdb_secrets()',
  "FROM read_text('/etc/hostname')",
  "FROM read_csv('LAKE/secret.csv')",
  "FROM 'LAKE/secret.csv'",
  "FROM 'LAKE/unseen.parquet'",
  "FROM read_parquet('LAKE/*.parquet')",
  "FROM read_parquet('LAKE/../lake/unseen.parquet')",
  "FROM 'https://127.0.0.1:1/x.parquet'",
  "FROM glob('LAKE/*')",
  "FROM sniff_csv('LAKE/secret.csv')",
];

for (const sql of REFUSED) {
  test(`refuses: ${sql}`, async () => {
    const text = sql.replaceAll('LAKE', join(folder, 'lake'));
    await assert.rejects(session.query(text), (error) => isErrorCode(error, 'QUERY_INVALID'));
    assert.deepEqual(readFolder(), content);
    // It stays usable, and says the same as before.
    assert.deepEqual(await session.query('SELECT city_id, later FROM observations'), [
      { city_id: 'a', later: null },
      { city_id: 'b', later: null },
    ]);
  });
}

test('a query can be cancelled, and the session is usable afterwards', async () => {
  const controller = new AbortController();
  const running = session.query(
    'SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range % 7 = b.range % 11',
    controller.signal,
  );
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(running, (error) => isErrorCode(error, 'ABORTED'));
  assert.equal((await session.query('FROM observations')).length, 2);
});

test('names that would be patterns open exactly their files, and no sibling', async () => {
  const place = mkdtempSync(join(tmpdir(), 'isobar-read-only-'));
  try {
    await using engine = await openDuckdbEngine({ memoryMib: 128, threads: 1, tempFolder: place });
    await using writer = await engine.session();
    const columns = { city_id: 'VARCHAR' } as const;
    for (const [name, sibling] of [
      ['st*r', 'star'],
      ['a[b]c', 'abc'],
      ['q?', 'qx'],
      ['**', 'any'],
      ['[!x]', 'y'],
      ['{a,b}', 'a'],
    ] as const) {
      for (const one of [name, sibling]) {
        mkdirSync(join(place, one));
        await writer.copy(`SELECT '${one}' AS city_id`, join(place, one, 'f.parquet'), 'parquet');
      }
      const path = join(place, name, 'f.parquet');
      await using session = await openReadOnlySession({
        memoryMib: 128,
        threads: 1,
        tempFolder: place,
        views: { observations: { paths: [path], columns } },
      });
      assert.deepEqual(await session.query('SELECT city_id FROM observations'), [
        { city_id: name },
      ]);
      const other = join(place, sibling, 'f.parquet');
      for (const named of [path, other, join(place, '*', 'f.parquet')]) {
        const rows = await session
          .query(`SELECT city_id FROM read_parquet('${named}')`)
          .catch((error) => (isErrorCode(error, 'QUERY_INVALID', 'QUERY_FAILED') ? [] : [error]));
        assert.ok(
          rows.every((row) => row.city_id === name),
          `${name}: ${JSON.stringify(rows)}`,
        );
      }
    }
  } finally {
    rmSync(place, { recursive: true });
  }
});
