-- One row per observation outside its city's bounds, whether its value failed quality control or not: over
-- the views observations and anomaly_bounds. The month is that of UTC, as the table is partitioned.
SELECT
  o.city_id,
  substr(CAST(o.observed_at AS STRING), 1, 7) AS month,
  o.observed_at,
  o.temperature_c_reported AS temperature_c
FROM observations o
JOIN anomaly_bounds b ON b.city_id = o.city_id
WHERE o.temperature_c_reported < b.low OR o.temperature_c_reported > b.high
