/**
 * A session for people's own SQL: it reads the given views and can neither write nor look elsewhere.
 *
 * Three fences, each enough for what it is for:
 *     statement   one SELECT (or EXPLAIN of one); DuckDB's parser says what it is
 *     functions   of the functions that stand where a table stands only those that just read: others
 *                 switch logging to a file on, run SQL from text, or change the engine
 *     files       an engine of its own whose files are those of the views and a temporary folder,
 *                 and whose configuration is locked
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import { IsobarError } from '../errors.ts';
import { createInstance, type DuckdbOptions, openSession } from './duckdb.ts';
import type { Columns, Row, RowBatch } from './engine.ts';
import { fileLiteral, literal, quoted } from './text.ts';

/** A folder of the session's own is made in `tempFolder`. */
export interface ReadOnlyOptions extends DuckdbOptions {
  /** View's name → its Parquet files and columns. */
  readonly views: Readonly<
    Record<string, { readonly paths: readonly string[]; readonly columns: Columns }>
  >;
  /** View's name → its text over those. */
  readonly derived?: Readonly<Record<string, string>>;
}

export interface ReadOnlySession extends AsyncDisposable {
  /** Rejects with QUERY_INVALID for anything but one statement that only reads. */
  query(sql: string, signal?: AbortSignal): Promise<Row[]>;
  /** The same in batches, for answers of any size. */
  stream(sql: string, signal?: AbortSignal): AsyncIterable<RowBatch>;
}

const TABLE_FUNCTIONS = new Set([
  ...['range', 'generate_series', 'unnest', 'repeat', 'json_each', 'json_tree', 'summary'],
  ...['read_parquet', 'parquet_scan', 'parquet_schema', 'parquet_metadata'],
  ...['parquet_file_metadata', 'parquet_kv_metadata', 'pg_timezone_names', 'pragma_version'],
  ...['duckdb_columns', 'duckdb_tables', 'duckdb_views', 'duckdb_functions', 'duckdb_types'],
  ...['duckdb_keywords', 'pragma_table_info', 'pragma_show'],
]);
const FUNCTIONS_REFUSED = new Set(['write_log', 'nextval', 'json_execute_serialized_sql']);

export async function openReadOnlySession(options: ReadOnlyOptions): Promise<ReadOnlySession> {
  const folder = await mkdtemp(join(options.tempFolder, 'query-'));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  try {
    const instance = await createInstance({ ...options, tempFolder: folder });
    stack.defer(() => instance.closeSync());
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    const session = stack.use(openSession(connection));
    for (const [name, { paths, columns }] of Object.entries(options.views)) {
      await session.define(name, paths, columns);
    }
    for (const [name, sql] of Object.entries(options.derived ?? {})) {
      await session.execute(`CREATE OR REPLACE TEMP VIEW ${quoted(name)} AS ${sql}`);
    }
    const paths = Object.values(options.views).flatMap((view) => view.paths);
    await session.execute(
      // Each as the views name it, which may be a pattern, and as it is called.
      `SET allowed_paths = [${paths.flatMap((path) => [literal(path), fileLiteral(path)]).join(', ')}]; ` +
        'SET enable_external_access = false; SET lock_configuration = true',
    );
    const closing = stack.move();
    return {
      async query(sql, signal) {
        await assertReading(connection, sql);
        return session.query(sql, {}, signal);
      },
      async *stream(sql, signal) {
        await assertReading(connection, sql);
        yield* session.stream(sql, {}, signal);
      },
      [Symbol.asyncDispose]: () => closing.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** The parser's tree comes first: to prepare a statement already runs a part of its functions. */
async function assertReading(connection: DuckDBConnection, sql: string): Promise<void> {
  // EXPLAIN ANALYZE runs its statement, so that one is judged by itself.
  const body = sql.replace(/^\s*EXPLAIN\s+(ANALYZE\s+)?/i, '');
  const tree = await treeOf(connection, body);
  for (const [name, isTable] of functionsOf(tree)) {
    if (isTable ? TABLE_FUNCTIONS.has(name) : !FUNCTIONS_REFUSED.has(name)) continue;
    throw new IsobarError('QUERY_INVALID', `the function ${name} is not allowed here`);
  }
  const type = await statementType(connection, sql);
  if (type !== (body === sql ? StatementType.SELECT : StatementType.EXPLAIN)) throw refused();
}

/** What the parser makes of one SELECT; it cannot show other statements so, PRAGMA among them. */
async function treeOf(connection: DuckDBConnection, sql: string): Promise<object> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($sql::VARCHAR)', {
    sql,
  });
  const tree = JSON.parse(String(reader.getRows()[0]?.[0]));
  if (tree.error === false) return tree;
  if (tree.error_type !== 'parser') throw refused();
  throw new IsobarError('QUERY_INVALID', `Parser Error: ${tree.error_message}`);
}

async function statementType(connection: DuckDBConnection, sql: string): Promise<number> {
  try {
    const statements = await connection.extractStatements(sql);
    if (statements.count !== 1) {
      throw new IsobarError('QUERY_INVALID', `one statement is wanted, not ${statements.count}`);
    }
    const statement = await statements.prepare(0);
    const type = statement.statementType;
    statement.destroySync();
    return type;
  } catch (error) {
    if (error instanceof IsobarError) throw error;
    throw new IsobarError('QUERY_INVALID', (error as Error).message, { cause: error });
  }
}

/** Every function that the tree calls, and whether it stands where a table stands. */
function* functionsOf(node: unknown, isTable = false): Generator<readonly [string, boolean]> {
  if (typeof node !== 'object' || node === null) return;
  const { type, function_name: name } = node as { type?: unknown; function_name?: unknown };
  if (typeof name === 'string') yield [name.toLowerCase(), isTable];
  for (const [key, child] of Object.entries(node)) {
    yield* functionsOf(child, type === 'TABLE_FUNCTION' && key === 'function');
  }
}

function refused(): IsobarError {
  return new IsobarError(
    'QUERY_INVALID',
    'only one SELECT is allowed: this statement could change things',
  );
}
