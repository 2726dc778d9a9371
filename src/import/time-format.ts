/**
 * Times as people write them → the clock's reading, and the offset when the text has one.
 *
 * A format covers the whole text: what it does not cover makes the text no time, and is never
 * ignored. The directives are those of strptime (POSIX), with `%z`, `%f` and `%-d` as in Python.
 */

import { type ClockTime, NUMBER_FORMATS, numberTimeReader, type ReadTime } from './time-number.ts';

const DAY_MS = 86_400_000;

/** The reader of `iso`, of a format of numbers or of a strptime pattern; a text: what is wrong. */
export function readerOf(format: string): ReadTime | string {
  if (format === 'iso') return readIso;
  return numberTimeReader(format) ?? compilePattern(format);
}

const ISO =
  /^(\d{4})([-/]?)(\d\d?)\2(\d\d?)(?:(?:[Tt]| +)(\d\d|\d(?=:))(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(?: *(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?$/i;

/** Dates with and without a time, hour 24, and the offsets `Z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`. */
function readIso(text: string): ClockTime | null {
  const found = ISO.exec(text);
  if (found === null) return null;
  const [, year, separator, month = '', day = '', hour = '0', minute = '0', second = '0'] = found;
  if (separator === '' && month.length + day.length < 4) return null;
  const localMs = clockMs({
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    millisecond: millisecondsOf(found[8]),
  });
  return localMs === null ? null : withOffset(localMs, found[9]);
}

interface Clock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
}

/** Null for what no clock shows; hour 24 is midnight at the end of the day. */
function clockMs(clock: Clock): number | null {
  const { year, month, day, hour, minute, second, millisecond } = clock;
  if (minute > 59 || second > 59 || hour > 24) return null;
  if (hour === 24 && (minute > 0 || second > 0 || millisecond > 0)) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond;
}

function millisecondsOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(3, '0').slice(0, 3));
}

function withOffset(localMs: number, text: string | undefined): ClockTime | null {
  const offsetMs = text === undefined ? null : offsetOf(text);
  return Number.isNaN(offsetMs) ? null : { localMs, offsetMs };
}

/** `Z`, `UTC`, `GMT` or ±HH[[:]MM] in milliseconds; NaN beyond a day. */
function offsetOf(text: string): number {
  if (/^[a-z]/i.test(text)) return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(-2))];
  const hasMinutes = text.length > 3;
  if (hours > 23 || (hasMinutes && minutes > 59)) return Number.NaN;
  const size = (hours * 60 + (hasMinutes ? minutes : 0)) * 60_000;
  return text.startsWith('-') ? -size : size;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH_NAMES = [
  'january|february|march|april|may|june|july|august|september|october|november|december',
  MONTHS.join('|'),
].join('|');
const WEEKDAYS = [
  'monday|tuesday|wednesday|thursday|friday|saturday|sunday',
  'mon|tue|wed|thu|fri|sat|sun',
].join('|');

interface Fields extends Partial<Clock> {
  dayOfYear?: number;
  isAfternoon?: boolean;
  hour12?: number;
  offset?: string;
}

interface Directive {
  /** Digits at most; less will do unless digits stand next to it. 0: `pattern` says all. */
  readonly digits: number;
  readonly pattern?: string;
  readonly put: (fields: Fields, text: string) => void;
}

function digits(count: number, put: (fields: Fields, value: number) => void): Directive {
  return { digits: count, put: (fields, text) => put(fields, Number(text)) };
}

function words(pattern: string, put: Directive['put']): Directive {
  return { digits: 0, pattern, put };
}

const HOUR_12 = digits(2, (fields, value) => {
  fields.hour12 = value;
});
const DAY = digits(2, (fields, value) => {
  fields.day = value;
});
const MONTH_NAME = words(MONTH_NAMES, (fields, text) => {
  fields.month = MONTHS.indexOf(text.slice(0, 3).toLowerCase()) + 1;
});
const WEEKDAY = words(WEEKDAYS, () => {});

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  Y: digits(4, (fields, value) => {
    fields.year = value;
  }),
  y: digits(2, (fields, value) => {
    fields.year = value + (value < 69 ? 2_000 : 1_900);
  }),
  m: digits(2, (fields, value) => {
    fields.month = value;
  }),
  b: MONTH_NAME,
  B: MONTH_NAME,
  h: MONTH_NAME,
  d: DAY,
  e: DAY,
  j: digits(3, (fields, value) => {
    fields.dayOfYear = value;
  }),
  H: digits(2, (fields, value) => {
    fields.hour = value;
  }),
  k: digits(2, (fields, value) => {
    fields.hour = value;
  }),
  I: HOUR_12,
  l: HOUR_12,
  p: words('[ap](?:\\.?m\\.?)?', (fields, text) => {
    fields.isAfternoon = /^p/i.test(text);
  }),
  M: digits(2, (fields, value) => {
    fields.minute = value;
  }),
  S: digits(2, (fields, value) => {
    fields.second = value;
  }),
  f: words('\\d{1,9}', (fields, text) => {
    fields.millisecond = millisecondsOf(text);
  }),
  a: WEEKDAY,
  A: WEEKDAY,
  z: words('Z|UTC|GMT|[+-]\\d\\d(?::?\\d\\d)?', (fields, text) => {
    fields.offset = text;
  }),
  Z: words('Z|UTC|GMT', (fields, text) => {
    fields.offset = text;
  }),
};

