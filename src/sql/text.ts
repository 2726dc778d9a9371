/** Values as SQL text. */
import { IsobarError } from '../errors.ts';

/** A string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** An identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * The literal of a path for a function that reads files: it names exactly this file.
 *
 * DuckDB expands `*`, `?` and `[…]` in such paths, so they are written as a set of one character.
 * In a pattern it takes a backslash for a separator, which has no such form.
 */
export function fileLiteral(path: string): string {
  if (!/[*?[]/.test(path)) return literal(path);
  if (path.includes('\\')) {
    throw new IsobarError(
      'PATH_UNREADABLE',
      `${path}: it has a backslash beside one of * ? [, which cannot be read exactly`,
    );
  }
  return literal(path.replace(/[*?[]/g, '[$&]'));
}

/** The literal of a list of paths, for `read_parquet([…])`; each names exactly one file. */
export function filesLiteral(paths: readonly string[]): string {
  return `[${paths.map(fileLiteral).join(', ')}]`;
}

/** `CAST(NULL AS type) AS "name", …` for each column. */
export function nullColumns(columns: Readonly<Record<string, string>>): string {
  const entries = Object.entries(columns);
  return entries.map(([name, type]) => `CAST(NULL AS ${type}) AS ${quoted(name)}`).join(', ');
}

/**
 * One row per row of the Parquet files; columns that files of an older schema lack are NULL. A
 * column `filename` among them is the path of the row's file.
 */
export function parquetSql(
  paths: readonly string[],
  columns: Readonly<Record<string, string>>,
): string {
  const options = ['union_by_name = true', 'hive_partitioning = false'];
  if ('filename' in columns) options.push('filename = true');
  const read = `SELECT * FROM read_parquet(${filesLiteral(paths)}, ${options.join(', ')})`;
  return `(SELECT ${nullColumns(columns)} WHERE false UNION ALL BY NAME ${read})`;
}

/**
 * A moment as both engines read it in a session of UTC. Views take no parameters, so times are
 * written into their texts.
 */
export function timestamp(iso: string): string {
  return `TIMESTAMP '${new Date(iso).toISOString().replace('T', ' ').replace('Z', '')}'`;
}
