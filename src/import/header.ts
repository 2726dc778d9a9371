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

/** The index of the column; null when it is not there. Rejects a name that stands there twice. */
export function columnIndex(path: string, names: readonly string[], name: string): number | null {
  const exact = indexesOf(names, name);
  const found = exact.length > 0 ? exact : indexesOf(names, name.trim());
  if (found.length > 1) {
    throw importError(path, `${found.length} columns are called ${name}; rename all but one`);
  }
  return found[0] ?? null;
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
      const known = new Set(names);
      const absent = wanted.filter((name) => !known.has(name) && !known.has(name.trim()));
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
  const absent = mappedColumnsOf(mapping).filter((name) => !names.includes(name));
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

function indexesOf(names: readonly string[], name: string): number[] {
  return names.flatMap((other, index) => (other === name ? [index] : []));
}
