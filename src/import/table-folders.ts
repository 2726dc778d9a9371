/**
 * Folders of table formats. What belongs to the table is said by a log beside the files, which also
 * hold rows that were replaced or deleted:
 *
 *     Delta      _delta_log/
 *     Hudi       .hoodie/
 *     Iceberg    metadata/v7.metadata.json, 00007-….metadata.json, snap-….avro, version-hint.text
 */
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { importError } from './input-file.ts';

interface TableFormat {
  readonly name: string;
  /** The folder of its log, and what stands there. */
  readonly log: string;
  readonly file?: RegExp;
  /** What writes the rows of the table at this path to one file. */
  readonly remedy: (folder: string) => string;
}

const FORMATS: readonly TableFormat[] = [
  {
    name: 'Delta',
    log: '_delta_log',
    remedy: (folder) => copyOf('delta_scan', folder),
  },
  {
    name: 'Hudi',
    log: '.hoodie',
    remedy: () => 'with Spark: spark.read.format("hudi").load(…).write.parquet(…)',
  },
  {
    name: 'Iceberg',
    log: 'metadata',
    file: /\.metadata\.json$|^snap-.*\.avro$|^version-hint\.text$/,
    remedy: (folder) => copyOf('iceberg_scan', folder),
  },
];

function copyOf(scan: string, folder: string): string {
  return `with DuckDB: COPY (FROM ${scan}('${folder.replaceAll("'", "''")}')) TO 'rows.parquet'`;
}

/** Rejects the folder of a table, naming its format and what to do. */
export async function assertNoTable(folder: string): Promise<void> {
  const format = await formatOf(folder);
  if (format !== null) refuse(folder, folder, format);
}

/** Rejects a folder that lies in that of a table, such as the `data` of an Iceberg table. */
export async function assertNotInTable(folder: string): Promise<void> {
  let at = await realpath(folder);
  for (let parent = dirname(at); parent !== at; parent = dirname(at)) {
    at = parent;
    const format = await formatOf(at);
    if (format !== null) refuse(folder, at, format);
  }
}

async function formatOf(folder: string): Promise<TableFormat | null> {
  for (const format of FORMATS) {
    const names = await readdir(join(folder, format.log)).catch(() => null);
    const { file } = format;
    if (names !== null && (file === undefined || names.some((name) => file.test(name)))) {
      return format;
    }
  }
  return null;
}

function refuse(folder: string, table: string, { name, remedy }: TableFormat): never {
  const article = /^[AEIOU]/.test(name) ? 'an' : 'a';
  const what =
    folder === table ? `${article} ${name} table` : `a part of the ${name} table ${table}`;
  const advice = `write the rows of the table to a Parquet or CSV file, for example ${remedy(table)}`;
  throw importError(
    folder,
    `${what}, whose folder also holds rows that were replaced or deleted; ${advice}, ` +
      'or name the files that you want one by one',
  );
}
