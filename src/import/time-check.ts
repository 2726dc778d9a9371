/**
 * Of which format the times of a table are, by its first rows and for all of them: a time that fits
 * two units would else be read by its own size, row by row.
 */
import { OBSERVED_AT_MIN } from '../model/observation.ts';
import { formatTime } from '../model/time-zone.ts';
import { importError } from './input-file.ts';
import { type Mapping, timeColumnsOf } from './mapping.ts';
import { timeTextReader } from './row-time.ts';
import type { InputTable } from './table.ts';
import { readerOf } from './time-format.ts';
import { EPOCHS, type ReadTime } from './time-number.ts';

const DAY_MS = 86_400_000;
/** 1973-03-03: an epoch in a unit too small reads as a day of January 1970. */
const EPOCH_MS_MIN = 1e11;
/** Of the rows looked at; the others may be marks of missing times. */
const SHARE_MIN = 0.9;

/** The format that was found, or what is wrong with the given one. */
export type FoundFormat = TimeFormat | { readonly problem: string };

export interface TimeFormat {
  readonly format: string;
  /** Milliseconds since 1970: a time before it is of another unit. Of a unit that was guessed. */
  readonly from?: number;
}

/** Rejects when the first rows all lack the mapping’s format, and nearly all have another one. */
export async function timeFormatOf(
  table: InputTable,
  mapping: Mapping,
  signal: AbortSignal,
): Promise<TimeFormat> {
  const textOf = timeTextReader(table, mapping);
  const texts = (await table.head(signal)).flatMap((row) => {
    const text =
      'problem' in row || row.cells.length !== table.names.length ? '' : textOf(row.cells);
    return text === '' ? [] : [text];
  });
  const found = findTimeFormat(texts, mapping.time.format, Date.now());
  if ('format' in found) return found;
  const columns = timeColumnsOf(mapping).join(', ');
  throw importError(table.file.path, `the times in ${columns} look like ${found.problem}`);
}

/** `now` in milliseconds since 1970: observations are not later. */
export function findTimeFormat(
  texts: readonly string[],
  given: string | undefined,
  now: number,
): FoundFormat {
  const format = given ?? 'iso';
  if (texts.length === 0 || texts.some((text) => fits(text, format, now))) return { format };
  const like = (test: (text: string) => boolean) =>
    texts.filter(test).length >= SHARE_MIN * texts.length;
  const pattern = CALENDARS.find(({ digits }) => like((text) => digits.test(text)))?.pattern;
  if (pattern !== undefined && pattern !== given) {
    const advice = `set time.format: "${pattern}" in the mapping`;
    return { problem: `digits of a date (${texts[0]}); ${advice}` };
  }
  const other = [...EPOCHS.keys(), 'excel', 'iso'].find(
    (name) => name !== format && like((text) => fits(text, name, now)),
  );
  if (other === undefined) return { format };
  if (given === undefined && EPOCHS.has(other)) {
    return { format: other, from: EPOCH_MS_MIN };
  }
  const example = texts.find((text) => fits(text, other, now)) ?? '';
  return { problem: describe(other, example, given) };
}

/** Whether the text is a time of this format that an observation may have. */
function fits(text: string, format: string, now: number): boolean {
  const time = (readerOf(format) as ReadTime)(text);
  if (time === null) return false;
  const from = EPOCHS.has(format) ? EPOCH_MS_MIN : Date.parse(OBSERVED_AT_MIN) - DAY_MS;
  return time.localMs >= from && time.localMs <= now + DAY_MS;
}

const DATE = '(?:19|20)\\d\\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])';
const HOUR = '(?:[01]\\d|2[0-4])';
const SIXTY = '[0-5]\\d';

/** Digits of a date and a time, which some unit since 1970 could be as well. */
const CALENDARS = [
  { pattern: '%Y%m%d%H', digits: new RegExp(`^${DATE}${HOUR}$`) },
  { pattern: '%Y%m%d%H%M', digits: new RegExp(`^${DATE}${HOUR}${SIXTY}$`) },
  { pattern: '%Y%m%d%H%M%S', digits: new RegExp(`^${DATE}${HOUR}${SIXTY}${SIXTY}$`) },
] as const;

/** `milliseconds since 1970 (1700000000000 would be …), not epoch_s; set …`. */
function describe(format: string, example: string, given: string | undefined): string {
  const time = (readerOf(format) as ReadTime)(example);
  const clock = formatTime(new Date(time?.localMs ?? 0));
  const not = given === undefined ? '' : `, not like the mapping's ${given}`;
  if (format === 'iso') return `ISO 8601 (${example})${not}; take time.format out of the mapping`;
  const epoch = EPOCHS.get(format);
  if (epoch !== undefined) {
    const what = `${epoch.unit} since 1970 (${example} would be ${clock})`;
    return `${what}${not}; set time.format: ${format} in the mapping`;
  }
  const what = `serial days of Excel (${example} would be ${clock.slice(0, -1)})`;
  return `${what}${not}; set time.format: excel in the mapping, or excel1904 for a file of an old Mac`;
}
