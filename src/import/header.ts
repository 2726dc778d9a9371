/**
 * The header of delimited text: the first line that holds the mapped columns, so that whatever
 * stands before it is passed over. The delimiter is found out from this line and no other.
 */
import { type CsvDialect, isIgnored, parseRecord } from './csv.ts';
import { importError } from './input-file.ts';
import { identityColumnsOf, type Mapping, valueColumnsOf } from './mapping.ts';

export interface Header {
  readonly dialect: CsvDialect;
  /** As in the file, without surrounding spaces. */
  readonly names: readonly string[];
  /** The number of the line on which the rows begin. */
  readonly rowsFrom: number;
}

/** Lines, and characters of them, among which the header is looked for. */
export const HEAD_LINES_MAX = 1_000;
export const HEAD_CHARACTERS_MAX = 16 * 1024 * 1024;
const COLUMNS_MAX = 10_000;
const DELIMITERS = [',', ';', '\t', '|'];

interface Candidate extends Header {
  /** Mapped columns that are not among the names. */
  readonly absent: readonly string[];
}

/** `lines` are the first ones of the file. Rejects with the columns that are there. */
export function findHeader(path: string, lines: readonly string[], mapping: Mapping): Header {
  const separator = /^"?sep=(.)"?$/i.exec(lines[0]?.trim() ?? '')?.[1];
  const given = mapping.delimiter ?? separator;
  const delimiters = given === undefined ? DELIMITERS : [given];
  if (mapping.columns !== undefined) {
    return headless(path, lines, mapping, mapping.columns, delimiters);
  }
  const first = (mapping.header_line ?? (mapping.skip_lines ?? 0) + 1) - 1;
  const last = mapping.header_line === undefined ? lines.length - 1 : first;
  let best: Candidate | null = null;
  for (let index = first; index <= last; index++) {
    if (index === 0 && separator !== undefined) continue;
    for (const candidate of candidatesAt(lines, index, mapping, delimiters)) {
      if (best === null || isBetter(candidate, best)) best = candidate;
    }
    if (best?.absent.length === 0) break;
  }
  if (best === null) throw importError(path, 'no header: no line has columns');
  if (best.names.length > COLUMNS_MAX) {
    throw importError(path, `${best.names.length} columns; at most ${COLUMNS_MAX} are read`);
  }
  assertIdentity(path, best, mapping);
  return best;
}

/**
 * The index of the column; null when it is not there. Letters with accents are the same in one
 * character (NFC) and in several (NFD, as macOS writes them), unless a column has the very name.
 * Rejects a name that stands there twice.
 */
export function columnIndex(path: string, names: readonly string[], name: string): number | null {
  const [found, ...others] = indexesOf(names, name);
  if (found === undefined) return null;
  const called = [found, ...others].map((index) => names[index] ?? '');
  if (others.length > 0 && new Set(called).size > 1) {
    const shown = called.map(spelledOut).join(' and ');
    const problem = `${shown} are one name in different Unicode forms`;
    throw importError(path, `${problem}; rename all but one, or map one exactly as it is written`);
  }
  if (others.length > 0) {
    throw importError(path, `${called.length} columns are called ${name}; rename all but one`);
  }
  return found;
}

/** `Tempe\u0301rature`: of two names that look alike, what differs. */
function spelledOut(name: string): string {
  const letters = [...name].map((letter) => {
    const isPlain = letter >= ' ' && letter <= '~';
    return isPlain ? letter : `\\u{${letter.codePointAt(0)?.toString(16)}}`;
  });
  return `"${letters.join('')}"`;
}

/** The error of mapped columns that are not in the file. */
export function columnsAbsent(path: string, absent: readonly string[], names: readonly string[]) {
  const listed = names.slice(0, NAMES_LISTED_MAX).join(', ');
  const more =
    names.length > NAMES_LISTED_MAX ? ` and ${names.length - NAMES_LISTED_MAX} more` : '';
  return importError(path, `no column ${absent.join(', ')}; there are ${listed}${more}`);
}

const NAMES_LISTED_MAX = 100;

export function mappedColumnsOf(mapping: Mapping): string[] {
  return [...new Set([...identityColumnsOf(mapping), ...valueColumnsOf(mapping)])];
}

function assertIdentity(path: string, { names, absent }: Candidate, mapping: Mapping): void {
  const identity = identityColumnsOf(mapping);
  if (absent.some((name) => identity.includes(name))) throw columnsAbsent(path, absent, names);
}

/** A header without comment characters, and one behind them (`# STN,YYYYMMDD,HH`). */
function candidatesAt(
  lines: readonly string[],
  index: number,
  mapping: Mapping,
  delimiters: readonly string[],
): Candidate[] {
  const line = lines[index] ?? '';
  if (line.trim() === '') return [];
  const wanted = mappedColumnsOf(mapping);
  const bare = line.replace(/^\s*#+\s*/, '');
  const isComment = isIgnored(line, mapping);
  const texts = isComment ? [bare] : bare === line ? [line] : [line, bare];
  return texts.flatMap((text) =>
    delimiters.flatMap((delimiter) => {
      const dialect = { delimiter, comment: mapping.comment };
      const parsed = parseRecord([text, ...lines.slice(index + 1, index + 20)], 0, dialect);
      if (typeof parsed === 'string') return [];
      const names = parsed.cells.map((name) => name.trim());
      const absent = absentFrom(names, wanted);
      if (isComment && absent.length > 0) return [];
      return [{ dialect, names, absent, rowsFrom: index + parsed.next + 1 }];
    }),
  );
}

function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.absent.length !== b.absent.length) return a.absent.length < b.absent.length;
  return a.rowsFrom === b.rowsFrom && a.names.length > b.names.length;
}

/** A file without a header: the mapping names its columns. */
function headless(
  path: string,
  lines: readonly string[],
  mapping: Mapping,
  names: readonly string[],
  delimiters: readonly string[],
): Header {
  const absent = absentFrom(names, mappedColumnsOf(mapping));
  if (absent.length > 0) throw columnsAbsent(path, absent, names);
  const from = (mapping.skip_lines ?? 0) + 1;
  const index = lines.findIndex((line, at) => at + 1 >= from && !isIgnored(line, mapping));
  const delimiter = delimiters.find((one) => {
    const parsed = parseRecord(lines, Math.max(0, index), { delimiter: one });
    return typeof parsed === 'object' && parsed.cells.length === names.length;
  });
  if (delimiter === undefined) {
    const place = `${path} line ${Math.max(0, index) + 1}`;
    throw importError(place, `expected ${names.length} fields, as many as the mapping's columns`);
  }
  return { dialect: { delimiter, comment: mapping.comment }, names, rowsFrom: from };
}

/** Of the exact name, else without the spaces around it, else in any Unicode form. */
function indexesOf(names: readonly string[], name: string): number[] {
  for (const [wanted, form] of [
    [name, (other: string) => other],
    [name.trim(), (other: string) => other],
    [columnKey(name), columnKey],
  ] as const) {
    const found = names.flatMap((other, index) => (form(other) === wanted ? [index] : []));
    if (found.length > 0) return found;
  }
  return [];
}

function absentFrom(names: readonly string[], wanted: readonly string[]): string[] {
  const exact = new Set(names);
  const rest = wanted.filter((name) => !exact.has(name) && !exact.has(name.trim()));
  if (rest.length === 0) return rest;
  const known = new Set(names.map(columnKey));
  return rest.filter((name) => !known.has(columnKey(name)));
}

/** Equal for all Unicode forms of a name. */
function columnKey(name: string): string {
  return name.trim().normalize('NFC');
}
