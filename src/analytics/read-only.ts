/** A session for people's own SQL: it reads the given views and can neither write nor look elsewhere. */
import { DuckDBInstance, StatementType } from '@duckdb/node-api';
import { IsobarError } from '../errors.ts';
import { openSession } from './duckdb.ts';
import type { Columns, Row, SqlSession } from './engine.ts';

export interface ReadOnlyOptions {
  readonly memoryMib: number;
  readonly threads: number;
  readonly tempFolder: string;
  /** Folders whose files may be read: those of the views. */
  readonly folders: readonly string[];
  /** View's name → its Parquet files and columns. */
  readonly views: Readonly<
    Record<string, { readonly paths: readonly string[]; readonly columns: Columns }>
  >;
}

export interface ReadOnlySession extends AsyncDisposable {
  /** Rejects with QUERY_INVALID for anything but one statement that only reads. */
  query(sql: string, signal?: AbortSignal): Promise<Row[]>;
}

/** Statements that answer rows and change nothing. */
const READING = new Set<number>([StatementType.SELECT, StatementType.EXPLAIN]);

export async function openReadOnlySession(options: ReadOnlyOptions): Promise<ReadOnlySession> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${options.memoryMib}MiB`,
    temp_directory: options.tempFolder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    default_null_order: 'nulls_first_on_asc_last_on_desc',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const session: SqlSession = openSession(connection);
  for (const [name, { paths, columns }] of Object.entries(options.views)) {
    await session.define(name, paths, columns);
  }
  const folders = options.folders.map((folder) => `'${folder.replaceAll("'", "''")}'`).join(', ');
  await session.execute(
    `SET allowed_directories = [${folders}]; SET enable_external_access = false; ` +
      'SET lock_configuration = true',
  );
  return {
    async query(sql, signal) {
      await assertReading(sql);
      return session.query(sql, {}, signal);
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      instance.closeSync();
    },
  };

  async function assertReading(sql: string): Promise<void> {
    let types: number[];
    try {
      const statements = await connection.extractStatements(sql);
      if (statements.count !== 1) {
        throw new IsobarError('QUERY_INVALID', `one statement is wanted, not ${statements.count}`);
      }
      types = [(await statements.prepare(0)).statementType];
    } catch (error) {
      if (error instanceof IsobarError) throw error;
      throw new IsobarError('QUERY_INVALID', (error as Error).message, { cause: error });
    }
    if (types.every((type) => READING.has(type))) return;
    throw new IsobarError(
      'QUERY_INVALID',
      'only SELECT is allowed: this statement would change things',
    );
  }
}
