/**
 * The datasets as one would write them by hand, for both engines: a pass over the view `rows` for
 * each, and its result kept. Nothing of theirs is there for a next run to go on from, times of equal
 * extremes are any of several, and nothing is left out that failed quality control.
 */
import type { SqlSession } from '../src/sql/engine.ts';

/** The three jobs of the description, of the values that it names. */
const JOBS: Readonly<Record<string, string>> = {
  statistics: `SELECT city_id, max(city) AS city, count(*) AS n, avg(temperature_c) AS mean,
    min(temperature_c) AS low, max(temperature_c) AS high, stddev_samp(temperature_c) AS spread,
    avg(humidity_pct) AS humidity, min(observed_at) AS first, max(observed_at) AS last
    FROM rows GROUP BY city_id`,
  trends: `SELECT city_id, hour_utc, count(*) AS n, avg(temperature_c) AS temperature,
    avg(humidity_pct) AS humidity, avg(wind_speed_ms) AS wind
    FROM rows GROUP BY city_id, hour_utc`,
  anomalies: `SELECT r.city_id, r.observed_at, r.temperature_c,
    (r.temperature_c - s.mean) / s.spread AS score
    FROM rows r JOIN (SELECT city_id, avg(temperature_c) AS mean,
      stddev_samp(temperature_c) AS spread FROM rows GROUP BY city_id) s ON s.city_id = r.city_id
    WHERE abs(r.temperature_c - s.mean) > 3e0 * s.spread`,
};

const VARIABLES = [
  'temperature_c',
  'humidity_pct',
  'pressure_hpa',
  'wind_speed_ms',
  'wind_gust_ms',
];

const DIRECTION = `degrees(atan2(sum(sin(radians(wind_direction_deg))),
  sum(cos(radians(wind_direction_deg)))))`;

/** What the program computes beyond them, each from what is before it. */
const BEYOND: Readonly<Record<string, string>> = {
  extremes: `SELECT city_id, min_by(observed_at, temperature_c) AS coldest_at,
    max_by(observed_at, temperature_c) AS warmest_at FROM rows GROUP BY city_id`,
  coverage: `SELECT city_id, sum(greatest(0, gap_s - interval_s)) AS missing_s FROM (
    SELECT city_id, interval_s, unix_micros(observed_at) / 1e6 - lag(unix_micros(observed_at) / 1e6)
      OVER (PARTITION BY city_id ORDER BY observed_at) AS gap_s FROM rows) gaps GROUP BY city_id`,
  directions: `SELECT city_id, hour_utc, ${DIRECTION} AS direction FROM rows GROUP BY city_id, hour_utc`,
  local_trends: `SELECT city_id, hour_local, count(*) AS n, avg(temperature_c) AS temperature,
    avg(humidity_pct) AS humidity, avg(wind_speed_ms) AS wind, ${DIRECTION} AS direction
    FROM rows GROUP BY city_id, hour_local`,
  days: `SELECT city_id,
    CAST(floor((unix_micros(observed_at) / 1e6 + coalesce(utc_offset_s, 0)) / 86400) AS INTEGER) AS day,
    count(*) AS n, ${VARIABLES.map((name) => {
      const times = `min_by(observed_at, ${name}) AS ${name}_min_at, max_by(observed_at, ${name}) AS ${name}_max_at`;
      return `count(${name}) AS ${name}_n, avg(${name}) AS ${name}_mean, min(${name}) AS ${name}_min, max(${name}) AS ${name}_max, ${times}`;
    }).join(', ')}, stddev_samp(temperature_c) AS spread, ${DIRECTION} AS direction,
    min_by(temperature_c, observed_at) AS first, max_by(temperature_c, observed_at) AS last,
    sum(rain_1h_mm) AS rain_mm, sum(snow_1h_mm) AS snow_mm FROM rows GROUP BY 1, 2`,
  months: `SELECT city_id, substr(CAST(DATE '1970-01-01' + day AS STRING), 1, 7) AS month, count(*) AS days,
    ${VARIABLES.map((name) => `avg(${name}_mean) AS ${name}_mean, min(${name}_min) AS ${name}_min, max(${name}_max) AS ${name}_max`).join(', ')},
    sum(CASE WHEN temperature_c_min < 0 THEN 1 ELSE 0 END) AS frost_days,
    sum(CASE WHEN temperature_c_max >= 25 THEN 1 ELSE 0 END) AS summer_days,
    sum(greatest(0, 18 - temperature_c_mean)) AS heating, sum(rain_mm) AS rain_mm
    FROM days WHERE temperature_c_n >= 18 GROUP BY 1, 2`,
  normals: `SELECT city_id, substr(month, 6, 2) AS month, count(*) AS years,
    ${VARIABLES.map((name) => `avg(${name}_mean) AS ${name}_mean, min(${name}_min) AS ${name}_lowest, max(${name}_max) AS ${name}_highest`).join(', ')}
    FROM months GROUP BY 1, 2`,
};

/** Milliseconds of the three jobs, and of what is beyond them. */
export interface ByHand {
  readonly jobs: number;
  readonly beyond: number;
}

/** `keep` writes a result. */
export async function runByHand(
  session: SqlSession,
  keep: (name: string, sql: string) => Promise<unknown>,
): Promise<ByHand> {
  const from = performance.now();
  for (const [name, sql] of Object.entries(JOBS)) await keep(name, sql);
  const between = performance.now();
  for (const [name, sql] of Object.entries(BEYOND)) {
    if (name === 'days' || name === 'months') {
      await session.materialize(name, sql);
      await keep(name, `SELECT * FROM ${name}`);
    } else await keep(name, sql);
  }
  return { jobs: between - from, beyond: performance.now() - between };
}
