/** The columns of the files that this room writes: partial aggregates and datasets. */
import { COVERED_VALUES, MISSING_COLUMNS } from '../model/coverage.ts';
import type { Columns } from '../sql/engine.ts';

export const CITY_PARTIAL_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  month: 'VARCHAR',
  city: 'VARCHAR',
  country: 'VARCHAR',
  observation_count: 'BIGINT',
  temperature_c_count: 'BIGINT',
  temperature_c_mean: 'DOUBLE',
  temperature_c_m2: 'DOUBLE',
  temperature_c_min: 'DOUBLE',
  temperature_c_min_at: 'TIMESTAMPTZ',
  temperature_c_max: 'DOUBLE',
  temperature_c_max_at: 'TIMESTAMPTZ',
  humidity_pct_count: 'BIGINT',
  humidity_pct_mean: 'DOUBLE',
  first_observed_at: 'TIMESTAMPTZ',
  last_observed_at: 'TIMESTAMPTZ',
};

export const HOURLY_PARTIAL_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  month: 'VARCHAR',
  hour_utc: 'INTEGER',
  hour_local: 'INTEGER',
  observation_count: 'BIGINT',
  temperature_c_count: 'BIGINT',
  temperature_c_mean: 'DOUBLE',
  humidity_pct_count: 'BIGINT',
  humidity_pct_mean: 'DOUBLE',
  wind_speed_ms_count: 'BIGINT',
  wind_speed_ms_mean: 'DOUBLE',
  wind_direction_deg_count: 'BIGINT',
  wind_direction_sin: 'DOUBLE',
  wind_direction_cos: 'DOUBLE',
};

export const CITY_STATISTICS_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  city: 'VARCHAR',
  country: 'VARCHAR',
  observation_count: 'BIGINT',
  temperature_c_count: 'BIGINT',
  temperature_c_mean: 'DOUBLE',
  temperature_c_min: 'DOUBLE',
  temperature_c_min_at: 'TIMESTAMPTZ',
  temperature_c_max: 'DOUBLE',
  temperature_c_max_at: 'TIMESTAMPTZ',
  temperature_c_stddev: 'DOUBLE',
  humidity_pct_count: 'BIGINT',
  humidity_pct_mean: 'DOUBLE',
  first_observed_at: 'TIMESTAMPTZ',
  last_observed_at: 'TIMESTAMPTZ',
  coverage_pct: 'DOUBLE',
  temperature_c_coverage_pct: 'DOUBLE',
  humidity_pct_coverage_pct: 'DOUBLE',
  held_s: 'DOUBLE',
  expected_s: 'DOUBLE',
  first_interval_s: 'BIGINT',
  last_interval_s: 'BIGINT',
  ...Object.fromEntries(
    COVERED_VALUES.flatMap((value) => [
      [`${value}_last_s`, 'BIGINT'],
      [`${value}_interval_s`, 'BIGINT'],
      [`${value}_missing_before_s`, 'DOUBLE'],
      ...MISSING_COLUMNS.map((name) => [`${value}_${name}`, 'DOUBLE']),
    ]),
  ),
};

export const HOURLY_TRENDS_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  city: 'VARCHAR',
  clock: 'VARCHAR',
  hour: 'INTEGER',
  observation_count: 'BIGINT',
  temperature_c_mean: 'DOUBLE',
  humidity_pct_mean: 'DOUBLE',
  wind_speed_ms_mean: 'DOUBLE',
  wind_direction_deg_mean: 'DOUBLE',
  temperature_c_count: 'BIGINT',
  humidity_pct_count: 'BIGINT',
  wind_speed_ms_count: 'BIGINT',
  wind_direction_deg_count: 'BIGINT',
  wind_direction_sin: 'DOUBLE',
  wind_direction_cos: 'DOUBLE',
};

export const BOUND_COLUMNS: Columns = { city_id: 'VARCHAR', low: 'DOUBLE', high: 'DOUBLE' };
export const CANDIDATE_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  month: 'VARCHAR',
  observed_at: 'TIMESTAMPTZ',
  temperature_c: 'DOUBLE',
};

export const QUALITY_FLAG_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  observed_at: 'TIMESTAMPTZ',
  variable: 'VARCHAR',
  test: 'VARCHAR',
  verdict: 'VARCHAR',
  value: 'DOUBLE',
  expected: 'DOUBLE',
  spread: 'DOUBLE',
  compared: 'DOUBLE',
};

export const STATION_DRIFT_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  began_at: 'TIMESTAMPTZ',
  variable: 'VARCHAR',
  difference: 'DOUBLE',
  spread: 'DOUBLE',
  count: 'BIGINT',
};

export const EVENT_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  variable: 'VARCHAR',
  rule: 'VARCHAR',
  began_at: 'TIMESTAMPTZ',
  ended_at: 'TIMESTAMPTZ',
  peak_at: 'TIMESTAMPTZ',
  value: 'DOUBLE',
  expected: 'DOUBLE',
  score: 'DOUBLE',
  flagged_count: 'BIGINT',
  severity: 'VARCHAR',
  class: 'VARCHAR',
  flag_count: 'BIGINT',
  other_variables: 'VARCHAR',
  neighbour_count: 'BIGINT',
  record: 'VARCHAR',
  season_years: 'BIGINT',
  spread: 'DOUBLE',
};

export const ANOMALY_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  city: 'VARCHAR',
  observed_at: 'TIMESTAMPTZ',
  variable: 'VARCHAR',
  value: 'DOUBLE',
  expected: 'DOUBLE',
  score: 'DOUBLE',
  threshold: 'DOUBLE',
  rule: 'VARCHAR',
  observation_count: 'BIGINT',
  stddev: 'DOUBLE',
};
