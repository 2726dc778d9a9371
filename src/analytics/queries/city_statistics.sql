-- One row per city: the dataset city_statistics, from the view city_statistics_states (any number
-- of states a city, of months and of merged months).
-- A mean lies between the lowest and the highest of its values, whatever rounding makes of its sum.
-- coverage_pct: seconds that hold a value ÷ seconds from the first observation to the last, both
-- included; a value that begins after the first observation is missing until then.
WITH covered AS (
  {merged_coverage}
),
beside AS (
  SELECT city_id, value, {span_before} FROM covered WHERE value_first IS NOT NULL
  UNION ALL
  SELECT city_id, value, {span_after} FROM covered WHERE value_first IS NOT NULL
),
missing AS (
  SELECT city_id, value, {missing_names} FROM covered WHERE value_first IS NOT NULL
  UNION ALL
  SELECT city_id, value, {missing_beside} FROM beside
),
least_missing AS (
  SELECT city_id, value, {missing_least} AS missing_s
  FROM missing
  GROUP BY city_id, value
),
shares AS (
  SELECT
    c.city_id, c.value, c.expected_s,
    greatest(0e0, c.expected_s - coalesce(m.missing_s, c.expected_s)) AS held_s
  FROM (SELECT city_id, value, {expected_s} AS expected_s FROM covered) c
  LEFT JOIN least_missing m ON m.city_id = c.city_id AND m.value = c.value
),
coverage AS (
  SELECT
    city_id,
    max(expected_s) AS expected_s,
    max(CASE WHEN value = 'value' THEN held_s END) AS held_s,
    max(CASE WHEN value = 'temperature_c' THEN held_s END) AS temperature_c_held_s,
    max(CASE WHEN value = 'humidity_pct' THEN held_s END) AS humidity_pct_held_s
  FROM shares
  GROUP BY city_id
)
SELECT
  s.city_id,
  s.city,
  s.country,
  s.observation_count,
  s.temperature_c_count,
  least(greatest(s.temperature_c_mean, s.temperature_c_min), s.temperature_c_max)
    AS temperature_c_mean,
  s.temperature_c_min,
  s.temperature_c_min_at,
  s.temperature_c_max,
  s.temperature_c_max_at,
  CASE WHEN s.temperature_c_count > 1
    THEN sqrt(s.temperature_c_m2 / (s.temperature_c_count - 1)) END AS temperature_c_stddev,
  least(greatest(s.humidity_pct_mean, s.humidity_pct_min), s.humidity_pct_max)
    AS humidity_pct_mean,
  s.first_observed_at,
  s.last_observed_at,
  100e0 * c.held_s / c.expected_s AS coverage_pct,
  100e0 * c.temperature_c_held_s / c.expected_s AS temperature_c_coverage_pct,
  100e0 * c.humidity_pct_held_s / c.expected_s AS humidity_pct_coverage_pct,
  c.held_s,
  c.expected_s
FROM (
  {merged_statistics}
) s
JOIN coverage c ON c.city_id = s.city_id
ORDER BY s.city_id
