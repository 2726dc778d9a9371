/** From a record of the log to what is shown of it before it has landed. */
import { CITY_ID_PATTERN } from '../model/city.ts';
import { isoTime } from '../model/iso-time.ts';
import { CLOCK_SKEW_S_MAX, OBSERVED_AT_MIN, TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import { traceIdOf } from '../model/trace.ts';
import { fieldProblem, WHOLES } from '../model/validity.ts';
import { VARIABLE_NAMES, type VariableName } from '../model/variables.ts';
import { versionKey } from '../model/versions.ts';
import type { Newest } from './latest-conditions.ts';

/**
 * The observation, or null for a record that makes none or that the landing will reject. A value
 * that cannot be used is null, as it will be in the table (table/parsing-sql.ts).
 */
export function parseTailRecord(value: Uint8Array): Newest | null {
  const record = parseObject(value);
  if (record === null || (record.invalid ?? null) !== null) return null;
  const [cityId, source] = [textOf(record.city_id), textOf(record.source)];
  const observedAt = timeOf(record.observed_at);
  const collectedAt = timeOf(record.collected_at);
  if (cityId === null || !CITY_ID_PATTERN.test(cityId)) return null;
  if (source === null || source === '' || observedAt === null || collectedAt === null) return null;
  if (Date.parse(observedAt) < Date.parse(OBSERVED_AT_MIN)) return null;
  if (Date.parse(observedAt) > Date.parse(collectedAt) + CLOCK_SKEW_S_MAX * 1_000) return null;
  const measurements = {} as Record<VariableName, number | null>;
  for (const name of VARIABLE_NAMES) {
    const given = numberOf(record[name]);
    measurements[name] = fieldProblem(name, given) === null ? given : null;
  }
  const observation = {
    city_id: cityId,
    city: textOf(record.city) ?? cityId,
    country: textOf(record.country),
    observed_at: observedAt,
    collected_at: collectedAt,
    source,
    interval_s: wholeOf(record, 'interval_s'),
    utc_offset_s: wholeOf(record, 'utc_offset_s'),
    ...measurements,
    condition_id: wholeOf(record, 'condition_id'),
    condition: textOf(record.condition),
  };
  const [import_id, import_row] = [record.import_id, record.import_row].map(numberOf);
  const rejected = Array.isArray(record.rejected_fields) ? record.rejected_fields : null;
  const numbered = { import_id: import_id ?? null, import_row: import_row ?? null };
  const version = versionKey({ ...observation, ...numbered, rejected_fields: rejected });
  return { ...observation, version, trace_id: traceIdOf({ ...observation, ...numbered }) };
}

function parseObject(value: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return [...text].length <= TEXT_CHARACTERS_MAX ? text : null;
}

/** A text that is a number counts as one. */
function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  const isNumber = typeof value === 'string' && NUMBER.test(value.trim());
  return isNumber ? Number(value) : null;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** To the nearest whole number, and away from 0 from the middle of two. */
function wholeOf(
  record: Readonly<Record<string, unknown>>,
  name: keyof typeof WHOLES,
): number | null {
  const value = numberOf(record[name]);
  if (value === null) return null;
  const whole = Math.sign(value) * Math.round(Math.abs(value)) + 0;
  const [least, most] = WHOLES[name];
  return whole >= least && whole <= most ? whole : null;
}

/** A time with its offset to UTC, to the microsecond, as the table writes it. */
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d*))?(Z|[+-]\d\d:?\d\d)$/;

function timeOf(value: unknown): string | null {
  const [, date, clock, digits = '', offset] = TIME.exec(String(value ?? '')) ?? [];
  if (date === undefined) return null;
  // Date makes the 1st of March of the 30th of February.
  const isDate = Number.isFinite(Date.parse(date)) && dateOf(Date.parse(date)) === date;
  const time = Date.parse(`${date}T${clock}${offset}`);
  if (!isDate || Number.isNaN(time)) return null;
  return isoTime(BigInt(time) * 1_000n + BigInt(digits.slice(0, 6).padEnd(6, '0')));
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
