/** A Delta table that is small enough to be read and written whole: one data file, however often it grows. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { fileLiteral, parquetSql } from '../sql/text.ts';
import { putDataFile } from './data-file.ts';
import type { Action } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import type { TableState } from './snapshot.ts';

export interface SmallTable<Row> {
  /** Every row, in the order of its key. */
  read(): Promise<readonly Row[]>;
  /**
   * Commits the rows that `change` makes of the newest ones; null from it changes nothing. It runs
   * again when another process was faster.
   */
  update(change: (rows: readonly Row[]) => readonly Row[] | null): Promise<void>;
}

export interface SmallTableOptions {
  readonly table: DeltaTable;
  readonly columns: Columns;
  /** The column that orders the rows. */
  readonly key: string;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly clock?: () => Date;
}

export function openSmallTable<Row extends object>(options: SmallTableOptions): SmallTable<Row> {
  const { table, columns, key, session, clock = () => new Date() } = options;
  let known: { readonly version: number; readonly rows: readonly Row[] } | null = null;

  async function rowsOf(state: TableState): Promise<readonly Row[]> {
    if (known?.version === state.version) return known.rows;
    const paths = await table.localPaths(state.files);
    const names = Object.keys(columns).join(', ');
    const rows =
      paths.length === 0
        ? []
        : await session.query<Row>(
            `SELECT ${names} FROM ${parquetSql(paths, columns)} ORDER BY ${key}`,
          );
    known = { version: state.version, rows };
    return rows;
  }

  return {
    read: async () => rowsOf(await table.refresh()),
    async update(change) {
      await table.commit('WRITE', async (state) => {
        const rows = change(await rowsOf(state));
        if (rows === null) return null;
        const removes: Action[] = state.files.map((file) => ({
          remove: {
            path: file.path,
            deletionTimestamp: clock().getTime(),
            dataChange: true,
            partitionValues: {},
            size: file.bytes,
          },
        }));
        return [...removes, await writeRows(options, rows)];
      });
    },
  };
}

async function writeRows(options: SmallTableOptions, rows: readonly object[]): Promise<Action> {
  const { table, columns, key, storage, session, scratch, clock } = options;
  const base = join(scratch, `${table.name}-${randomUUID()}`);
  try {
    await writeFile(`${base}.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const types = Object.entries(columns).map(([name, type]) => `${name}: '${type}'`);
    await session.copy(
      `SELECT * FROM read_json(${fileLiteral(`${base}.jsonl`)}, format = 'newline_delimited', ` +
        `columns = {${types.join(', ')}}) ORDER BY ${key}`,
      `${base}.parquet`,
      'parquet',
    );
    const stats = { numRecords: rows.length };
    const file = `${base}.parquet`;
    return { add: await putDataFile({ table, storage, file, month: null, stats, clock }) };
  } finally {
    await rm(`${base}.jsonl`, { force: true });
    await rm(`${base}.parquet`, { force: true });
  }
}
