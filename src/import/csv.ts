/**
 * Records of delimited text (RFC 4180), one by one, so that an odd one costs itself only.
 *
 *     record = cell *( delimiter cell ) line-end
 *     cell   = *" " '"' *( not-a-quote / '""' / line-end ) '"' *" "     a quoted cell
 *            / *( anything but delimiter and line-end )                 quotes inside are letters
 *
 * The dialect is given and holds to the last line. A quoted cell that is malformed, or not closed
 * within its limit, makes its first line a problem, and reading goes on at the next line: a stray
 * quote does not swallow what follows.
 */
import type { LineBatch } from './text-file.ts';

export interface CsvDialect {
  /** One character, or `whitespace` for runs of spaces and tabs. */
  readonly delimiter: string;
  /** Lines that begin with it hold no record. */
  readonly comment?: string | undefined;
}

export interface CsvRecord {
  /** The number of its first line. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface CsvProblem {
  readonly line: number;
  readonly problem: string;
  /** The line itself. */
  readonly text: string;
}

/** Characters of a quoted cell at most. */
const CELL_CHARACTERS_MAX = 1024 * 1024;

interface Parsed {
  readonly cells: readonly string[];
  /** The index of the line after the record. */
  readonly next: number;
}

/** The records of batches of lines, a batch of them for each. */
export async function* readRecords(
  batches: AsyncIterable<LineBatch & { readonly last: boolean }>,
  dialect: CsvDialect,
): AsyncGenerator<(CsvRecord | CsvProblem)[]> {
  let held: readonly string[] = [];
  for await (const { from, lines, last } of batches) {
    const all = held.length === 0 ? lines : [...held, ...lines];
    const first = from - held.length;
    const { records, next } = parseLines(all, first, last, dialect);
    held = all.slice(next);
    yield records;
  }
}

/** `next` is the first line of a record that goes on beyond these lines. */
function parseLines(
  lines: readonly string[],
  first: number,
  last: boolean,
  dialect: CsvDialect,
): { readonly records: (CsvRecord | CsvProblem)[]; readonly next: number } {
  const records: (CsvRecord | CsvProblem)[] = [];
  let next = 0;
  while (next < lines.length) {
    const line = first + next;
    const text = lines[next] ?? '';
    if (isIgnored(text, dialect)) {
      next += 1;
      continue;
    }
    const parsed = parseRecord(lines, next, dialect);
    if (parsed === 'incomplete' && !last) break;
    if (typeof parsed === 'string') {
      const problem = parsed === 'incomplete' ? NOT_CLOSED : parsed;
      records.push({ line, problem, text });
      next += 1;
    } else {
      records.push({ line, cells: parsed.cells });
      next = parsed.next;
    }
  }
  return { records, next };
}

const NOT_CLOSED = 'quote is not closed';
const TEXT_AFTER_QUOTE = 'text after a closing quote';

/** A line between records: blank or a comment. */
export function isIgnored(line: string, { comment }: Pick<CsvDialect, 'comment'>): boolean {
  if (line.trim() === '') return true;
  return comment !== undefined && line.trimStart().startsWith(comment);
}

/** The record that begins at a line; or the problem; or that more lines are needed. */
export function parseRecord(
  lines: readonly string[],
  index: number,
  { delimiter }: CsvDialect,
): Parsed | 'incomplete' | string {
  const line = lines[index] ?? '';
  if (delimiter === 'whitespace') {
    const cells = line.match(/"[^"]*"|[^ \t]+/g) ?? [];
    return { cells: cells.map((cell) => cell.replace(/^"(.*)"$/, '$1')), next: index + 1 };
  }
  if (!line.includes('"')) return { cells: line.split(delimiter), next: index + 1 };
  const cells: string[] = [];
  let at: Place = { index, position: 0 };
  for (;;) {
    const text = lines[at.index] ?? '';
    const start = skipSpaces(text, at.position);
    if (text[start] !== '"') {
      const end = text.indexOf(delimiter, at.position);
      cells.push(text.slice(at.position, end === -1 ? undefined : end));
      if (end === -1) return { cells, next: at.index + 1 };
      at = { index: at.index, position: end + 1 };
      continue;
    }
    const quoted = parseQuoted(lines, { index: at.index, position: start + 1 });
    if (typeof quoted === 'string') return quoted;
    cells.push(quoted.value);
    const after = lines[quoted.index] ?? '';
    const end = skipSpaces(after, quoted.position);
    if (end === after.length) return { cells, next: quoted.index + 1 };
    if (after[end] !== delimiter) return TEXT_AFTER_QUOTE;
    at = { index: quoted.index, position: end + 1 };
  }
}

interface Place {
  readonly index: number;
  readonly position: number;
}

/** From behind the opening quote to behind the closing one. */
function parseQuoted(
  lines: readonly string[],
  from: Place,
): (Place & { readonly value: string }) | string {
  let { index, position } = from;
  let value = '';
  for (;;) {
    const text = lines[index] ?? '';
    const end = text.indexOf('"', position);
    value += text.slice(position, end === -1 ? undefined : end);
    if (value.length > CELL_CHARACTERS_MAX) return `${NOT_CLOSED} within 1 MiB`;
    if (end === -1) {
      value += '\n';
      index += 1;
      position = 0;
      if (index >= lines.length) return 'incomplete';
    } else if (text[end + 1] === '"') {
      value += '"';
      position = end + 2;
    } else {
      return { index, position: end + 1, value };
    }
  }
}

function skipSpaces(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at += 1;
  return at;
}
