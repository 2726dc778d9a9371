/** From a record of the log to what is shown of it before it has landed. */
import { CLOCK_SKEW_S_MAX, OBSERVED_AT_MIN } from '../model/observation.ts';
import { formatTime } from '../model/time-zone.ts';
import { traceIdOf } from '../model/trace.ts';
import { fieldProblem } from '../model/validity.ts';
import { VARIABLE_NAMES, type VariableName } from '../model/variables.ts';
import { versionKey } from '../model/versions.ts';
import type { Newest } from './latest-conditions.ts';

/**
 * The observation, or null for a record that makes none or that the landing will reject. A value
 * that cannot be used is null, as it will be in the table.
 */
export function parseTailRecord(value: Uint8Array): Newest | null {
  const record = parseObject(value);
  if (record === null || 'invalid' in record) return null;
  const cityId = textOf(record.city_id);
  const observedAt = timeOf(record.observed_at);
  const collectedAt = timeOf(record.collected_at);
  if (cityId === null || observedAt === null || collectedAt === null) return null;
  if (Date.parse(observedAt) < Date.parse(OBSERVED_AT_MIN)) return null;
  if (Date.parse(observedAt) > Date.parse(collectedAt) + CLOCK_SKEW_S_MAX * 1_000) return null;
  const measurements = {} as Record<VariableName, number | null>;
  for (const name of VARIABLE_NAMES) {
    const given = record[name];
    measurements[name] = fieldProblem(name, given) === null ? (given as number) : null;
  }
  const observation = {
    city_id: cityId,
    city: textOf(record.city) ?? cityId,
    country: textOf(record.country) ?? '',
    observed_at: observedAt,
    collected_at: collectedAt,
    source: textOf(record.source) ?? '',
    interval_s: wholeOf(record.interval_s),
    utc_offset_s: wholeOf(record.utc_offset_s),
    ...measurements,
    condition_id: wholeOf(record.condition_id),
    condition: textOf(record.condition),
  };
  const [import_id, import_row] = [wholeOf(record.import_id), wholeOf(record.import_row)];
  const rejected = Array.isArray(record.rejected_fields) ? record.rejected_fields : null;
  const version = versionKey({ ...observation, import_id, import_row, rejected_fields: rejected });
  const trace_id = traceIdOf({ ...observation, import_id, import_row });
  return { ...observation, version, trace_id };
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
  return typeof value === 'string' && value !== '' ? value : null;
}

function wholeOf(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null;
}

/** As the table writes it, so that both say the same of one observation. */
function timeOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) return null;
  return formatTime(time);
}
