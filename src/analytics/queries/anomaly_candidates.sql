-- One row per observation outside its city's bounds: over the views observations and
-- anomaly_bounds.
SELECT o.city_id, o.month, o.observed_at, o.temperature_c
FROM observations o
JOIN anomaly_bounds b ON b.city_id = o.city_id
WHERE o.temperature_c < b.low OR o.temperature_c > b.high
