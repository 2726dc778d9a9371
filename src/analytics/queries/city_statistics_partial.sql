-- One row per city and month: a partial aggregate of the city's statistics that can be merged. Over the
-- views observed_days and observed_names; M2 as in city_statistics_merge.sql.
SELECT
  s.city_id,
  s.month,
  max(n.city) AS city,
  max(n.country) AS country,
  CAST(sum(s.observation_count) AS BIGINT) AS observation_count,
  CAST(sum(s.temperature_c_count) AS BIGINT) AS temperature_c_count,
  max(t.temperature_c_mean) AS temperature_c_mean,
  sum(s.temperature_c_m2 + coalesce(
    s.temperature_c_count * (s.temperature_c_mean - t.temperature_c_mean)
      * (s.temperature_c_mean - t.temperature_c_mean), 0e0)) AS temperature_c_m2,
  max(t.temperature_c_min) AS temperature_c_min,
  min(CASE WHEN s.temperature_c_min = t.temperature_c_min THEN s.temperature_c_min_at END)
    AS temperature_c_min_at,
  max(t.temperature_c_max) AS temperature_c_max,
  min(CASE WHEN s.temperature_c_max = t.temperature_c_max THEN s.temperature_c_max_at END)
    AS temperature_c_max_at,
  CAST(sum(s.humidity_pct_count) AS BIGINT) AS humidity_pct_count,
  {mean humidity_pct} AS humidity_pct_mean,
  min(s.first_observed_at) AS first_observed_at,
  max(s.last_observed_at) AS last_observed_at
FROM observed_days s
JOIN observed_names n ON n.city_id = s.city_id AND n.month = s.month
JOIN (
  SELECT
    city_id, month,
    {mean temperature_c} AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max
  FROM observed_days
  GROUP BY city_id, month
) t ON t.city_id = s.city_id AND t.month = s.month
GROUP BY s.city_id, s.month
