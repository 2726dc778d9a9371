/** A table of an input file, CSV or Parquet: where its mapped columns are, and its rows. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrorCode } from '../errors.ts';
import type { SqlSession } from '../sql/engine.ts';
import { type CsvDialect, type CsvProblem, type CsvRecord, readRecords } from './csv.ts';
import {
  columnIndex,
  columnsAbsent,
  findHeader,
  HEAD_CHARACTERS_MAX,
  HEAD_LINES_MAX,
  mappedColumnsOf,
} from './header.ts';
import { assertRegularFile, type NamedFile } from './input-file.ts';
import { identityColumnsOf, type Mapping, valueColumnsOf } from './mapping.ts';
import { copyParquet, parquetColumns } from './parquet.ts';
import { type LineBatch, readLines, type TextOptions } from './text-file.ts';

export interface TableOptions {
  readonly mapping: Mapping;
  readonly session: SqlSession;
  /** Folder for files in the making. */
  readonly scratch: string;
}

export type TableRow = CsvRecord | CsvProblem;

const HEAD_ROWS_MAX = 1_000;

export interface InputTable {
  readonly file: NamedFile;
  /** What numbers of rows count. */
  readonly counts: 'line' | 'row';
  /** The columns of a row's cells. */
  readonly names: readonly string[];
  /** Mapped column → index among the cells; those that this file lacks are left out. */
  readonly indexes: ReadonlyMap<string, number>;
  /** Mapped columns of numbers: their cells have a point for decimals, whatever the mapping says. */
  readonly numeric: ReadonlySet<string>;
  /** In the order of the file; `line` is the number that `counts` says. */
  rows(signal: AbortSignal): AsyncGenerator<TableRow[]>;
  /** The first ones, at most 1,000. */
  head(signal: AbortSignal): Promise<TableRow[]>;
}

export function openTable(
  file: NamedFile,
  options: TableOptions,
  signal: AbortSignal,
): Promise<InputTable> {
  const isParquet = /\.(parquet|parq|pq)$/i.test(file.path);
  return (isParquet ? openParquet : openCsv)(file, options, signal);
}

/**
 * Rejects, before a row is imported, when a column of city or time is missing in one of the tables,
 * or another column in all of them: files of a series gain columns over the years. `look` is called
 * with each table.
 */
export async function assertColumns(
  files: readonly NamedFile[],
  options: TableOptions,
  signal: AbortSignal,
  look: (table: InputTable) => Promise<void> = async () => {},
): Promise<void> {
  const absent = new Set(valueColumnsOf(options.mapping));
  let names: readonly string[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const table = await openTable(file, options, signal);
    for (const name of table.indexes.keys()) absent.delete(name);
    names = names.length === 0 ? table.names : names;
    await look(table);
  }
  if (files.length === 0 || absent.size === 0) return;
  const listed = files.slice(0, FILES_LISTED_MAX).map(({ path }) => path);
  const more = files.length > listed.length ? ` and ${files.length - listed.length} more` : '';
  throw columnsAbsent(listed.join(', ') + more, [...absent], names);
}

const FILES_LISTED_MAX = 5;

export async function openCsv(
  file: NamedFile,
  { mapping }: Pick<TableOptions, 'mapping'>,
  signal: AbortSignal,
): Promise<InputTable> {
  const text = { encoding: mapping.encoding, signal };
  const passed = Math.max(mapping.skip_lines ?? 0, mapping.header_line ?? 0);
  const head = await readHead(file, text, passed + HEAD_LINES_MAX);
  const header = findHeader(file.path, head, mapping);
  const rows = (reading: AbortSignal) =>
    readRows(file, { ...text, signal: reading }, header.rowsFrom, header.dialect);
  return {
    file,
    counts: 'line',
    names: header.names,
    indexes: indexesIn(file.path, header.names, mapping),
    numeric: new Set(),
    rows,
    head: (reading) => firstOf(rows(reading)),
  };
}

/** The table when its header has all of these columns; else null. */
export async function openCsvOfColumns(
  file: NamedFile,
  mapping: Mapping,
  columns: readonly string[],
  signal: AbortSignal,
): Promise<InputTable | null> {
  try {
    const table = await openCsv(file, { mapping }, signal);
    return columns.every((name) => table.names.includes(name)) ? table : null;
  } catch (error) {
    if (isErrorCode(error, 'IMPORT_INVALID')) return null;
    throw error;
  }
}

async function openParquet(
  file: NamedFile,
  { mapping, session, scratch }: TableOptions,
  signal: AbortSignal,
): Promise<InputTable> {
  await assertRegularFile(file.path);
  const columns = await parquetColumns(file.path, session, signal);
  const all = columns.map(({ name }) => name);
  const found = indexesIn(file.path, all, mapping);
  const missing = identityColumnsOf(mapping).filter((name) => !found.has(name));
  if (missing.length > 0) throw columnsAbsent(file.path, missing, all);
  const chosen = columns.filter(({ index }) => [...found.values()].includes(index));
  const positions = new Map(chosen.map(({ index }, position) => [index, position + 1]));
  async function* rows(reading: AbortSignal, most?: number): AsyncGenerator<TableRow[]> {
    const target = join(scratch, `import-${process.pid}-${crypto.randomUUID()}.csv`);
    try {
      const part = { columns: chosen, count: columns.length, most };
      await copyParquet(file.path, part, target, session, reading);
      let number = 0;
      const dialect = { delimiter: ',' };
      const copy = { path: target, name: file.name };
      for await (const batch of readRows(copy, { signal: reading }, 2, dialect)) {
        yield batch.map((row) => ({ ...row, line: ++number }));
      }
    } finally {
      await rm(target, { force: true });
    }
  }
  return {
    file,
    counts: 'row',
    names: ['row', ...chosen.map(({ name }) => name)],
    indexes: new Map([...found].map(([name, index]) => [name, positions.get(index) ?? 0])),
    numeric: new Set([...found].flatMap(([name, at]) => (columns[at]?.isNumeric ? [name] : []))),
    rows,
    head: (reading) => firstOf(rows(reading, HEAD_ROWS_MAX)),
  };
}

async function firstOf(batches: AsyncIterable<TableRow[]>): Promise<TableRow[]> {
  const first: TableRow[] = [];
  for await (const rows of batches) {
    first.push(...rows.slice(0, HEAD_ROWS_MAX - first.length));
    if (first.length >= HEAD_ROWS_MAX) break;
  }
  return first;
}

function indexesIn(path: string, names: readonly string[], mapping: Mapping): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const name of mappedColumnsOf(mapping)) {
    const index = columnIndex(path, names, name);
    if (index !== null) indexes.set(name, index);
  }
  return indexes;
}

async function readHead(
  file: NamedFile,
  options: TextOptions,
  linesMax: number,
): Promise<string[]> {
  const head: string[] = [];
  let characters = 0;
  for await (const { lines } of readLines(file, options)) {
    for (const line of lines) {
      head.push(line);
      characters += line.length;
      if (head.length >= linesMax || characters > HEAD_CHARACTERS_MAX) return head;
    }
  }
  return head;
}

async function* readRows(
  file: NamedFile,
  options: TextOptions,
  rowsFrom: number,
  dialect: CsvDialect,
): AsyncGenerator<TableRow[]> {
  yield* readRecords(linesFrom(readLines(file, options), rowsFrom), dialect);
}

async function* linesFrom<Batch extends LineBatch>(
  batches: AsyncIterable<Batch>,
  first: number,
): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    const passed = Math.max(0, first - batch.from);
    yield { ...batch, from: batch.from + passed, lines: batch.lines.slice(passed) };
  }
}
