-- One row per city, month and interval: a state of the city's statistics that can be merged.
-- Over the view observations. M2 is the sum of squared deviations from the mean.
-- A slot is interval_s seconds of UTC; it counts in the month in which it begins.
WITH slotted AS (
  SELECT
    city_id, city, country, observed_at, temperature_c, humidity_pct,
    date_trunc('month', observed_at) AS month,
    coalesce(interval_s, 3600) AS interval_s,
    CAST(floor(unix_micros(observed_at) / 1e6 / coalesce(interval_s, 3600)) AS BIGINT) AS slot
  FROM observations
),
extremes AS (
  SELECT
    city_id, month, interval_s,
    min(temperature_c) AS temperature_c_min,
    max(temperature_c) AS temperature_c_max
  FROM slotted
  GROUP BY city_id, month, interval_s
)
SELECT
  s.city_id,
  s.month,
  s.interval_s,
  max_by(s.city, s.observed_at) AS city,
  max_by(s.country, s.observed_at) AS country,
  count(*) AS observation_count,
  count(s.temperature_c) AS temperature_c_count,
  avg(s.temperature_c) AS temperature_c_mean,
  coalesce(var_pop(s.temperature_c), 0e0) * count(s.temperature_c) AS temperature_c_m2,
  min(e.temperature_c_min) AS temperature_c_min,
  min(CASE WHEN s.temperature_c = e.temperature_c_min THEN s.observed_at END)
    AS temperature_c_min_at,
  max(e.temperature_c_max) AS temperature_c_max,
  min(CASE WHEN s.temperature_c = e.temperature_c_max THEN s.observed_at END)
    AS temperature_c_max_at,
  count(s.humidity_pct) AS humidity_pct_count,
  avg(s.humidity_pct) AS humidity_pct_mean,
  min(s.observed_at) AS first_observed_at,
  max(s.observed_at) AS last_observed_at,
  count(DISTINCT s.slot) AS slots_held,
  min(s.slot) AS slot_first,
  max(s.slot) AS slot_last
FROM slotted s
JOIN extremes e ON e.city_id = s.city_id AND e.month = s.month AND e.interval_s = s.interval_s
GROUP BY s.city_id, s.month, s.interval_s
