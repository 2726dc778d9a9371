/**
 * The rows that a refresh computes from, kept in the engine from one refresh to the next.
 *
 * Landings put many small files into the newest month, and opening a file costs more than its rows.
 * So the rows of the last refresh's files stay in the session, and the next one reads only files
 * that came since. Files never change under their name: whatever happened to the table, the rows
 * here are right as long as all their files are among those asked for; else they are read again.
 */
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlEngine, SqlSession } from '../sql/engine.ts';
import { literal } from '../sql/text.ts';
import type { DataFile, Table } from '../table/table.ts';
import { OBSERVED, view } from './compute.ts';

export interface ObservedRows {
  /**
   * Makes the view `observations` hold the rows of these files, as `finish` makes its text from one
   * that selects them.
   */
  observe(files: readonly DataFile[], finish: Finish, signal?: AbortSignal): Promise<void>;
  /** The same for one pass over very many: nothing is kept, and rows do not name their month. */
  observeOnce(files: readonly DataFile[], finish: Finish): Promise<void>;
  /** A text that selects the rows of these files, of which nothing is kept. */
  select(files: readonly DataFile[]): Promise<string>;
}

export type Finish = (held: string) => string;

/** Above this the files are read as they are. */
const ROWS_MAX = 500_000;
/** Parts that are joined to one, so that the view stays simple. */
const PARTS_MAX = 6;
/** Of UTC; quicker than the text of the whole time. */
const MONTH =
  "concat(lpad(CAST(year(observed_at) AS STRING), 4, '0'), " +
  "CASE WHEN month(observed_at) < 10 THEN '-0' ELSE '-' END, CAST(month(observed_at) AS STRING))";

interface Part {
  readonly name: string;
  readonly paths: ReadonlySet<string>;
}

export function keepObservedRows(options: {
  readonly session: SqlSession;
  readonly table: Table;
  readonly storage: Storage;
  readonly columns: Columns;
  readonly reach?: SqlEngine['reach'];
}): ObservedRows {
  const { session, table, storage, columns, reach = 'machine' } = options;
  const pathsOf = async (files: readonly DataFile[]) =>
    reach === 'machine'
      ? table.localPaths(files)
      : files.map(({ storagePath }) => storage.address(storagePath));
  let parts: readonly Part[] = [];
  let made = 0;

  async function observe(
    files: readonly DataFile[],
    finish: Finish,
    signal?: AbortSignal,
  ): Promise<void> {
    const rows = files.reduce((sum, file) => sum + file.rows, 0);
    if (rows > ROWS_MAX) {
      await forget([]);
      await defineView(await selectMonths(files), finish);
      return;
    }
    const wanted = new Set(files.map((file) => file.path));
    const gone = parts.some((part) => [...part.paths].some((path) => !wanted.has(path)));
    if (gone) await forget([]);
    const fresh = files.filter((file) => !parts.some((part) => part.paths.has(file.path)));
    if (fresh.length > 0 || parts.length === 0) {
      parts = [...parts, await keepPart(await select(fresh), fresh, signal)];
    }
    if (parts.length > PARTS_MAX) await forget([await keepPart(union(parts), files, signal)]);
    await defineView([union(parts)], finish);
  }

  async function select(files: readonly DataFile[]): Promise<string> {
    return (await selectMonths(files)).join(' UNION ALL ');
  }

  /**
   * Each month for itself, so that rows know their month without a look at a calendar; but for an
   * engine elsewhere, to which each part of a plan costs more than that look.
   */
  async function selectMonths(files: readonly DataFile[]): Promise<string[]> {
    const selects: string[] = [];
    if (reach === 'lake' && files.length > 1) {
      await session.define('observed_files', await pathsOf(files), columns);
      return [`SELECT ${OBSERVED}, ${MONTH} AS month FROM observed_files`];
    }
    const months = Map.groupBy(files, (file) => file.month ?? '');
    if (months.size === 0) months.set('', []);
    for (const [month, ofMonth] of months) {
      const name = `observed_files_${selects.length}`;
      await session.define(name, await pathsOf(ofMonth), columns);
      selects.push(`SELECT ${OBSERVED}, ${literal(month)} AS month FROM ${name}`);
    }
    return selects;
  }

  async function keepPart(
    sql: string,
    files: readonly DataFile[],
    signal: AbortSignal | undefined,
  ): Promise<Part> {
    // The view cannot still read from a name that was never used before.
    const name = `observed_${made++}`;
    await session.materialize(name, sql, signal);
    return { name, paths: new Set(files.map((file) => file.path)) };
  }

  function defineView(selects: readonly string[], finish: Finish): Promise<void> {
    return view(session, 'observations', finish(selects.join(' UNION ALL ')));
  }

  /** Gives up the memory of all parts but those to keep. */
  async function forget(kept: readonly Part[]): Promise<void> {
    const before = parts;
    parts = kept;
    for (const { name } of before) {
      await session.drop(name);
    }
  }

  return {
    observe,
    select,
    async observeOnce(files, finish) {
      await session.define('observed_once', await pathsOf(files), columns);
      await defineView([`SELECT ${OBSERVED}, '' AS month FROM observed_once`], finish);
    },
  };
}

function union(parts: readonly Part[]): string {
  return parts.map(({ name }) => `SELECT * FROM ${name}`).join(' UNION ALL ');
}
