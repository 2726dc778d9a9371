import type { RejectedField } from './validity.ts';
import type { VariableName } from './variables.ts';
import { VARIABLE_NAMES } from './variables.ts';

/**
 * One observation of one city, as the collector makes it and the log's records carry it.
 *
 * Its identity is (city_id, observed_at). Times are ISO 8601 in UTC. A measurement that the
 * provider did not give is absent or null, never 0.
 */
export interface Observation extends Measurements {
  readonly city_id: string;
  readonly city: string;
  readonly country: string;
  /** The provider's own time (`dt`), never the clock of the poll. */
  readonly observed_at: string;
  /** When the answer came; for imports when the import began. */
  readonly collected_at: string;
  /** `openweathermap`, `simulator`, or `import:<name of the mapping>`. */
  readonly source: string;
  /** Seconds between two expected observations of this source: 600 live, the mapping's for imports. */
  readonly interval_s: number;
  /** Seconds to add to UTC for the city's clock at `observed_at`. */
  readonly utc_offset_s: number | null;
  readonly provider_city_id: number | null;
  /** The provider's answer as it came, its very characters; null for imports of tables. */
  readonly response: string | null;
  /** Measurements that the reader could not use; each is absent above. */
  readonly rejected_fields?: readonly RejectedField[];
  /** For imports: the import's number, and the record's number within it, from 1. */
  readonly import_id?: number;
  readonly import_row?: number;
}

export type Measurements = {
  readonly [name in VariableName]?: number | null;
} & {
  /** OpenWeatherMap's condition code, such as 500. */
  readonly condition_id?: number | null;
  /** Its description in English, such as "light rain". */
  readonly condition?: string | null;
};

/**
 * What a reader could not turn into an observation: it goes through the log too, so that nothing is
 * dropped in silence, and is rejected with this reason at the landing.
 */
export interface InvalidRecord {
  /** Why, without the word "invalid": `dt is missing`. */
  readonly invalid: string;
  readonly city_id: string;
  readonly collected_at: string;
  readonly source: string;
  /** What came, as text; cut to 64 KiB. */
  readonly response: string;
  readonly import_id?: number;
  readonly import_row?: number;
}

export type CollectedRecord = Observation | InvalidRecord;

export function isInvalidRecord(record: CollectedRecord): record is InvalidRecord {
  return 'invalid' in record;
}

/** Columns whose values decide whether two versions of an identity say the same. */
export const CONTENT_COLUMNS = [...VARIABLE_NAMES, 'condition_id', 'condition'] as const;

/** The content of a row or record that may hold anything: the columns with a value. */
export function contentOf(row: Readonly<Record<string, unknown>>): Record<string, number | string> {
  const entries = CONTENT_COLUMNS.flatMap((name) => {
    const value = row[name];
    return typeof value === 'number' || typeof value === 'string' ? [[name, value] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** The same measurements, whatever their times say. */
export function equalContent(a: Measurements, b: Measurements): boolean {
  return CONTENT_COLUMNS.every((column) => (a[column] ?? null) === (b[column] ?? null));
}

/** Bytes of one record in the log at most. */
export const RECORD_BYTES_MAX = 900 * 1024;

/** An observation is refused when `observed_at` is later than `collected_at` by more than this. */
export const CLOCK_SKEW_S_MAX = 600;

/** No observation is older than this (UTC). */
export const OBSERVED_AT_MIN = '1950-01-01T00:00:00Z';

/** Characters of one text column at most; `response` is limited by the record's own size. */
export const TEXT_CHARACTERS_MAX = 256;

/** A record as the log carries it: UTF-8 of one JSON object. */
export function formatRecord(record: CollectedRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record), 'utf8');
}
