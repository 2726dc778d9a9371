/** One line of the raw export, parsed. */
import { CONTENT_COLUMNS } from '../../model/observation.ts';
import { VARIABLE_NAMES, type VariableName } from '../../model/variables.ts';

export interface RawRow {
  readonly city_id: string;
  readonly city: string | null;
  readonly country: string | null;
  /** As it stands in the line: ISO 8601 in UTC. */
  readonly observed_at: string;
  /** The same in whole seconds since 1970. */
  readonly seconds: number;
  readonly interval_s: number | null;
  readonly utc_offset_s: number | null;
  readonly values: Readonly<Record<VariableName, number | null>>;
  /** Whether it holds any value, such as a condition. */
  readonly hasValue: boolean;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/;
/** Numbers beyond are infinities that someone wrote out; they count as missing. */
const NUMBER_MAX = 1e300;

/** Seconds that a source which does not say its interval counts for, and those of a year. */
const INTERVAL_S_DEFAULT = 3_600;
const YEAR_S = 31_536_000;

/** The interval of the row's source, in seconds. */
export function intervalOf({ interval_s }: RawRow): number {
  return Math.min(Math.max(interval_s ?? INTERVAL_S_DEFAULT, 1), YEAR_S);
}

/** The row, or what is wrong with the line. */
export function parseRawRow(line: string): RawRow | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return 'it is not an object';
  }
  const record = parsed as Readonly<Record<string, unknown>>;
  const { city_id, observed_at } = record;
  if (typeof city_id !== 'string' || city_id === '') return 'city_id is not a text';
  if (typeof observed_at !== 'string' || !TIME.test(observed_at))
    return 'observed_at is not a time';
  const seconds = Math.floor(Date.parse(observed_at) / 1_000);
  if (!Number.isFinite(seconds)) return 'observed_at is not a time';
  const values = {} as Record<VariableName, number | null>;
  for (const name of VARIABLE_NAMES) values[name] = numberOf(record[name]);
  return {
    city_id,
    city: textOf(record.city),
    country: textOf(record.country),
    observed_at,
    seconds,
    interval_s: numberOf(record.interval_s),
    utc_offset_s: numberOf(record.utc_offset_s),
    values,
    hasValue: CONTENT_COLUMNS.some((name) =>
      name in values ? values[name as VariableName] !== null : (record[name] ?? null) !== null,
    ),
  };
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Math.abs(value) <= NUMBER_MAX ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
