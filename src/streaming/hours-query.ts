/**
 * What the stream computes, as Spark's SQL: the sums of each city's hours, over the records of the
 * log.
 *
 * A record counts as it does for the landing: by the same limits (model/variables.ts), and of two
 * live versions of one observation the one that was collected later (model/versions.ts; of two that
 * were collected at the very same time the table takes the one with the greater hash of its content,
 * the stream the one that came later). Imports are
 * left out: they are not live, and their versions are ordered by numbers that the stream lacks.
 */
import { CLOCK_SKEW_S_MAX, OBSERVED_AT_MIN } from '../model/observation.ts';
import { VARIABLES, type VariableName } from '../model/variables.ts';
import type { Offsets } from './reconcile.ts';

const SUMMED = ['temperature_c', 'humidity_pct', 'wind_speed_ms'] as const satisfies VariableName[];

const RECORD_SCHEMA = [
  ...['city_id', 'observed_at', 'collected_at', 'source', 'invalid'].map(
    (name) => `${name} STRING`,
  ),
  ...SUMMED.map((name) => `${name} DOUBLE`),
].join(', ');

/** As a rule, a number that no sound instrument reports is missing. */
function usable(name: VariableName): string {
  const { minimum, maximum } = VARIABLES[name];
  return `CASE WHEN record.${name} BETWEEN ${minimum}e0 AND ${maximum}e0 THEN record.${name} END AS ${name}`;
}

/** One row per live record that is valid, over the view `source` of the topic's records. */
export const ROWS_SQL = `
  SELECT * FROM (
    SELECT record.city_id,
      try_cast(record.observed_at AS TIMESTAMP) AS observed_at,
      try_cast(record.collected_at AS TIMESTAMP) AS collected_at,
      log_partition, log_offset,
      ${SUMMED.map(usable).join(',\n      ')}
    FROM (
      SELECT from_json(CAST(value AS STRING), '${RECORD_SCHEMA}') AS record,
        partition AS log_partition, offset AS log_offset
      FROM source
    ) AS parsed
    WHERE record.invalid IS NULL AND record.city_id <> ''
      AND NOT startswith(coalesce(record.source, 'import:'), 'import:')
  ) AS typed
  WHERE observed_at IS NOT NULL AND collected_at IS NOT NULL
    AND observed_at >= TIMESTAMP '${OBSERVED_AT_MIN}'
    AND observed_at <= collected_at + INTERVAL ${CLOCK_SKEW_S_MAX} SECONDS`;

/** Sorted, the last version of an observation is the one that counts. */
const VERSION = [...['observed_at', 'collected_at', 'log_partition', 'log_offset'], ...SUMMED].join(
  ', ',
);

const values = (name: string) =>
  `filter(transform(counting, one -> one.${name}), value -> value IS NOT NULL)`;
const sum = (name: string) => `aggregate(${values(name)}, 0e0, (total, value) -> total + value)`;

const FIELDS: Readonly<Record<string, string>> = {
  city_id: 'city_id',
  hour: 'unix_seconds(hour)',
  observation_count: 'size(counting)',
  temperature_c_count: `size(${values('temperature_c')})`,
  temperature_c_sum: sum('temperature_c'),
  temperature_c_min: `array_min(${values('temperature_c')})`,
  temperature_c_max: `array_max(${values('temperature_c')})`,
  humidity_pct_count: `size(${values('humidity_pct')})`,
  humidity_pct_sum: sum('humidity_pct'),
  wind_speed_ms_count: `size(${values('wind_speed_ms')})`,
  wind_speed_ms_sum: sum('wind_speed_ms'),
  log_partition: 'last.log_partition',
  log_offset: 'last.log_offset',
};

/** A key and a value for the topic, over the view `rows`; `logId` marks whose they are. */
export function hoursSql(logId: string): string {
  const fields = Object.entries(FIELDS).map(([name, sql]) => `'${name}', ${sql}`);
  return `
    SELECT concat(city_id, '|', CAST(unix_seconds(hour) AS STRING)) AS key,
      to_json(named_struct('log_id', '${logId}', ${fields.join(', ')})) AS value
    FROM (
      SELECT city_id, hour, last,
        filter(versions, (one, at) -> at = size(versions) - 1
          OR get(versions, at + 1).observed_at <> one.observed_at) AS counting
      FROM (
        SELECT city_id, window.start AS hour,
          sort_array(collect_list(struct(${VERSION}))) AS versions,
          max(struct(log_offset, log_partition)) AS last
        FROM rows GROUP BY city_id, window(observed_at, '1 hour')
      ) AS grouped
    ) AS counted`;
}

/**
 * The same sums of the table's live rows, over the view `observations`, for DuckDB: of records below
 * these offsets. `has_newer` says that an hour has others, too.
 */
export function tableSql(streamed: Offsets): string {
  const cases = streamed.map((offset, at) => `WHEN ${at} THEN log_offset < ${offset}`);
  const sums = SUMMED.map(
    (name) => `count(${name}) FILTER (is_streamed) AS ${name}_count,
    coalesce(sum(${name}) FILTER (is_streamed), 0) AS ${name}_sum`,
  );
  return `
    SELECT city_id, CAST(floor(epoch(observed_at) / 3600) * 3600 AS BIGINT) AS hour,
      count(*) FILTER (is_streamed) AS observation_count,
      ${sums.join(',\n      ')},
      min(temperature_c) FILTER (is_streamed) AS temperature_c_min,
      max(temperature_c) FILTER (is_streamed) AS temperature_c_max,
      arg_max(log_partition, log_offset) AS log_partition, max(log_offset) AS log_offset,
      min(log_offset) AS first_offset, NOT bool_and(is_streamed) AS has_newer
    FROM (
      SELECT *, CASE log_partition ${cases.join(' ')} ELSE FALSE END AS is_streamed
      FROM observations
      WHERE log_id = $log AND NOT starts_with(source, 'import:')
        AND observed_at >= CAST($since AS TIMESTAMPTZ)
    ) AS live
    GROUP BY ALL`;
}
