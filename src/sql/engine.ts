/**
 * The engine: runs SQL over files of the lake.
 *
 * A session is one conversation: its views and temporary tables are its own, and it runs one
 * statement at a time (further ones wait in order). Times go in and come out as ISO 8601 in UTC;
 * whole numbers come out as numbers, or as bigint beyond 2^53; NaN and infinities as null.
 */
export interface SqlEngine extends AsyncDisposable {
  readonly name: 'duckdb' | 'spark';

  /**
   * Which files it reads and writes: those with a path on this `machine`, or those of the `lake` by
   * their addresses (`Storage.address`), wherever the engine runs.
   */
  readonly reach: 'machine' | 'lake';

  /** What is in effect, as far as the engine has reported; for display. */
  readonly facts: EngineFacts;

  /** How far the running statement is, where the engine reports it. */
  readonly progress: Progress | null;

  /** What it holds in the memory of this process; null for an engine elsewhere. */
  memory(): Promise<EngineMemory | null>;

  /**
   * The session, or its first statement, rejects with ENGINE_UNAVAILABLE when the engine cannot be
   * reached, ENGINE_REFUSED when it does not let us in.
   */
  session(): Promise<SqlSession>;
}

export interface EngineFacts {
  readonly version: string | null;
  readonly properties: Readonly<Record<string, string>>;
}

export interface EngineMemory {
  /** Bytes by the engine's own names of their uses; uses without any are left out. */
  readonly bytes: Readonly<Record<string, number>>;
  readonly bytesMax: number;
}

/** Tasks of the statement that runs, as far as they are known. */
export interface Progress {
  readonly done: number;
  readonly of: number;
}

export interface SqlSession extends AsyncDisposable {
  /**
   * Makes `view` stand for the rows of these Parquet files: paths on this machine or addresses that
   * the engine reads by itself. Files named `.jsonl` are JSON lines; both kinds do not mix. With no
   * file the view has the given columns and no row. A column that a file lacks is NULL, one that is
   * not among the columns is left out. Replaces a view of that name.
   */
  define(view: string, files: readonly string[], columns: Columns): Promise<void>;

  /**
   * All rows. `parameters` are bound by name (`$from`), never pasted into the text. Rejects with
   * QUERY_INVALID when the text is wrong, QUERY_FAILED when the engine fails, ABORTED when the
   * signal aborts; the session stays usable. ENGINE_UNAVAILABLE from any method means that the
   * engine was lost, and with it what was defined and materialised here: define it again.
   */
  query<R = Row>(sql: string, parameters?: Parameters, signal?: AbortSignal): Promise<R[]>;

  /**
   * The same rows as `query`, a batch at a time, so that the memory of this process stays bounded
   * however many they are. DuckDB makes a batch when it is asked for; Spark computes a partition as
   * a whole and keeps it until it is sent. There is always a first batch, even without
   * a row. The statement takes its turn with the first batch that is asked for, and has it until
   * the iteration ends, one way or the other.
   */
  stream(sql: string, parameters?: Parameters, signal?: AbortSignal): AsyncIterable<RowBatch>;

  /**
   * Makes `view` stand for the rows that `sql` has now, whatever becomes of their sources: for what
   * is small and read several times. Replaces what was made so under that name; a name is used
   * either here or for views.
   */
  materialize(view: string, sql: string, signal?: AbortSignal): Promise<void>;

  /** Lets go of what was materialised under that name; no matter if there is none. */
  drop(view: string): Promise<void>;

  /** Runs statements that answer nothing (separated by `;`, without parameters). */
  execute(sql: string, signal?: AbortSignal): Promise<void>;

  /** Writes the rows of `sql` to one file on this machine and resolves with their number. */
  copy(
    sql: string,
    path: string,
    format: 'parquet' | 'jsonl' | 'csv',
    signal?: AbortSignal,
  ): Promise<number>;

  /**
   * Writes the rows of `sql` to one Parquet file, under a name that the engine chooses, in a folder
   * that is not there yet: a path on this machine, or an address that the engine writes by itself.
   * Resolves with their number. What a failed call left there is not a file of the lake: remove it.
   */
  copyInto(sql: string, folder: string, signal?: AbortSignal): Promise<number>;
}

/** Column name → SQL type of the engine-neutral kind used in our schemas. */
export type Columns = Readonly<Record<string, ColumnType>>;
export type ColumnType = 'VARCHAR' | 'DOUBLE' | 'INTEGER' | 'BIGINT' | 'TIMESTAMPTZ' | 'BOOLEAN';

export type Row = Record<string, unknown>;

export interface RowBatch {
  /** Names of the columns in order, the same in every batch. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export type Parameters = Readonly<Record<string, string | number | bigint | boolean | null>>;