const SHORT_FORMS = { F: '%Y-%m-%d', T: '%H:%M:%S', R: '%H:%M', D: '%m/%d/%y' } as const;

type Token = string | Directive;

/** An offset that a pattern spells out behind the time: the Z of `%H:%M:%SZ`. */
const SPELLED_OFFSET = /(?<=%[-_^]?[HkMSfpTR] ?)(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$/;

function compilePattern(format: string): ReadTime | string {
  const tokens = tokensOf(format.replace(SPELLED_OFFSET, '%z'));
  if (typeof tokens === 'string') return tokens;
  const puts: Directive['put'][] = [];
  let source = '';
  for (const [index, token] of tokens.entries()) {
    if (typeof token === 'string') {
      source += token.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&').replace(/\s+/g, '\\s+');
      continue;
    }
    puts.push(token.put);
    const beside = [tokens[index - 1], tokens[index + 1]].some(touchesDigits);
    const exact = beside || token.digits === 4;
    const count = exact ? `{${token.digits}}` : `{1,${token.digits}}`;
    source += `(${token.digits === 0 ? token.pattern : `\\d${count}`})`;
  }
  const pattern = new RegExp(`^${source}$`, 'i');
  const problem = problemOf(format);
  if (problem !== null) return problem;
  return (text) => {
    const found = pattern.exec(text);
    if (found === null) return null;
    const fields: Fields = {};
    for (const [index, put] of puts.entries()) put(fields, found[index + 1] ?? '');
    return timeOf(fields);
  };
}

/** Whether digits of a neighbour could be taken for those of the token between. */
function touchesDigits(token: Token | undefined): boolean {
  return (
    typeof token === 'object' && (token.digits > 0 || token.pattern?.startsWith('\\d') === true)
  );
}

function tokensOf(format: string): Token[] | string {
  const long = format.replace(
    /%([FTRD])/g,
    (_, name: keyof typeof SHORT_FORMS) => SHORT_FORMS[name],
  );
  const tokens: Token[] = [];
  for (const [part, name] of long.matchAll(/%[-_^]?(.)|[^%]+|%$/gs)) {
    if (name === undefined) {
      if (part === '%') return 'it ends in a single %';
      tokens.push(part);
    } else if (name === '%') {
      tokens.push('%');
    } else if (Object.hasOwn(DIRECTIVES, name)) {
      tokens.push(DIRECTIVES[name] as Directive);
    } else {
      return `no directive ${part}; there are ${Object.keys(DIRECTIVES)
        .map((known) => `%${known}`)
        .join(' ')}`;
    }
  }
  return tokens;
}

/** What a pattern lacks to make a time. */
function problemOf(format: string): string | null {
  const has = (...names: readonly string[]) =>
    names.some((name) => new RegExp(`(^|[^%])(%%)*%[-_^]?${name}`).test(format));
  if (!format.includes('%')) {
    return `no such format ${format}; there are iso, ${NUMBER_FORMATS.join(', ')} and patterns of %Y`;
  }
  if (!has('Y', 'y', 'F', 'D')) return 'it has no year (%Y or %y)';
  const hasDay = has('d', 'e', 'F', 'D') && has('m', 'b', 'B', 'h', 'F', 'D');
  if (!hasDay && !has('j')) return 'it has no month and day (%m and %d, or %j)';
  if (has('I', 'l') !== has('p')) return '%I, hours from 1 to 12, and %p need each other';
  return null;
}

function timeOf(fields: Fields): ClockTime | null {
  const { year = 1, month = 1, dayOfYear, minute = 0, second = 0, millisecond = 0 } = fields;
  let hour = fields.hour ?? 0;
  if (fields.hour12 !== undefined) {
    if (fields.hour12 < 1 || fields.hour12 > 12) return null;
    hour = (fields.hour12 % 12) + (fields.isAfternoon ? 12 : 0);
  }
  const day = dayOfYear === undefined ? (fields.day ?? 1) : 1;
  let localMs = clockMs({ year, month, day, hour, minute, second, millisecond });
  if (localMs === null) return null;
  if (dayOfYear !== undefined) {
    const days = (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / DAY_MS;
    if (dayOfYear < 1 || dayOfYear > days) return null;
    localMs += (dayOfYear - 1) * DAY_MS;
  }
  return withOffset(localMs, fields.offset);
}
