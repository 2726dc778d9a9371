-- One row per city, month and interval: a state of the city's statistics that can be merged.
-- Over the view observations, whose rows name their month. M2 is the sum of squared deviations from
-- the mean. A slot is interval_s seconds of UTC, counted from 1970; one that two months share is
-- held by both here and counted once where states are merged.
WITH slotted AS (
  SELECT
    city_id, month, city, country, observed_at, temperature_c, humidity_pct,
    coalesce(interval_s, 3600) AS interval_s,
    CAST(floor(unix_micros(observed_at) / 1e6 / coalesce(interval_s, 3600)) AS BIGINT) AS slot
  FROM observations
),
grouped AS (
  SELECT
    city_id, month, interval_s,
    max_by(city, observed_at) AS city,
    max_by(country, observed_at) AS country,
    count(*) AS observation_count,
    count(temperature_c) AS temperature_c_count,
    avg(temperature_c) AS temperature_c_mean,
    coalesce(var_pop(temperature_c), 0e0) * count(temperature_c) AS temperature_c_m2,
    min(temperature_c) AS temperature_c_min,
    max(temperature_c) AS temperature_c_max,
    count(humidity_pct) AS humidity_pct_count,
    avg(humidity_pct) AS humidity_pct_mean,
    min(observed_at) AS first_observed_at,
    max(observed_at) AS last_observed_at,
    count(DISTINCT slot) AS slots_held,
    min(slot) AS slot_first,
    max(slot) AS slot_last
  FROM slotted
  GROUP BY city_id, month, interval_s
),
-- The earliest time of each extreme: max_by would take any of several.
times AS (
  SELECT
    g.city_id, g.month, g.interval_s,
    min(CASE WHEN o.temperature_c = g.temperature_c_min THEN o.observed_at END)
      AS temperature_c_min_at,
    min(CASE WHEN o.temperature_c = g.temperature_c_max THEN o.observed_at END)
      AS temperature_c_max_at
  FROM observations o
  JOIN grouped g
    ON g.city_id = o.city_id
    AND g.month = o.month
    AND g.interval_s = coalesce(o.interval_s, 3600)
  WHERE o.temperature_c = g.temperature_c_min OR o.temperature_c = g.temperature_c_max
  GROUP BY g.city_id, g.month, g.interval_s
)
SELECT
  g.city_id, g.month, g.interval_s, g.city, g.country, g.observation_count,
  g.temperature_c_count, g.temperature_c_mean, g.temperature_c_m2,
  g.temperature_c_min, t.temperature_c_min_at, g.temperature_c_max, t.temperature_c_max_at,
  g.humidity_pct_count, g.humidity_pct_mean, g.first_observed_at, g.last_observed_at,
  g.slots_held, g.slot_first, g.slot_last
FROM grouped g
LEFT JOIN times t
  ON t.city_id = g.city_id AND t.month = g.month AND t.interval_s = g.interval_s
