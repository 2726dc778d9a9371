/**
 * Days, months and what follows from them in the texts of this room: the parts that are made from the
 * list of variables, and the limits of model/climate.ts.
 *
 *     days             of each UTC month a partial aggregate by city and day of the city's clock: a
 *                      day near the month's end has one in two of them
 *     month_rows       one row per city and month, from whole days
 *     calendar_months  sums and extremes by month of the year, which can be merged
 */
import {
  DAY_COVERAGE_LEAST_PCT,
  DAY_LIMITS,
  MONTH_MISSING_MOST,
  NORMAL_YEARS,
  RAIN_COVERAGE_LEAST_PCT,
} from '../model/climate.ts';
import type { Columns, ColumnType } from '../sql/engine.ts';

/** Variables whose days and months are summed up, and which of their extremes say something. */
export const ENDS = {
  temperature_c: ['min', 'max'],
  humidity_pct: ['min', 'max'],
  pressure_hpa: ['min', 'max'],
  wind_speed_ms: ['max'],
  wind_gust_ms: ['max'],
} as const;

export type DayVariable = keyof typeof ENDS;
type Name = DayVariable;
const NAMES = Object.keys(ENDS) as Name[];
/** `temperature_c_min`, … with the function that finds it. */
const EXTREMES = NAMES.flatMap((name) =>
  ENDS[name].map((end) => ({ name, end, column: `${name}_${end}` })),
);
export const FALLEN = ['rain', 'snow'] as const;
const KINDS_OF_DAYS = [
  ...['frost_day', 'ice_day', 'summer_day', 'hot_day', 'tropical_night', 'wet_day'],
] as const;
const DEGREE_DAYS = ['heating_degree_days', 'cooling_degree_days'] as const;

/** What is usual in a month: its name there, and of a full month's row. */
const NORMALS = [
  ...['temperature_c_mean', 'temperature_c_min_mean', 'temperature_c_max_mean'],
  ...['humidity_pct_mean', 'pressure_hpa_mean', 'wind_speed_ms_mean', 'rain_mm', ...DEGREE_DAYS],
  ...KINDS_OF_DAYS.map((kind) => `${kind}_count`),
];

const DAY_MICROS = 86_400_000_000;
/** More than the microseconds of three days: what a value is multiplied with before its time is added. */
const KEY_UNIT = 2 ** 38;
/** More hours of UTC than a day of any clock touches; each has a bit of a whole number. */
const HOURS_MAX = 60;

const extremeColumns: Columns = columns(
  EXTREMES.flatMap(({ column }) => [
    [column, 'DOUBLE'],
    [`${column}_at`, 'TIMESTAMPTZ'],
  ]),
);
const fallenColumns: Columns = columns(
  FALLEN.flatMap((kind) => [
    [`${kind}_mm`, 'DOUBLE'],
    [`${kind}_reported_s`, 'DOUBLE'],
  ]),
);

/** `day` counts from 1970-01-01; `temperature_c_hours` are hours of UTC that hold a temperature. */
export const DAY_PARTIAL_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  month: 'VARCHAR',
  day: 'INTEGER',
  observation_count: 'BIGINT',
  offset_count: 'BIGINT',
  interval_s: 'BIGINT',
  temperature_c_hours: 'BIGINT',
  ...columns(
    NAMES.flatMap((name) => [
      [`${name}_count`, 'BIGINT'],
      [`${name}_mean`, 'DOUBLE'],
    ]),
  ),
  ...extremeColumns,
  temperature_c_m2: 'DOUBLE',
  temperature_c_first: 'DOUBLE',
  temperature_c_first_at: 'TIMESTAMPTZ',
  temperature_c_last: 'DOUBLE',
  temperature_c_last_at: 'TIMESTAMPTZ',
  wind_direction_deg_count: 'BIGINT',
  wind_direction_sin: 'DOUBLE',
  wind_direction_cos: 'DOUBLE',
  ...fallenColumns,
};

