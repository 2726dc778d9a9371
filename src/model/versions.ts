/**
 * Which of two versions of one observation counts: ONE rule, for SQL and TypeScript.
 *
 *     version = precedence, import_id, import_row, collected_at, content
 *     precedence = 2  collected live
 *                  1  imported
 *                  0  imported, and the import was undone
 *
 * The higher version counts, compared from the left. Live data outranks every import; a later
 * import outranks an earlier one, and a later row of an import an earlier row. Between two live
 * reports the one that was collected later counts. The content, as a hash, only makes the order
 * total. An import of isobar 0.1 has no number: it counts as import 0.
 *
 * A higher version whose content equals that of the version before it is a duplicate when both were
 * imported: importing what is there lands nothing.
 */
import { createHash } from 'node:crypto';
import { CONTENT_COLUMNS, type Measurements } from './observation.ts';
import type { RejectedField } from './validity.ts';

/** What decides the order of versions of one observation. */
export interface Versioned extends Measurements {
  /** `import:…` for imports. */
  readonly source: string;
  /** ISO 8601 in UTC, to the microsecond at most. */
  readonly collected_at: string;
  readonly import_id?: number | null;
  readonly import_row?: number | null;
  readonly rejected_fields?: readonly RejectedField[] | string | null;
}

const IMPORT_PREFIX = 'import:';
export const PRECEDENCE_IMPORTED = 1;

/** Whether the source of a record says that it was imported. */
export function isImported(source: string): boolean {
  return source.startsWith(IMPORT_PREFIX);
}

/** A text that sorts as versions do, by its characters. */
export function versionKey(version: Versioned): string {
  const precedence = isImported(version.source) ? PRECEDENCE_IMPORTED : 2;
  const [, seconds = '', fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(version.collected_at) ?? [];
  return [
    precedence,
    String(version.import_id ?? 0).padStart(16, '0'),
    String(version.import_row ?? 0).padStart(16, '0'),
    `${seconds}.${fraction.padEnd(6, '0')}`,
    contentHash(version).toString(16).padStart(16, '0'),
  ].join(' ');
}

/** Columns of a version where they do not stand under their own names. */
export interface VersionColumns {
  /** Whether the row was imported; by its source when not given. */
  readonly imported?: string;
  /** The number of the content; computed when not given. */
  readonly hash?: string;
}

/**
 * The version of a row as a struct that DuckDB compares as above; `undone` are the imports that
 * were undone. The columns stand under `prefix`.
 */
export function versionSql(
  prefix: string,
  undone: readonly number[],
  columns: VersionColumns = {},
): string {
  const { imported = importedSql(prefix), hash = contentHashSql(prefix) } = columns;
  const isUndone =
    undone.length === 0 ? '' : ` WHEN ${prefix}import_id IN (${undone.join(', ')}) THEN 0`;
  return `{
    'precedence': CASE WHEN NOT ${imported} THEN 2${isUndone} ELSE ${PRECEDENCE_IMPORTED} END,
    'import_id': coalesce(${prefix}import_id, 0), 'import_row': coalesce(${prefix}import_row, 0),
    'collected_at': ${prefix}collected_at, 'content_hash': ${hash}}`;
}

export function importedSql(prefix: string): string {
  return `starts_with(${prefix}source, '${IMPORT_PREFIX}')`;
}

const HASHED_COLUMNS = [...CONTENT_COLUMNS, 'rejected_fields'] as const;

/** A number that stands for the content of a row: the lower half of an MD5, as an unsigned number. */
export function contentHashSql(prefix: string): string {
  const texts = HASHED_COLUMNS.map((name) => `coalesce(CAST(${prefix}"${name}" AS VARCHAR), '')`);
  return `md5_number_lower(concat_ws('|', ${texts.join(', ')}))`;
}

/** The same number as `contentHashSql` gives. */
function contentHash(content: Versioned): bigint {
  const texts = HASHED_COLUMNS.map((name) => {
    const value = content[name] ?? null;
    if (value === null) return '';
    if (typeof value === 'string') return value;
    if (typeof value === 'number')
      return name === 'condition_id' ? `${value}` : formatDouble(value);
    return JSON.stringify(value);
  });
  return createHash('md5').update(texts.join('|')).digest().readBigUInt64LE(8);
}

/** A DOUBLE as DuckDB casts it to text: the shortest digits, from 1e16 and below 1e-4 with an exponent. */
function formatDouble(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 16) {
    const sign = power < 0 ? '-' : '+';
    return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const text = value.toFixed(Math.max(0, digits.replace(/\D/g, '').length - 1 - power));
  return text.includes('.') ? text : `${text}.0`;
}
