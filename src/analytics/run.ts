/** The tools of one run of the refresh: it reads rows and published files, and writes new ones. */
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlEngine, SqlSession } from '../sql/engine.ts';
import type { DataFile, Snapshot, Table } from '../table/table.ts';
import type { Appendable } from './appending.ts';
import { QUALITY_FLAG_COLUMNS } from './columns.ts';
import { view } from './compute.ts';
import { TEXT_ROWS_MAX } from './export.ts';
import { failedMonths, withAllValues, withoutFailed } from './failed-values.ts';
import type { Finish, ObservedRows } from './observed-rows.ts';
import type { PublishedFile, Quality } from './publication.ts';
import { pathFor, readChecked, writeLines, writePublished } from './published-files.ts';
import { queryText } from './queries.ts';

export interface RunOptions {
  readonly table: Table;
  readonly columns: Columns;
  readonly storage: Storage;
  /** The refresher's own: it remembers what its views stand for. */
  readonly session: SqlSession;
  readonly engineName: string;
  readonly scratch: string;
  /** Which files the session's engine reads and writes; those of this machine unless said. */
  readonly reach?: SqlEngine['reach'];
  /** Rows that it computes from at most; any number unless said. */
  readonly rowsMax?: number;
  /** Rows above which a dataset is Parquet instead of a text; `TEXT_ROWS_MAX` unless said. */
  readonly textRowsMax?: number;
}

/** More rows would have to be read than `rowsMax`: they are left to another engine. */
export class RowsExceeded extends Error {}

/** What a refresher knows of its session from one run to the next. */
export interface Memory {
  readonly rows: ObservedRows;
  /** View's name → its text; materialised name → what it was made from. */
  readonly made: Map<string, string>;
  /** Paths of published files whose content this process has written or checked. */
  readonly checked: Set<string>;
  /** What further rows can be merged into; null when they take the statements. */
  appendable: Appendable | null;
}

export interface Run {
  readonly session: SqlSession;
  readonly engineName: string;
  readonly reach: SqlEngine['reach'];
  readonly snapshot: Snapshot;
  /** Which values are left out; null for none. */
  readonly quality: Quality | null;
  readonly signal: AbortSignal | undefined;
  /** Rows above which a dataset is Parquet instead of a text. */
  readonly textRowsMax: number;
  /** Writes the rows of `sql` as a Parquet file of the lake. */
  write(folder: '_data' | '_partials', sql: string): Promise<PublishedFile>;
  /** Writes a text of so many lines. */
  writeLines(text: string, lines: number): Promise<PublishedFile>;
  /**
   * Makes a view of published Parquet files; `columns` is its schema without any file. Rejects
   * with LAKE_MISSING or TABLE_CORRUPT when one is not what was published.
   */
  define(name: string, files: readonly PublishedFile[], columns: Columns): Promise<void>;
  /** Makes a view, unless it has that text already. */
  view(name: string, sql: string): Promise<void>;
  /** Materialises what `make` resolves with, unless `key` says that it is the same as before. */
  once(name: string, key: string, make: () => Promise<string>): Promise<void>;
  /**
   * Makes the view `observations` hold the rows of these months; of all, but without month. Rejects
   * with RowsExceeded.
   */
  observe(months: readonly string[] | null): Promise<void>;
  /** A text that selects these columns, as in the view `observations`, of the rows of these files. */
  select(files: readonly DataFile[], columns: readonly string[]): Promise<string>;
  readonly memory: Pick<Memory, 'appendable'>;
  /** Data files of these months, or of all. */
  filesOf(months: readonly string[] | null): readonly DataFile[];
}

export function countRows(files: readonly DataFile[]): number {
  return files.reduce((sum, file) => sum + file.rows, 0);
}

export function startRun(
  options: RunOptions,
  memory: Memory,
  { snapshot, quality }: Pick<Run, 'snapshot' | 'quality'>,
  signal: AbortSignal | undefined,
): Run {
  const { storage, session, engineName, reach = 'machine' } = options;
  const { rowsMax = Number.POSITIVE_INFINITY, textRowsMax = TEXT_ROWS_MAX } = options;
  const { rows, made, checked } = memory;

  async function write(folder: '_data' | '_partials', sql: string) {
    const file = await writePublished({ ...options, reach }, folder, sql, signal);
    checked.add(file.path);
    return file;
  }

  async function define(name: string, files: readonly PublishedFile[], columns: Columns) {
    const paths: string[] = [];
    for (const file of files) {
      if (!checked.has(file.path)) await readChecked(storage, file);
      checked.add(file.path);
      paths.push(await pathFor(storage, reach, file.path));
    }
    await session.define(name, paths, columns);
  }

  function filesOf(months: readonly string[] | null): readonly DataFile[] {
    if (months === null) return snapshot.files;
    const wanted = new Set(months);
    return snapshot.files.filter((file) => wanted.has(file.month ?? ''));
  }

  async function once(name: string, key: string, make: () => Promise<string>): Promise<void> {
    if (made.get(name) === key) return;
    made.delete(name);
    await session.materialize(name, await make(), signal);
    made.set(name, key);
  }

  /** How rows of these months are finished, or of all: without the values that failed. */
  async function finishing(months: readonly string[] | null): Promise<Finish> {
    const flags = failedMonths(quality, months).flatMap(({ flags }) => flags ?? []);
    if (flags.length === 0) return withAllValues;
    await once('failed_values', flags.map(({ path }) => path).join(), async () => {
      await define('quality_flags', flags, QUALITY_FLAG_COLUMNS);
      return queryText('failed_values');
    });
    return withoutFailed;
  }

  let observed: string | null = null;
  return {
    session,
    engineName,
    reach,
    snapshot,
    quality,
    signal,
    textRowsMax,
    memory,
    write,
    writeLines: (text, lines) => writeLines(storage, text, lines),
    define,
    filesOf,
    async view(name, sql) {
      if (made.get(name) === sql) return;
      await view(session, name, sql);
      made.set(name, sql);
    },
    once,
    async observe(months) {
      const key = months?.join() ?? 'all';
      if (key === observed) return;
      observed = null;
      const files = filesOf(months);
      if (countRows(files) > rowsMax) throw new RowsExceeded();
      const finish = await finishing(months);
      if (months === null || months.length === 0) await rows.observeOnce(files, finish);
      else await rows.observe(files, finish, signal);
      observed = key;
    },
    async select(files, columns) {
      const finish = await finishing(files.map(({ month }) => month ?? ''));
      const sql = finish(await rows.select(files));
      return `SELECT ${columns.join(', ')} FROM (${sql}) AS selected`;
    },
  };
}