export const MONTH_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  month: 'VARCHAR',
  observation_count: 'BIGINT',
  day_count: 'BIGINT',
  complete_day_count: 'BIGINT',
  is_full: 'BOOLEAN',
  rain_is_full: 'BOOLEAN',
  temperature_c_min_mean: 'DOUBLE',
  temperature_c_max_mean: 'DOUBLE',
  ...columns(
    NAMES.flatMap((name) => [
      [`${name}_count`, 'BIGINT'],
      [`${name}_mean`, 'DOUBLE'],
      [`${name}_since`, 'VARCHAR'],
    ]),
  ),
  ...extremeColumns,
  ...fallenColumns,
  ...columns(DEGREE_DAYS.map((name) => [name, 'DOUBLE'])),
  ...columns(KINDS_OF_DAYS.map((kind) => [`${kind}_count`, 'BIGINT'])),
};

/** `normal_…` are means over full months. */
export const CALENDAR_COLUMNS: Columns = {
  city_id: 'VARCHAR',
  calendar_month: 'INTEGER',
  year_count: 'BIGINT',
  year_from: 'INTEGER',
  year_to: 'INTEGER',
  ...columns(
    NORMALS.flatMap((name) => [
      [`normal_${name}_count`, 'BIGINT'],
      [`normal_${name}_mean`, 'DOUBLE'],
    ]),
  ),
  ...columns(
    NAMES.flatMap((name) => [
      [`${name}_count`, 'BIGINT'],
      [`${name}_since`, 'VARCHAR'],
    ]),
  ),
  ...extremeColumns,
};

const { degree_day_base_c: base } = DAY_LIMITS;
const isEnough = `coverage_pct >= ${DAY_COVERAGE_LEAST_PCT}`;

/** True as soon as the value says so; false only when enough of the day was observed. */
const once = (isSo: string) => `CASE WHEN ${isSo} THEN TRUE WHEN ${isEnough} THEN FALSE END`;
/** False as soon as the value says so; true only when enough of the day was observed. */
const throughout = (isNotSo: string, value: string) =>
  `CASE WHEN ${isNotSo} THEN FALSE WHEN ${isEnough} AND ${value} IS NOT NULL THEN TRUE END`;

