-- One row per city: the values between which no candidate for an anomaly is kept.
-- Narrower than the rule's own bounds, so that they stay inside while the statistics drift.
SELECT
  city_id,
  temperature_c_mean - 2.5e0 * temperature_c_stddev AS low,
  temperature_c_mean + 2.5e0 * temperature_c_stddev AS high
FROM city_statistics
WHERE temperature_c_stddev IS NOT NULL
