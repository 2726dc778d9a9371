/**
 * What is summed up of partial aggregates `s` that are merged, beside their means and extremes `t`: of the
 * statistics of cities by month or of all, and of days.
 */

/**
 * Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
 * Variances", 1979: M2 of the whole is the sum of M2 and of n times the squared shift of each mean.
 */
const MERGED_M2 = `sum(s.temperature_c_m2 + coalesce(
    s.temperature_c_count * (s.temperature_c_mean - t.temperature_c_mean)
      * (s.temperature_c_mean - t.temperature_c_mean), 0e0)) AS temperature_c_m2`;

/** Name in a text → the part that stands for it. */
export const STATISTICS_PARTS: Readonly<Record<string, string>> = {
  merged_m2: MERGED_M2,
  merged_statistics: `CAST(sum(s.observation_count) AS BIGINT) AS observation_count,
  CAST(sum(s.temperature_c_count) AS BIGINT) AS temperature_c_count,
  max(t.temperature_c_mean) AS temperature_c_mean,
  ${MERGED_M2},
  max(t.temperature_c_min) AS temperature_c_min,
  min(CASE WHEN s.temperature_c_min = t.temperature_c_min THEN s.temperature_c_min_at END)
    AS temperature_c_min_at,
  max(t.temperature_c_max) AS temperature_c_max,
  min(CASE WHEN s.temperature_c_max = t.temperature_c_max THEN s.temperature_c_max_at END)
    AS temperature_c_max_at,
  CAST(sum(s.humidity_pct_count) AS BIGINT) AS humidity_pct_count,
  {mean humidity_pct} AS humidity_pct_mean,
  min(s.first_observed_at) AS first_observed_at,
  max(s.last_observed_at) AS last_observed_at`,
  statistics_means: `{mean temperature_c} AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max`,
};