/** Name in a text → the part that stands for it. */
export const CLIMATE_PARTS: Readonly<Record<string, string>> = {
  // Over rows of observations.
  hour_bit: `CAST(1 AS BIGINT) << CAST(((utc_hour % ${HOURS_MAX}) + ${HOURS_MAX}) % ${HOURS_MAX} AS INTEGER)`,
  day_start: `(CAST(day AS BIGINT) - 1) * ${DAY_MICROS}`,
  thousandths: lines(
    NAMES.map((name) => {
      return `CASE WHEN abs(${name}) <= 16000 THEN CAST(floor(${name} * 1e3 + 0.5e0) AS BIGINT) END AS ${name}_n`;
    }),
  ),
  fits: [
    `day_micros BETWEEN 0 AND ${KEY_UNIT - 1}`,
    ...NAMES.map((name) => `coalesce(${name}_n / 1e3 = ${name}, ${name} IS NULL)`),
  ].join(' AND '),
  day_extreme_keys: lines(
    EXTREMES.map(({ name, end, column }) => {
      const time = end === 'min' ? 'day_micros' : `${KEY_UNIT - 1} - day_micros`;
      return `${end}(${name}_n * ${KEY_UNIT} + ${time}) AS ${column}_key`;
    }),
  ),
  day_values: lines(
    NAMES.flatMap((name) => [
      `count(${name}) AS ${name}_count`,
      `least(greatest(avg(${name}), min(${name})), max(${name})) AS ${name}_mean`,
      ...ENDS[name].map((end) => `${end}(${name}) AS ${name}_${end}`),
    ]),
  ),
  day_extreme_times: lines(
    EXTREMES.map(({ name, column }) => {
      return `min(CASE WHEN o.${name} = g.${column} THEN o.observed_at END) AS ${column}_at`;
    }),
  ),
  is_day_extreme: EXTREMES.map(({ name, column }) => `o.${name} = g.${column}`).join('\n    OR '),
  day_fallen: lines(
    FALLEN.flatMap((kind) => [
      `sum(${kind}_1h_mm * least(interval_s, 3600) / 3600e0) AS ${kind}_mm`,
      `CAST(sum(CASE WHEN ${kind}_1h_mm IS NOT NULL THEN least(interval_s, 3600) END) AS DOUBLE) AS ${kind}_reported_s`,
    ]),
  ),
  fitting_times: lines(EXTREMES.map((extreme) => `${timeOf(extreme)} AS ${extreme.column}_at`)),
  extreme_times: lines(
    EXTREMES.map((extreme) => {
      const at = `${extreme.column}_at`;
      return `CASE WHEN g.fits THEN ${timeOf(extreme)} ELSE t.${at} END AS ${at}`;
    }),
  ),

  // Over partial aggregates `s` that are merged, beside their means and extremes `t`.
  means_and_extremes: lines([
    ...NAMES.map((name) => `{mean ${name}} AS ${name}_mean`),
    ...extremes(),
  ]),
  extremes: lines(extremes()),
  counts: lines(NAMES.map((name) => `CAST(sum(s.${name}_count) AS BIGINT) AS ${name}_count`)),
  means: lines(NAMES.map((name) => `max(t.${name}_mean) AS ${name}_mean`)),
  extremes_and_times: lines(
    EXTREMES.flatMap(({ column }) => [
      `max(t.${column}) AS ${column}`,
      `min(CASE WHEN s.${column} = t.${column} THEN s.${column}_at END) AS ${column}_at`,
    ]),
  ),
  fallen_sums: lines(
    FALLEN.flatMap((kind) => [
      `sum(s.${kind}_mm) AS ${kind}_mm`,
      `sum(s.${kind}_reported_s) AS ${kind}_reported_s`,
    ]),
  ),

  day_columns: lines(Object.keys(DAY_PARTIAL_COLUMNS).map((name) => `d.${name}`)),

  // Over whole days.
  is_enough: isEnough,
  degree_days: lines([
    `CASE WHEN ${isEnough} THEN greatest(0e0, ${base}e0 - temperature_c_mean) END AS heating_degree_days`,
    `CASE WHEN ${isEnough} THEN greatest(0e0, temperature_c_mean - ${base}e0) END AS cooling_degree_days`,
  ]),
  kinds_of_days: lines([
    `${once(`temperature_c_min < ${DAY_LIMITS.frost_below_c}`)} AS is_frost_day`,
    `${throughout(`temperature_c_max >= ${DAY_LIMITS.frost_below_c}`, 'temperature_c_max')} AS is_ice_day`,
    `${once(`temperature_c_max >= ${DAY_LIMITS.summer_least_c}`)} AS is_summer_day`,
    `${once(`temperature_c_max >= ${DAY_LIMITS.hot_least_c}`)} AS is_hot_day`,
    `${throughout(`temperature_c_min < ${DAY_LIMITS.tropical_least_c}`, 'temperature_c_min')} AS is_tropical_night`,
    `CASE WHEN rain_mm >= ${DAY_LIMITS.wet_least_mm} THEN TRUE WHEN rain_reported_s >= ${(DAY_COVERAGE_LEAST_PCT / 100) * 86_400} THEN FALSE END AS is_wet_day`,
  ]),

  // Over days `s` of a month.
  month_means: lines(NAMES.map((name) => meanOf(`${name}_mean`, `${name}_mean`))),
  month_extreme_means: lines([
    meanOf('temperature_c_min', 'temperature_c_min_mean'),
    meanOf('temperature_c_max', 'temperature_c_max_mean'),
  ]),
  month_since: lines(
    NAMES.map((name) => `min(CASE WHEN s.${name}_count > 0 THEN s.date END) AS ${name}_since`),
  ),
  month_degree_days: lines(DEGREE_DAYS.map((name) => `sum(s.${name}) AS ${name}`)),
  month_kinds_of_days: lines(
    KINDS_OF_DAYS.map((kind) => {
      return `CAST(sum(CASE WHEN s.is_${kind} THEN 1 WHEN s.is_${kind} IS NOT NULL THEN 0 END) AS BIGINT) AS ${kind}_count`;
    }),
  ),
  days_missing_most: String(MONTH_MISSING_MOST.days),
  run_missing_most: String(MONTH_MISSING_MOST.inARow),
  rain_least: String(RAIN_COVERAGE_LEAST_PCT / 100),

  // Over months, of the year.
  normals_of_month: lines(
    NORMALS.flatMap((name) => {
      const counts = name === 'rain_mm' || name === 'wet_day_count' ? 'rain_is_full' : 'is_full';
      return [
        `CAST(CASE WHEN ${counts} AND ${name} IS NOT NULL THEN 1 ELSE 0 END AS BIGINT) AS normal_${name}_count`,
        `CAST(CASE WHEN ${counts} THEN ${name} END AS DOUBLE) AS normal_${name}_mean`,
      ];
    }),
  ),
  counts_and_since: lines(NAMES.flatMap((name) => [`${name}_count`, `${name}_since`])),
  extreme_columns: Object.keys(extremeColumns).join(', '),
  merged_normals: lines(
    NORMALS.flatMap((name) => [
      `CAST(sum(s.normal_${name}_count) AS BIGINT) AS normal_${name}_count`,
      `max(t.normal_${name}_mean) AS normal_${name}_mean`,
    ]),
  ),
  normal_means: lines(NORMALS.map((name) => `{mean normal_${name}} AS normal_${name}_mean`)),
  merged_since: lines(NAMES.map((name) => `min(s.${name}_since) AS ${name}_since`)),
  normals: lines(NORMALS.map((name) => `c.normal_${name}_mean AS ${name}`)),
  normal_years: String(NORMAL_YEARS.normal),
  average_years: String(NORMAL_YEARS.periodAverage),
  records_of_variables: NAMES.map(recordOf).join('\n  UNION ALL '),
};

