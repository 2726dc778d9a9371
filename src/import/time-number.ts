/**
 * Times that are numbers: since 1970 in a unit, or days as Excel counts them.
 *
 *     epoch_s  1717225500        excel      45231.5416667    days since the end of 1899
 *     epoch_ms 1717225500000     excel1904  43769.5416667    days since 1904-01-01, of old Macs
 */

/** A clock's reading as if it were UTC, and what is known of its zone. */
export interface ClockTime {
  readonly localMs: number;
  /** Milliseconds ahead of UTC; null when the text does not say. */
  readonly offsetMs: number | null;
}

/** Null when the text is not a time of this format. */
export type ReadTime = (text: string) => ClockTime | null;

const DAY_MS = 86_400_000;
/** 0001-01-01 and 10000-01-01: years of four digits. */
const [MS_MIN, MS_MAX] = [-62_135_596_800_000, 253_402_300_800_000];

interface Epoch {
  /** Its name in a sentence. */
  readonly unit: string;
  readonly toMs: (value: number) => number;
}

export const EPOCHS = new Map<string, Epoch>([
  ['epoch_s', { unit: 'seconds', toMs: (value) => value * 1_000 }],
  ['epoch_ms', { unit: 'milliseconds', toMs: (value) => value }],
  ['epoch_us', { unit: 'microseconds', toMs: (value) => value / 1_000 }],
  ['epoch_ns', { unit: 'nanoseconds', toMs: (value) => value / 1_000_000 }],
]);

export const NUMBER_FORMATS = [...EPOCHS.keys(), 'excel', 'excel1904'];

/** The reader of one of `NUMBER_FORMATS`; undefined for another format. */
export function numberTimeReader(format: string): ReadTime | undefined {
  if (format === 'excel') return (text) => readSerial(text, excelDay);
  if (format === 'excel1904') return (text) => readSerial(text, (day) => EXCEL_1904 + day * DAY_MS);
  const epoch = EPOCHS.get(format);
  return epoch === undefined ? undefined : (text) => readEpoch(text, epoch);
}

const EPOCH = /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i;
/** What a spreadsheet makes of a long number: six digits are left, as in 1.70407E+12. */
const ROUNDED = /^[+-]?\d(\.\d{0,5})?e/i;

function readEpoch(text: string, { toMs }: Epoch): ClockTime | null {
  const isExact = EPOCH.test(text) && !ROUNDED.test(text);
  const ms = isExact ? Math.floor(toMs(Number(text))) : Number.NaN;
  return ms >= MS_MIN && ms < MS_MAX ? { localMs: ms, offsetMs: 0 } : null;
}

const EXCEL_1904 = Date.UTC(1904, 0, 1);
const EXCEL_LEAP_DAY = 60;

/**
 * Day 1 is 1900-01-01. Excel counts a 29 February 1900, day 60, which there never was, so that days
 * after it are one further from the beginning. NaN for day 60 itself.
 */
function excelDay(day: number): number {
  if (day === EXCEL_LEAP_DAY) return Number.NaN;
  return Date.UTC(1899, 11, day < EXCEL_LEAP_DAY ? 31 : 30) + day * DAY_MS;
}

/** Days and their fraction in one number, or in two; the decimals after a point or a comma. */
const SERIAL = /^(\d{1,7})(?:[.,](\d*))?(?: +0?(?:[.,](\d*))?)?$/;

function readSerial(text: string, startOf: (day: number) => number): ClockTime | null {
  const [, day, beside = '', own] = SERIAL.exec(text) ?? [];
  if (day === undefined || (own !== undefined && /[1-9]/.test(beside))) return null;
  const digits = own ?? beside;
  const start = startOf(Number(day));
  const localMs = start + withinDay(digits);
  return localMs >= MS_MIN && localMs < MS_MAX ? { localMs, offsetMs: null } : null;
}

/**
 * A fraction of a day in milliseconds. An hour has no end as a decimal of a day: what differs from
 * a whole minute, or else from a whole second, by its last digit only, means that.
 */
function withinDay(digits: string): number {
  const ms = Number(`0.${digits}`) * DAY_MS;
  const rounding = 1 + DAY_MS / 10 ** digits.length;
  for (const unit of [60_000, 1_000]) {
    const nearest = Math.round(ms / unit) * unit;
    if (Math.abs(nearest - ms) <= rounding) return nearest;
  }
  return Math.round(ms);
}
