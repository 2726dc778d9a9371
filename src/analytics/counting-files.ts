/** Files of partial aggregates of which every row counts, or only those of some months. */
import type { Columns } from '../sql/engine.ts';
import { literal } from '../sql/text.ts';
import type { Partial, PartialFiles, PublishedFile } from './publication.ts';

export interface CountingFile {
  readonly file: PublishedFile;
  /** Months whose rows count; null for all that are in the file. */
  readonly months: readonly string[] | null;
}

/** The files of this kind that hold something of these months. */
export function countingFiles(
  partials: readonly Partial[],
  kind: keyof PartialFiles,
  months: readonly string[],
): CountingFile[] {
  const wanted = new Set(months);
  const found: CountingFile[] = [];
  for (const partial of partials) {
    const counting = partial.months.filter((month) => wanted.has(month));
    if (counting.length === 0) continue;
    const isWhole = partial.whole && counting.length === partial.months.length;
    found.push({ file: partial.files[kind], months: isWhole ? null : counting });
  }
  return found;
}

type Define = (name: string, files: readonly PublishedFile[], columns: Columns) => Promise<void>;

/** A text that selects the rows that count; its views begin with `prefix`. */
export async function selectCounting(
  define: Define,
  prefix: string,
  columns: Columns,
  files: readonly CountingFile[],
): Promise<string> {
  const whole = files.filter(({ months }) => months === null).map(({ file }) => file);
  const selects: string[] = [];
  for (const { file, months } of files) {
    if (months === null) continue;
    const name = `${prefix}_partial_${selects.length}`;
    await define(name, [file], columns);
    selects.push(`SELECT * FROM ${name} WHERE month IN (${monthList(months)})`);
  }
  await define(`${prefix}_whole`, whole, columns);
  selects.push(`SELECT * FROM ${prefix}_whole`);
  return selects.join(' UNION ALL ');
}

/** `'2024-09', '2024-10'`; for no month one that never comes, since SQL has no empty list. */
export function monthList(months: readonly string[]): string {
  return months.map(literal).join(', ') || "'none'";
}
