/**
 * The rule of `queries/anomalies.sql` over rows of this process, with the limits that both have, and when
 * its candidates have to be read anew (anomalies.ts).
 */
import type { CityStatistics } from '../model/datasets.ts';

/** A value outside the bounds of its city. */
export interface Candidate {
  readonly city_id: string;
  readonly observed_at: string;
  readonly temperature_c: number;
}

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** As in `queries/anomalies.sql`. */
const THRESHOLD = 3;
/** Of n values none can be more than (n − 1)/√n deviations out: Thompson 1935. */
export const COUNT_LEAST = 11;
/** What is left of the deviation of equal values is the rounding of their mean. */
const DEVIATION_LEAST = 1e-9;
/** A little narrower than the rule, so that no rounding decides what is a candidate. */
const OUTGROWN = 2.99;

/** Name in a text → the part that stands for it. */
export const THREE_SIGMA_PARTS: Readonly<Record<string, string>> = {
  count_least: String(COUNT_LEAST),
  deviation_least: `${DEVIATION_LEAST}`,
};

/** Cities of the view `city_statistics` whose bounds in the view `anomaly_bounds` are outgrown. */
export const OUTGROWN_CITIES = `
  SELECT s.city_id FROM city_statistics s
  LEFT JOIN anomaly_bounds b ON b.city_id = s.city_id
  WHERE s.temperature_c_stddev IS NOT NULL AND s.temperature_c_count >= ${COUNT_LEAST}
    AND (b.city_id IS NULL
      OR s.temperature_c_mean - ${OUTGROWN}e0 * s.temperature_c_stddev > b.low
      OR s.temperature_c_mean + ${OUTGROWN}e0 * s.temperature_c_stddev < b.high)`;

export function hasEnoughValues({ temperature_c_count }: CityStatistics): boolean {
  return (temperature_c_count ?? 0) >= COUNT_LEAST;
}

/**
 * Whether values that the rule flags now may be missing among the candidates; the same as
 * `OUTGROWN_CITIES`. Of cities with fewer values than the rule takes, no value is flagged.
 */
export function isOutgrown(row: CityStatistics, bounds: Bounds | undefined): boolean {
  const { temperature_c_mean: mean, temperature_c_stddev: deviation } = row;
  if (deviation === null || mean === null || !hasEnoughValues(row)) return false;
  if (bounds === undefined) return true;
  return mean - OUTGROWN * deviation > bounds.low || mean + OUTGROWN * deviation < bounds.high;
}

/** The row of the dataset `anomalies`, with the deviation; null where the rule does not flag it. */
export function flagCandidate(
  { city_id, observed_at, temperature_c: value }: Candidate,
  row: CityStatistics,
): Record<string, string | number> | null {
  const { temperature_c_mean: mean, temperature_c_stddev: deviation } = row;
  if (mean === null || deviation === null || !hasEnoughValues(row)) return null;
  if (!(deviation > DEVIATION_LEAST * Math.max(1, Math.abs(mean)))) return null;
  if (!(Math.abs(value - mean) > THRESHOLD * deviation)) return null;
  return {
    ...{ city_id, city: row.city, observed_at, variable: 'temperature_c', value },
    ...{ expected: mean, score: (value - mean) / deviation, threshold: THRESHOLD },
    ...{ rule: 'three_sigma', observation_count: row.temperature_c_count ?? 0 },
    stddev: deviation,
  };
}
