/**
 * How a data answer may be written: as JSON with its meta, or as a file with nothing but a table.
 * `excel` is CSV for spreadsheets, asked for as `format=csv&excel=1`.
 */
import { parameterError } from './parameters.ts';

export const MEDIA_TYPES = {
  json: 'application/json',
  csv: 'text/csv',
  excel: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
} as const;

export type Format = keyof typeof MEDIA_TYPES;
/** Values of the parameter `format`. */
export const FORMATS = ['json', 'csv', 'parquet'] as const satisfies readonly Format[];

/** What the parameters ask for together. */
export function chooseFormat({
  format,
  excel,
}: {
  readonly format: (typeof FORMATS)[number];
  readonly excel: boolean;
}): Format {
  if (!excel) return format;
  if (format !== 'csv') throw parameterError('excel', 'expected together with format=csv only');
  return 'excel';
}
