/**
 * What a landing must know of the rows that are there: the identities of the files that overlap
 * it, with the version of each row. Files never change, so what was read once stays right; the
 * oldest used are forgotten first.
 */

import { contentHashSql, importedSql } from '../model/versions.ts';
import type { SqlSession } from '../sql/engine.ts';
import { parquetSql } from '../sql/text.ts';
import type { TableState } from './snapshot.ts';
import { type DataFile, OBSERVATION_COLUMNS } from './table.ts';

export interface Identities {
  /**
   * Makes the temporary view `existing` hold the identities of exactly these files, and resolves
   * with what stands in its column `file` → the file.
   */
  select(state: TableState, files: readonly DataFile[]): Promise<ReadonlyMap<string, DataFile>>;

  /** Takes over the rows of a file just written from the temporary table `landing`. */
  remember(file: DataFile, condition: string): Promise<void>;
}

const ROWS_MAX = 1_500_000;
const COLUMNS = 'city_id, observed_at, imported, import_id, import_row, collected_at, content_hash';
/** The same, of a row of `observations`. */
const OF_ROW =
  `city_id, observed_at, ${importedSql('')} AS imported, import_id, import_row, collected_at, ` +
  `${contentHashSql('')} AS content_hash`;

/** `session` is the sink's own. */
export async function openIdentities(
  session: SqlSession,
  localPaths: (files: readonly DataFile[]) => Promise<string[]>,
): Promise<Identities> {
  await session.execute(`
    CREATE TEMP TABLE identities (
      file_number INTEGER, city_id VARCHAR, observed_at TIMESTAMPTZ, imported BOOLEAN,
      import_id BIGINT, import_row BIGINT, collected_at TIMESTAMPTZ, content_hash UBIGINT)`);
  /** In order of last use. */
  const known = new Map<string, { readonly number: number; readonly rows: number }>();
  let files = 0;

  async function load(missing: readonly DataFile[]): Promise<void> {
    const paths = await localPaths(missing);
    for (const [index, file] of missing.entries()) {
      files += 1;
      await session.execute(
        `INSERT INTO identities SELECT ${files}, ${OF_ROW} ` +
          `FROM ${parquetSql([paths[index] ?? ''], OBSERVATION_COLUMNS)}`,
      );
      known.set(file.path, { number: files, rows: file.rows });
    }
  }

  async function forget(state: TableState, keep: ReadonlySet<string>): Promise<void> {
    let rows = [...known.values()].reduce((sum, file) => sum + file.rows, 0);
    const forgotten: number[] = [];
    for (const [path, file] of known) {
      if (state.adds.has(path) && (rows <= ROWS_MAX || keep.has(path))) continue;
      known.delete(path);
      forgotten.push(file.number);
      rows -= file.rows;
    }
    if (forgotten.length === 0) return;
    await session.execute(`DELETE FROM identities WHERE file_number IN (${forgotten.join(', ')})`);
  }

  async function select(
    state: TableState,
    wanted: readonly DataFile[],
  ): Promise<ReadonlyMap<string, DataFile>> {
    if (wanted.reduce((sum, file) => sum + file.rows, 0) > ROWS_MAX) return readInPlace(wanted);
    await load(wanted.filter((file) => !known.has(file.path)));
    const names = new Map<string, DataFile>();
    for (const file of wanted) {
      const entry = known.get(file.path);
      if (entry === undefined) continue;
      known.delete(file.path);
      known.set(file.path, entry);
      names.set(String(entry.number), file);
    }
    await forget(state, new Set(wanted.map((file) => file.path)));
    await session.execute(
      `CREATE OR REPLACE TEMP VIEW existing AS SELECT ${COLUMNS}, ` +
        `CAST(file_number AS VARCHAR) AS file ` +
        `FROM identities WHERE file_number IN (${[-1, ...names.keys()].join(', ')})`,
    );
    return names;
  }

  /** Too much to hold: read where it lies, for one landing alone. */
  async function readInPlace(wanted: readonly DataFile[]): Promise<ReadonlyMap<string, DataFile>> {
    const paths = await localPaths(wanted);
    const columns = { ...OBSERVATION_COLUMNS, filename: 'VARCHAR' };
    await session.execute(
      `CREATE OR REPLACE TEMP VIEW existing AS SELECT ${OF_ROW}, filename AS file ` +
        `FROM ${parquetSql(paths, columns)}`,
    );
    return new Map(wanted.map((file, index) => [paths[index] ?? '', file]));
  }

  async function remember(file: DataFile, condition: string): Promise<void> {
    if (file.rows > ROWS_MAX) return;
    files += 1;
    await session.execute(
      `INSERT INTO identities SELECT ${files}, ${COLUMNS} FROM landing WHERE ${condition}`,
    );
    known.set(file.path, { number: files, rows: file.rows });
  }

  return { select, remember };
}
