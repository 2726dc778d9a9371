/**
 * CSV as RFC 4180 wants it: one header row, CRLF, quotes where needed, nothing before or after.
 * An absent value is an empty field.
 *
 * Plain CSV has every value as it is. Spreadsheets run a text as a formula when it begins with
 * = + - @ or a control character, quoted or not: CSV for spreadsheets has an apostrophe before it.
 */
import type { Column } from './columns.ts';

type Row = Readonly<Record<string, unknown>>;

export function formatCsv(columns: readonly string[], rows: readonly Row[]): string {
  return formatLines(columns, rows, formatText);
}

/** Seconds from UTC to the clock of the row's place in this column; null where that is not known. */
export type OffsetOf = (row: Row, column: string, at: number) => number | null;

/**
 * CSV that a double click opens as it is meant: with a byte order mark, and every time as two
 * columns that spreadsheets take for a date, `observed_at_local` and `observed_at_utc`. What is
 * finer than a second is cut off. Decimal points stay points.
 */
export function formatExcelCsv(
  columns: readonly Column[],
  rows: readonly Row[],
  offsetOf: OffsetOf,
): string {
  const names = columns.flatMap(({ name, type }) =>
    type === 'time' ? [`${name}_local`, `${name}_utc`] : [name],
  );
  const times = columns.filter(({ type }) => type === 'time').map(({ name }) => name);
  const split = rows.map((row) => {
    const cells: Record<string, unknown> = { ...row };
    for (const name of times) {
      const at = Date.parse(String(row[name]));
      const offset = Number.isNaN(at) ? null : offsetOf(row, name, at);
      cells[`${name}_utc`] = formatDate(at);
      cells[`${name}_local`] = offset === null ? null : formatDate(at + offset * 1_000);
    }
    return cells;
  });
  return `\ufeff${formatLines(names, split, (text) => formatText(withoutFormula(text)))}`;
}

/** `2024-10-31 14:00:00`, which spreadsheets of all languages read; null for no time. */
function formatDate(at: number): string | null {
  return Number.isNaN(at) ? null : new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

function formatLines(
  columns: readonly string[],
  rows: readonly Row[],
  formatCell: (text: string) => string,
): string {
  const lines = [columns.map(formatCell).join(',')];
  for (const row of rows) {
    lines.push(columns.map((column) => formatField(row[column], formatCell)).join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

function formatField(value: unknown, formatCell: (text: string) => string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value);
  }
  return formatCell(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Quoted also where it could be taken for something else than this text. */
function formatText(text: string): string {
  return /[",\r\n]|^[=+\-@\t\s]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Blanks before the sign do not keep a spreadsheet from it. */
function withoutFormula(text: string): string {
  return /^[\s\p{Cc}]*[=+\-@＝＋－＠]|^\p{Cc}/u.test(text) ? `'${text}` : text;
}
