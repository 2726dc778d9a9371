-- One row per city and month: a partial aggregate of the city's statistics that can be merged.
-- Over the view observations, whose rows name their month. M2 is the sum of squared deviations from
-- the mean, which lies between the lowest and the highest value, whatever rounding makes of a sum.
WITH grouped AS (
  SELECT
    city_id, month,
    max_by(city, observed_at) AS city,
    max_by(country, observed_at) AS country,
    count(*) AS observation_count,
    count(temperature_c) AS temperature_c_count,
    least(greatest(avg(temperature_c), min(temperature_c)), max(temperature_c))
      AS temperature_c_mean,
    coalesce(var_pop(temperature_c), 0e0) * count(temperature_c) AS temperature_c_m2,
    min(temperature_c) AS temperature_c_min,
    max(temperature_c) AS temperature_c_max,
    count(humidity_pct) AS humidity_pct_count,
    least(greatest(avg(humidity_pct), min(humidity_pct)), max(humidity_pct))
      AS humidity_pct_mean,
    min(observed_at) AS first_observed_at,
    max(observed_at) AS last_observed_at
  FROM observations
  GROUP BY city_id, month
),
-- The earliest time of each extreme: max_by would take any of several.
times AS (
  SELECT
    g.city_id, g.month,
    min(CASE WHEN o.temperature_c = g.temperature_c_min THEN o.observed_at END)
      AS temperature_c_min_at,
    min(CASE WHEN o.temperature_c = g.temperature_c_max THEN o.observed_at END)
      AS temperature_c_max_at
  FROM observations o
  JOIN grouped g ON g.city_id = o.city_id AND g.month = o.month
  WHERE o.temperature_c = g.temperature_c_min OR o.temperature_c = g.temperature_c_max
  GROUP BY g.city_id, g.month
)
SELECT
  g.city_id, g.month, g.city, g.country, g.observation_count,
  g.temperature_c_count, g.temperature_c_mean, g.temperature_c_m2,
  g.temperature_c_min, t.temperature_c_min_at, g.temperature_c_max, t.temperature_c_max_at,
  g.humidity_pct_count, g.humidity_pct_mean,
  g.first_observed_at, g.last_observed_at
FROM grouped g
LEFT JOIN times t ON t.city_id = g.city_id AND t.month = g.month
