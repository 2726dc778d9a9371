/** The embedded engine: DuckDB in this process. */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DuckDBArrayValue,
  type DuckDBConnection,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  version as duckdbVersion,
} from '@duckdb/node-api';
import { IsobarError, translateFileError } from '../errors.ts';
import { isoTime } from '../model/iso-time.ts';
import { orAborted } from '../waiting.ts';
import { openMemoryKeeper } from './duckdb-memory.ts';
import type { Columns, Parameters, Row, RowBatch, SqlEngine, SqlSession } from './engine.ts';
import { filesLiteral, literal, nullColumns, parquetSql, quoted } from './text.ts';

export interface DuckdbOptions {
  readonly memoryMib: number;
  readonly threads: number;
  /** For what does not fit into the memory. */
  readonly tempFolder: string;
}

/** Nothing may need the network: extensions are those built in. */
export function createInstance(
  options: DuckdbOptions,
  more: Readonly<Record<string, string>> = {},
): Promise<DuckDBInstance> {
  return DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${options.memoryMib}MiB`,
    temp_directory: options.tempFolder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    default_null_order: 'nulls_first_on_asc_last_on_desc',
    // Both caches of files keep what was read long after the files are gone, up to the memory limit;
    // the system's own cache of pages is as fast. The other one, of footers, is off by default.
    enable_external_file_cache: 'false',
    ...more,
  });
}

export async function openDuckdbEngine(options: DuckdbOptions): Promise<SqlEngine> {
  const instance = await createInstance(options, {
    // Whoever needs an order asks for it; without it threads need not wait for each other.
    preserve_insertion_order: 'false',
  });
  const memory = await openMemoryKeeper(instance, options.memoryMib);
  return {
    name: 'duckdb',
    reach: 'machine',
    facts: {
      version: duckdbVersion(),
      properties: { threads: String(options.threads), memory_limit: `${options.memoryMib}MiB` },
    },
    progress: null,
    async session() {
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      // Spark's names for the same, so that both engines run one text.
      await connection.run('CREATE TEMP MACRO unix_micros(moment) AS epoch_us(moment)');
      await connection.run(
        'CREATE TEMP MACRO timestamp_micros(micros) AS make_timestamptz(micros)',
      );
      return openSession(connection, memory.noteWork);
    },
    memory: () => memory.read(),
    async [Symbol.asyncDispose]() {
      await memory.close();
      instance.closeSync();
    },
  };
}

/** `onWork` is called after each statement. */
export function openSession(
  connection: DuckDBConnection,
  onWork: () => void = () => {},
): SqlSession {
  const statements = new Statements(connection, onWork);

  async function run(statement: string, signal?: AbortSignal): Promise<void> {
    await statements.inTurn(statement, () => connection.run(statement), signal);
  }

  const copy: SqlSession['copy'] = (sql, path, format, signal) => {
    const statement = `COPY (${sql}) TO ${literal(path)} (${COPY_OPTIONS[format]})`;
    const work = async () => {
      const reader = await connection.runAndReadAll(statement);
      return Number(reader.getRows()[0]?.[0] ?? 0);
    };
    return statements.inTurn(statement, work, signal);
  };

  return {
    async define(view, files, columns) {
      const sql =
        files.length === 0
          ? `SELECT ${nullColumns(columns)} WHERE false`
          : `SELECT ${selectColumns(columns)} FROM ${source(files, columns)}`;
      await run(`CREATE OR REPLACE TEMP VIEW ${quoted(view)} AS ${sql}`);
    },
    query<R = Row>(sql: string, parameters: Parameters = {}, signal?: AbortSignal) {
      const work = async () => {
        const reader = await connection.runAndReadAll(sql, { ...parameters });
        return plainRows(reader.deduplicatedColumnNames(), reader.getColumns()) as R[];
      };
      return statements.inTurn(sql, work, signal);
    },
    stream: (sql, parameters = {}, signal) => statements.stream(sql, parameters, signal),
    materialize: (view, sql, signal) =>
      run(`CREATE OR REPLACE TEMP TABLE ${quoted(view)} AS ${sql}`, signal),
    drop: (view) => run(`DROP TABLE IF EXISTS ${quoted(view)}`),
    execute: run,
    copy,
    async copyInto(sql, folder, signal) {
      await mkdir(folder).catch((error) => {
        throw translateFileError(error, folder, 'QUERY_FAILED');
      });
      return copy(sql, join(folder, `${randomUUID()}.parquet`), 'parquet', signal);
    },
    [Symbol.asyncDispose]: () => statements.close(),
  };
}

/** Statements queue in order; one that is cancelled interrupts itself only. */
class Statements {
  readonly #connection: DuckDBConnection;
  readonly #onWork: () => void;
  #turn: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  constructor(connection: DuckDBConnection, onWork: () => void) {
    this.#connection = connection;
    this.#onWork = onWork;
  }

  inTurn<T>(sql: string, run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const result = this.#turn.then(() => {
      if (!this.#isOpen) throw new IsobarError('QUERY_FAILED', 'the session is closed');
      return this.#runCancellable(run, signal).finally(this.#onWork);
    });
    this.#turn = result.catch(() => {});
    return answerTo(sql, result, signal);
  }

  async #runCancellable<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    let repeating: NodeJS.Timeout | undefined;
    const interrupt = () => {
      this.#connection.interrupt();
      // An interruption that comes before the statement has begun is lost.
      repeating = setTimeout(interrupt, INTERRUPT_AGAIN_MS);
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await run();
    } finally {
      signal?.removeEventListener('abort', interrupt);
      clearTimeout(repeating);
    }
  }

  async *stream(
    sql: string,
    parameters: Parameters,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RowBatch> {
    const ended = Promise.withResolvers<void>();
    const start = () => this.#connection.stream(sql, { ...parameters });
    const begun = this.inTurn(sql, start, signal);
    this.#turn = this.#turn.then(() => ended.promise);
    let fetching: Promise<unknown> = Promise.resolve();
    let finished = false;
    try {
      const result = await begun;
      const columns = result.deduplicatedColumnNames();
      for (let batches = 0; ; batches++) {
        const fetched = this.#runCancellable(() => result.fetchChunk(), signal);
        fetching = fetched.catch(() => {});
        const chunk = await answerTo(sql, fetched, signal);
        const rows = plainRows(columns, chunk?.getColumns() ?? []);
        finished = rows.length === 0;
        if (!finished || batches === 0) yield { columns, rows };
        if (finished) return;
      }
    } finally {
      await fetching;
      // The engine keeps what a statement works with until the next one on its connection begins.
      if (!finished) await this.#connection.run('SELECT 1').catch(() => {});
      this.#onWork();
      ended.resolve();
    }
  }

  async close(): Promise<void> {
    await this.#turn;
    if (this.#isOpen) this.#connection.closeSync();
    this.#isOpen = false;
  }
}

/** Rejects as soon as the signal aborts, whatever the statement still does. */
async function answerTo<T>(sql: string, answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await orAborted(answer, signal);
  } catch (error) {
    throw translate(error, sql, signal);
  }
}

const INTERRUPT_AGAIN_MS = 20;

const COPY_OPTIONS = {
  parquet: 'FORMAT parquet, COMPRESSION zstd',
  jsonl: 'FORMAT json',
  csv: 'FORMAT csv, HEADER',
} as const;

/** A file of an older schema lacks columns: they are NULL, so the view asks by name. */
function source(files: readonly string[], columns: Columns): string {
  if (files.every((file) => file.endsWith('.jsonl'))) {
    const types = Object.entries(columns).map(
      ([name, type]) => `${literal(name)}: ${literal(type)}`,
    );
    const list = filesLiteral(files);
    return `read_json(${list}, format = 'newline_delimited', columns = {${types.join(', ')}})`;
  }
  return parquetSql(files, columns);
}

function selectColumns(columns: Columns): string {
  return Object.keys(columns).map(quoted).join(', ');
}

/** `columns` holds the values of each; the engine reads them so in half the time. */
function plainRows(names: readonly string[], columns: readonly (readonly unknown[])[]): Row[] {
  return Array.from({ length: columns[0]?.length ?? 0 }, (_, index) => {
    const row: Row = {};
    for (const [position, name] of names.entries()) {
      row[name] = plainValue(columns[position]?.[index]);
    }
    return row;
  });
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object') return value;
  if (value instanceof DuckDBTimestampTZValue) return isoTime(value.micros);
  if (value instanceof DuckDBTimestampValue) return isoTime(value.micros);
  if (value instanceof DuckDBDecimalValue) return value.toDouble();
  if (value instanceof DuckDBDateValue) return value.toString();
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return value.items.map(plainValue);
  }
  if (value instanceof DuckDBStructValue) return plainEntries(Object.entries(value.entries));
  if (value instanceof DuckDBMapValue) {
    return plainEntries(value.entries.map(({ key, value: of }) => [String(key), of]));
  }
  return String(value);
}

function plainEntries(entries: readonly (readonly [string, unknown])[]): object {
  return Object.fromEntries(entries.map(([key, value]) => [key, plainValue(value)]));
}

/**
 * DuckDB's errors → ours:
 *   INTERRUPT, or the signal aborted                  → ABORTED
 *   Parser, Binder, Catalog, Conversion, Invalid Input,
 *     Out of Range, Permission, Not implemented       → QUERY_INVALID
 *   No space left on device                           → DISK_FULL
 *   others (IO, Out of Memory, Internal, …), and
 *     Invalid Input that is about a file              → QUERY_FAILED
 */
function translate(error: unknown, sql: string, signal?: AbortSignal): IsobarError {
  if (error instanceof IsobarError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const message = text.replace(/^Failed to (extract statements|prepare): /, '');
  const cause = { cause: error, details: { sql: sql.slice(0, 2_000) } };
  if (signal?.aborted || /^INTERRUPT/i.test(message)) {
    return new IsobarError('ABORTED', 'the query was cancelled', cause);
  }
  if (/No space left on device/i.test(message)) return new IsobarError('DISK_FULL', message, cause);
  const isInvalid = INVALID.test(message) && !ABOUT_FILE.test(message);
  return new IsobarError(isInvalid ? 'QUERY_INVALID' : 'QUERY_FAILED', message, cause);
}

const INVALID =
  /^(Parser|Syntax|Binder|Catalog|Conversion|Invalid Input|Out of Range|Permission|Not implemented) Error/i;
const ABOUT_FILE = /^Invalid Input Error: (No magic bytes|File '|Failed to read|.*too small to be)/;
