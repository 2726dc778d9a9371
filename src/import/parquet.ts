/** A Parquet file: the engine writes its mapped columns to a scratch file as CSV. */

import { asIsobarError } from '../errors.ts';
import type { SqlSession } from '../sql/engine.ts';
import { fileLiteral, quoted } from '../sql/text.ts';
import { importError } from './input-file.ts';

const COLUMNS_MAX = 10_000;
/** Bytes of a column in one row group, and of a value on average there, that are read at most. */
const COLUMN_BYTES_MAX = 256 * 1024 * 1024;
const VALUE_BYTES_MAX = 64 * 1024;

export interface ParquetColumn {
  readonly name: string;
  /** Where it stands among the columns of the file. */
  readonly index: number;
  /** Its first leaf in the file's own numbering, which counts the parts of nested columns. */
  readonly leaf: number;
  /** Whether it holds numbers, and no text that may be one. */
  readonly isNumeric: boolean;
}

interface Node {
  readonly name: string;
  readonly children: number | null;
  readonly is_numeric: boolean;
}

/** The columns in order, with their names as in the file: the engine's own differ in case. */
export async function parquetColumns(
  path: string,
  session: SqlSession,
  signal: AbortSignal,
): Promise<ParquetColumn[]> {
  const sql = `SELECT name, num_children AS children,
    coalesce(type <> 'BYTE_ARRAY' OR converted_type = 'DECIMAL', false) AS is_numeric
    FROM parquet_schema(${fileLiteral(path)})`;
  const [root] = await ask<Node>(path, session, `${sql} LIMIT 1`, signal);
  const count = root?.children ?? 0;
  if (count > COLUMNS_MAX) {
    throw importError(path, `${count} columns; at most ${COLUMNS_MAX} are read`);
  }
  const nodes = await ask<Node>(path, session, sql, signal);
  const columns: ParquetColumn[] = [];
  let leaf = 0;
  // The nodes come depth first; the first one is the root.
  let inside = 0;
  for (const { name, children, is_numeric: isNumeric } of nodes.slice(1)) {
    if (inside === 0) columns.push({ name, index: columns.length, leaf, isNumeric });
    else inside -= 1;
    inside += children ?? 0;
    if ((children ?? 0) === 0) leaf += 1;
  }
  return columns;
}

export interface ParquetPart {
  readonly columns: readonly ParquetColumn[];
  /** Of all columns of the file. */
  readonly count: number;
  /** Rows at most, the first ones; all by default. */
  readonly most?: number | undefined;
}

/** Writes a part of the file, as text and in its order. */
export async function copyParquet(
  path: string,
  { columns, count, most }: ParquetPart,
  target: string,
  session: SqlSession,
  signal: AbortSignal,
): Promise<void> {
  await assertModest(path, columns, session, signal);
  const aliases = Array.from({ length: count }, (_, index) => quoted(`c${index}`));
  const cells = columns.map(({ index }) => `CAST(${quoted(`c${index}`)} AS VARCHAR)`);
  // A row whose cells are all NULL would be a blank line.
  const sql =
    `SELECT 0 AS row, ${cells.join(', ')} FROM read_parquet(${fileLiteral(path)}, ` +
    `hive_partitioning = false, binary_as_string = true) AS rows(${aliases.join(', ')})` +
    (most === undefined ? '' : ` LIMIT ${most}`);
  try {
    await session.copy(sql, target, 'csv', signal);
  } catch (error) {
    throw readable(path, error, signal);
  }
}

/** The engine holds a column's page in memory as a whole. */
async function assertModest(
  path: string,
  columns: readonly ParquetColumn[],
  session: SqlSession,
  signal: AbortSignal,
): Promise<void> {
  const leaves = columns.map(({ leaf }) => leaf);
  const [large] = await ask<{ name: string; mib: number }>(
    path,
    session,
    `SELECT path_in_schema AS name, CAST(total_uncompressed_size / 1048576 AS INTEGER) AS mib
     FROM parquet_metadata(${fileLiteral(path)})
     WHERE column_id IN (${leaves.join(', ')})
       AND (total_uncompressed_size > ${VALUE_BYTES_MAX} * num_values
            AND total_uncompressed_size > 16 * 1048576
         OR total_uncompressed_size > ${COLUMN_BYTES_MAX} AND type = 'BYTE_ARRAY'
            AND total_uncompressed_size > 1024 * num_values)
     ORDER BY total_uncompressed_size DESC LIMIT 1`,
    signal,
  );
  if (large === undefined) return;
  const text = `column ${large.name}: ${large.mib} MiB in one row group; its values are too long`;
  throw importError(path, `${text} (at most 64 KiB each on average)`);
}

async function ask<R>(
  path: string,
  session: SqlSession,
  sql: string,
  signal: AbortSignal,
): Promise<R[]> {
  try {
    return await session.query<R>(sql, {}, signal);
  } catch (error) {
    throw readable(path, error, signal);
  }
}

/** The engine's error in our words. */
function readable(path: string, error: unknown, signal: AbortSignal): Error {
  signal.throwIfAborted();
  const known = asIsobarError(error);
  if (known.code === 'ABORTED' || known.code === 'DISK_FULL' || known.code === 'PATH_UNREADABLE') {
    return known;
  }
  const [, problem = 'not a Parquet file, or a damaged one'] =
    PROBLEMS.find(([pattern]) => pattern.test(known.message)) ?? [];
  return importError(path, problem, error);
}

const PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/out of memory/i, 'its values or row groups are too large to be read'],
  [/not valid UTF-?8/i, 'a mapped column has text that is not UTF-8; expected text in UTF-8'],
];
