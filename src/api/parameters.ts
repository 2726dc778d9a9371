/** From the text of an address to typed values: the only place where parameters are judged. */
import { IsobarError } from '../errors.ts';

export interface TimeRange {
  /** Inclusive, ISO 8601 in UTC; null for no limit. */
  readonly from: string | null;
  /** Exclusive. */
  readonly to: string | null;
}

export function parameterError(field: string, text: string): IsobarError {
  return new IsobarError('PARAMETER_INVALID', `${field}: ${text}`, { details: { field } });
}

/** A blank stands for the `+` that an unescaped address loses on its way. */
const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(?:\.\d{1,3})?)?(Z|[+\- ]\d\d:?\d\d)$/i;

/** ISO 8601 with an offset (`2024-10-31T14:00+01:00`) → the same in UTC. */
export function parseTime(field: string, text: string): string {
  const match = TIME.exec(text);
  if (match === null) {
    throw parameterError(
      field,
      'is no ISO 8601 time with an offset, such as 2024-10-31T14:00:00Z or …+01:00',
    );
  }
  const [, day = '', clock = '', seconds = ':00', offset = ''] = match;
  const sign = offset.startsWith(' ') ? `+${offset.slice(1)}` : offset;
  const zone = /^[+-]\d{4}$/.test(sign) ? `${sign.slice(0, 3)}:${sign.slice(3)}` : sign;
  const time = new Date(`${day}T${clock}${seconds}${zone.toUpperCase()}`);
  const [year, month, date] = day.split('-').map(Number);
  const daysOfMonth = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  if (Number.isNaN(time.getTime()) || (date ?? 0) > daysOfMonth) {
    throw parameterError(field, 'names a day or a time that does not exist');
  }
  if (time.getTime() < TIME_MIN || time.getTime() > TIME_MAX) {
    throw parameterError(field, 'lies outside the years 1 to 9999');
  }
  return time.toISOString();
}

const TIME_MIN = Date.parse('0001-01-01T00:00:00Z');
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');

export function parseRange(query: { readonly from?: string; readonly to?: string }): TimeRange {
  const from = query.from === undefined ? null : parseTime('from', query.from);
  const to = query.to === undefined ? null : parseTime('to', query.to);
  if (from !== null && to !== null && from >= to) {
    throw parameterError('to', 'is not later than `from`');
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
      throw new IsobarError('CITY_UNKNOWN', `city: ${JSON.stringify(id)} is not known`, {
        details: { field: 'city' },
      });
    }
  }
  return cities;
}

export type CursorValue = string | number;

/** The key of the last row of a page, as callers hand it back. */
export function formatCursor(key: readonly CursorValue[]): string {
  return Buffer.from(JSON.stringify(key), 'utf8').toString('base64url');
}

/** `kinds` says what the key consists of: `time`, `string` or `number`. */
export function parseCursor(
  text: string | undefined,
  kinds: readonly ('time' | 'string' | 'number')[],
): readonly CursorValue[] | null {
  if (text === undefined) return null;
  const key = parseJson(Buffer.from(text, 'base64url').toString('utf8'));
  const fits =
    Array.isArray(key) &&
    key.length === kinds.length &&
    kinds.every((kind, index) => {
      const value: unknown = key[index];
      if (kind === 'number') return typeof value === 'number';
      return typeof value === 'string' && (kind === 'string' || isTime(value));
    });
  if (!fits) throw parameterError('cursor', 'is none that this address has given');
  return key as CursorValue[];
}

/** As the engine writes a time: UTC, down to microseconds. */
function isTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
