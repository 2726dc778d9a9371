/** The datasets' rows: the same names in the files, the API and the page. Times are ISO 8601, UTC. */

export const DATASETS = ['city_statistics', 'hourly_trends', 'anomalies'] as const;
export type Dataset = (typeof DATASETS)[number];

/** One row per city. */
export interface CityStatistics {
  readonly city_id: string;
  readonly city: string;
  readonly country: string;
  readonly observation_count: number;
  readonly temperature_c_mean: number | null;
  readonly temperature_c_min: number | null;
  readonly temperature_c_min_at: string | null;
  readonly temperature_c_max: number | null;
  readonly temperature_c_max_at: string | null;
  /** Sample deviation (n − 1); null with fewer than two values. */
  readonly temperature_c_stddev: number | null;
  readonly humidity_pct_mean: number | null;
  readonly first_observed_at: string;
  readonly last_observed_at: string;
  /** Expected observations that hold any value, first to last, in percent: model/coverage.ts. */
  readonly coverage_pct: number;
  /** The same for one variable; absent from publications of earlier versions. */
  readonly temperature_c_coverage_pct: number | null;
  readonly humidity_pct_coverage_pct: number | null;
  /** Seconds that `coverage_pct` is the ratio of, for sums over cities; not in the API. */
  readonly held_s?: number;
  readonly expected_s?: number;
}

/** One row per city, clock and hour of day. */
export interface HourlyTrend {
  readonly city_id: string;
  readonly city: string;
  readonly clock: 'utc' | 'local';
  readonly hour: number;
  readonly observation_count: number;
  readonly temperature_c_mean: number | null;
  readonly humidity_pct_mean: number | null;
  readonly wind_speed_ms_mean: number | null;
  /** The mean of unit vectors, 0 to 360; null when always calm or when they cancel out. */
  readonly wind_direction_deg_mean: number | null;
}

/** One row per flagged value and rule. */
export interface Anomaly {
  readonly city_id: string;
  readonly city: string;
  readonly observed_at: string;
  readonly variable: string;
  readonly value: number;
  readonly expected: number;
  /** Deviations from the expected value, signed. */
  readonly score: number;
  readonly threshold: number;
  readonly rule: 'three_sigma';
  readonly observation_count: number;
  /** One sentence that a layman understands. */
  readonly reason: string;
}