/** Of the key of an extreme, in days `g`. */
function timeOf({ end, column }: (typeof EXTREMES)[number]): string {
  const rest = `(g.${column}_key & ${KEY_UNIT - 1})`;
  const micros = end === 'min' ? rest : `${KEY_UNIT - 1} - ${rest}`;
  return `timestamp_micros((CAST(g.day AS BIGINT) - 1) * ${DAY_MICROS} + ${micros})`;
}

function extremes(): string[] {
  return EXTREMES.map(({ end, column }) => `${end}(${column}) AS ${column}`);
}

/** Of the days with enough coverage. */
function meanOf(value: string, name: string): string {
  const known = `CASE WHEN s.${isEnough} THEN s.${value} END`;
  return `least(greatest(avg(${known}), min(${known})), max(${known})) AS ${name}`;
}

function recordOf(name: Name): string {
  const ends: readonly string[] = ENDS[name];
  const lowest = ends.includes('min')
    ? `${name}_min AS lowest, ${name}_min_at AS lowest_at`
    : 'CAST(NULL AS DOUBLE) AS lowest, CAST(NULL AS TIMESTAMP) AS lowest_at';
  return (
    `SELECT city_id, '${name}' AS variable, calendar_month, ${name}_max AS highest, ` +
    `${name}_max_at AS highest_at, ${lowest}, ${name}_since AS since, ` +
    `${name}_count AS observation_count FROM merged WHERE ${name}_count > 0`
  );
}

function columns(entries: readonly (readonly [string, ColumnType] | readonly string[])[]): Columns {
  return Object.fromEntries(entries) as Columns;
}

function lines(parts: readonly string[]): string {
  return parts.join(',\n    ');
}
