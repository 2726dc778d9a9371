/** Rows as text, a piece at a time: memory stays bounded however many there are. */

import { oneLine } from '../printable.ts';
import type { Row, RowBatch } from '../sql/engine.ts';
import { alignRow, widthsOf } from './environment.ts';

export type RowFormat = 'table' | 'csv' | 'json';

/** Rows that decide how wide the columns of a table are; wider values further down stand out. */
const SAMPLE_ROWS = 10_000;

export function formatRows(
  batches: AsyncIterable<RowBatch>,
  format: RowFormat,
): AsyncIterable<string> {
  if (format === 'json') return formatJson(batches);
  return format === 'csv' ? formatCsv(batches) : formatTable(batches);
}

async function* formatJson(batches: AsyncIterable<RowBatch>): AsyncGenerator<string> {
  let before = '[';
  for await (const { rows } of batches) {
    let text = '';
    for (const row of rows) {
      text += `${before}\n  ${JSON.stringify(row, jsonValue, 2).replaceAll('\n', '\n  ')}`;
      before = ',';
    }
    yield text;
  }
  yield before === '[' ? '[]\n' : '\n]\n';
}

async function* formatCsv(batches: AsyncIterable<RowBatch>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const { columns, rows } of batches) {
    const lines = cellsOf(columns, rows);
    if (isFirst) lines.unshift([...columns]);
    isFirst = false;
    yield lines.map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
  }
}

async function* formatTable(batches: AsyncIterable<RowBatch>): AsyncGenerator<string> {
  let sample: string[][] | null = [];
  let right: readonly number[] = [];
  let widths: readonly number[] = [];
  const text = (lines: readonly string[][]) =>
    lines.map((line) => `${alignRow(line, widths, right)}\n`).join('');
  for await (const { columns, rows } of batches) {
    const lines = cellsOf(columns, rows).map((line) => line.map(oneLine));
    if (sample === null) {
      yield text(lines);
      continue;
    }
    if (sample.length === 0 && rows.length > 0) {
      sample.push(columns.map(oneLine));
      right = columns.flatMap((name, index) => (typeof rows[0]?.[name] === 'number' ? index : []));
    }
    sample.push(...lines);
    if (sample.length <= SAMPLE_ROWS) continue;
    widths = widthsOf(sample);
    yield text(sample);
    sample = null;
  }
  if (sample === null) return;
  widths = widthsOf(sample);
  yield sample.length === 0 ? '(no rows)\n' : text(sample);
}

function cellsOf(columns: readonly string[], rows: readonly Row[]): string[][] {
  return rows.map((row) => columns.map((name) => cellText(row[name])));
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value, jsonValue) : String(value);
}

/** RFC 4180: quoted when it holds a comma, a quote or a line end. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function jsonValue(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
