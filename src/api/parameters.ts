/** From the text of an address to typed values: the only place where parameters are judged. */
import { IsobarError } from '../errors.ts';
import { compareTimes } from '../model/iso-time.ts';

export interface TimeRange {
  /** Inclusive, ISO 8601 in UTC; null for no limit. */
  readonly from: string | null;
  /** Exclusive. */
  readonly to: string | null;
}

export function parameterError(field: string, text: string): IsobarError {
  return new IsobarError('PARAMETER_INVALID', `${field}: ${text}`, { details: { field } });
}

const YEAR = String.raw`[12]\d{3}`;
const LEAP_YEAR = String.raw`[12]\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00`;
/** A day that the calendar has, from the year 1000 to 2999. */
const DAY = [
  `${YEAR}-(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])`,
  `${YEAR}-(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)`,
  `${YEAR}-02-(?:0[1-9]|1[0-9]|2[0-8])`,
  `(?:${LEAP_YEAR})-02-29`,
].join('|');
const HOUR = '(?:[01][0-9]|2[0-3])';
const SECOND = `(?:${DAY})T${HOUR}:[0-5][0-9]:[0-5][0-9]`;

/**
 * What the description says of times: RFC 3339, every one of which is accepted. `parseTime` reads
 * more, such as the forms of other languages and databases.
 */
export const TIME_PATTERN = `^${SECOND}(?:[.][0-9]{1,9})?(?:Z|[+-]${HOUR}:[0-5][0-9])$`;

/** What a cursor with a key of these kinds looks like. */
export function cursorPattern(kinds: readonly CursorKind[]): string {
  return `^${kinds.map((kind) => CURSOR_PATTERNS[kind]).join(',')}$`;
}

/**
 * `2024-10-31T14:00:00.123456+01:00`; the seconds, their fraction and the minutes of the offset may
 * be left out. A blank in the offset stands for the `+` that an unescaped address loses on its way.
 */
const TIME = new RegExp(
  [
    /^(?<day>\d{4}-\d\d-\d\d)[T ](?<clock>\d\d:\d\d)/,
    /(?::(?<second>\d\d)(?:[.,](?<fraction>\d{1,9}))?)?/,
    /(?<zone>Z|[+\- ]\d\d(?::?\d\d)?)$/,
  ]
    .map(({ source }) => source)
    .join(''),
  'i',
);

/**
 * ISO 8601 with an offset (`2024-10-31T14:00+01:00`) → the same in UTC. Times have microseconds, as
 * in the table; a finer one becomes the next microsecond, which lies on the same side of every
 * observation.
 */
export function parseTime(field: string, text: string): string {
  const { day = '', clock = '', second = '00', fraction = '', zone = '' } = matchTime(field, text);
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : formatOffset(zone);
  const time = Date.parse(`${day}T${clock}:${second}${offset}`);
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const daysOfMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (Number.isNaN(time) || date > daysOfMonth) {
    throw parameterError(field, `no such time: ${quote(text)}`);
  }
  const micros = Math.ceil(Number(fraction.padEnd(9, '0')) / 1_000);
  const milliseconds = Math.floor(micros / 1_000);
  const instant = time + milliseconds;
  if (instant < TIME_MIN || instant > TIME_MAX) {
    throw parameterError(field, `expected a time of the years 1 to 9999; got ${quote(text)}`);
  }
  const rest = micros % 1_000;
  const written = new Date(instant).toISOString();
  return rest === 0 ? written : written.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}

function matchTime(field: string, text: string): Partial<Record<string, string>> {
  const groups = TIME.exec(text)?.groups;
  if (groups !== undefined) return groups;
  throw parameterError(
    field,
    'expected an ISO 8601 time with an offset, for example 2024-10-31T14:00:00Z or ' +
      `2024-10-31T15:00:00+01:00; got ${quote(text)}`,
  );
}

/** ` 01`, `+0100`, `+01:00` → `+01:00` */
function formatOffset(zone: string): string {
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone.startsWith('-') ? '-' : '+'}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

const TIME_MIN = Date.parse('0001-01-01T00:00:00Z');
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');

export function parseRange(query: { readonly from?: string; readonly to?: string }): TimeRange {
  const from = query.from === undefined ? null : parseTime('from', query.from);
  const to = query.to === undefined ? null : parseTime('to', query.to);
  if (from !== null && to !== null && compareTimes(from, to) >= 0) {
    throw parameterError('to', `expected a time after \`from\` (${from}); got ${to}`);
  }
  return { from, to };
}

/** The ids, each once and in order. Rejects with CITY_UNKNOWN. */
export function parseCities(
  ids: readonly string[] | undefined,
  known: { readonly has: (id: string) => boolean },
): readonly string[] {
  const cities = [...new Set(ids ?? [])].sort();
  for (const id of cities) {
    if (!known.has(id)) {
      throw new IsobarError('CITY_UNKNOWN', `city: unknown id ${JSON.stringify(id)}`, {
        details: { field: 'city' },
      });
    }
  }
  return cities;
}

export type CursorValue = string | number;
export type CursorKind = 'time' | 'string' | 'number' | 'decimal';

const CURSOR_PATTERNS: Readonly<Record<CursorKind, string>> = {
  time: `${SECOND}(?:[.][0-9]{1,6})?Z`,
  string: '[a-z0-9][a-z0-9._-]{0,63}',
  number: '[0-9]{1,15}',
  // As numbers are written: one digit before an exponent, which stays below the largest of a number.
  decimal:
    '-?(?:[0-9]{1,21}(?:[.][0-9]{1,25})?' +
    '|[0-9](?:[.][0-9]{1,20})?e(?:[+]?(?:[0-9]{1,2}|[12][0-9]{2}|30[0-7])|-[0-9]{1,3}))',
};

/** The key of the last row of a page, as callers hand it back: `2024-10-31T14:00:00Z,berlin`. */
export function formatCursor(key: readonly CursorValue[]): string {
  return key.join(',');
}

/**
 * `kinds` says what the key consists of; `others` what cursors of the same address may consist of that
 * come with other parameters.
 */
export function parseCursor(
  text: string | undefined,
  kinds: readonly CursorKind[],
  others: readonly CursorKind[] | null = null,
): readonly CursorValue[] | null {
  if (text === undefined) return null;
  const isOf = (some: readonly CursorKind[]) => new RegExp(cursorPattern(some)).test(text);
  if (!isOf(kinds) && others !== null && isOf(others)) {
    throw new IsobarError('CURSOR_MISMATCH', 'cursor: it is not one of this order', {
      details: { field: 'cursor' },
    });
  }
  const parts = text.split(',');
  if (!isOf(kinds)) {
    throw parameterError('cursor', 'expected `meta.next_cursor` of an answer of this address');
  }
  const isNumber = (kind: CursorKind | undefined) => kind === 'number' || kind === 'decimal';
  return parts.map((part, index) => (isNumber(kinds[index]) ? Number(part) : part));
}
