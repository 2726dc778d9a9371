-- One row per city: the dataset city_statistics, from the views city_statistics_partials and
-- coverage_partials (any number of partial aggregates a city, of months and of merged months).
-- coverage_pct: seconds that hold a value ÷ seconds from the first observation to the last, both
-- included; a value that begins after the first observation is missing until then.
WITH covered AS (
  {coverage_merge}
),
shares AS (
  SELECT
    city_id, value, {expected_s} AS expected_s,
    {first_interval_s} AS first_interval_s, {last_interval_s} AS last_interval_s,
    {value_last_s} AS last_s, {value_interval_s} AS interval_s,
    CASE WHEN value_first IS NOT NULL THEN {missing_before_s} END AS missing_before_s,
    CASE WHEN value_first IS NOT NULL THEN missing_s_0 END AS missing_s_0,
    CASE WHEN value_first IS NOT NULL THEN missing_s_1 END AS missing_s_1,
    CASE WHEN value_first IS NULL THEN 0e0
      ELSE greatest(0e0, {expected_s} - {missing_s_least} - {missing_before_s} - {missing_after_s})
      END AS held_s
  FROM covered
),
coverage AS (
  SELECT
    city_id,
    max(expected_s) AS expected_s,
    max(first_interval_s) AS first_interval_s,
    max(last_interval_s) AS last_interval_s,
    {held_of_values},
    {sums_of_values}
  FROM shares
  GROUP BY city_id
)
SELECT
  s.city_id,
  s.city,
  s.country,
  s.observation_count,
  s.temperature_c_count,
  s.temperature_c_mean,
  s.temperature_c_min,
  s.temperature_c_min_at,
  s.temperature_c_max,
  s.temperature_c_max_at,
  CASE WHEN s.temperature_c_count > 1
    THEN sqrt(s.temperature_c_m2 / (s.temperature_c_count - 1)) END AS temperature_c_stddev,
  s.humidity_pct_count,
  s.humidity_pct_mean,
  s.first_observed_at,
  s.last_observed_at,
  100e0 * c.value_held_s / c.expected_s AS coverage_pct,
  100e0 * c.temperature_c_held_s / c.expected_s AS temperature_c_coverage_pct,
  100e0 * c.humidity_pct_held_s / c.expected_s AS humidity_pct_coverage_pct,
  c.value_held_s AS held_s,
  c.expected_s,
  c.first_interval_s,
  c.last_interval_s,
  {coverage_sums}
FROM (
  {city_statistics_merge}
) s
JOIN coverage c ON c.city_id = s.city_id
ORDER BY s.city_id
