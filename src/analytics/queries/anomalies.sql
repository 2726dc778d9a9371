-- One row per flagged value: the rule three_sigma over the views anomaly_candidates and
-- city_statistics. |value − mean| > 3 sample deviations of the city's whole history, the value
-- included; of n values none can be more than (n − 1)/√n deviations out (Thompson 1935), so a
-- city with fewer than 11 values is left out. So is one whose values do not differ: what is left of
-- its deviation is the rounding of its mean.
SELECT
  s.city_id,
  s.city,
  c.observed_at,
  'temperature_c' AS variable,
  c.temperature_c AS value,
  s.temperature_c_mean AS expected,
  (c.temperature_c - s.temperature_c_mean) / nullif(s.temperature_c_stddev, 0e0) AS score,
  rule.threshold,
  'three_sigma' AS rule,
  s.temperature_c_count AS observation_count,
  s.temperature_c_stddev AS stddev
FROM (SELECT 3e0 AS threshold) AS rule
CROSS JOIN anomaly_candidates c
JOIN city_statistics s ON s.city_id = c.city_id
WHERE s.temperature_c_count >= {count_least}
  AND s.temperature_c_stddev > {deviation_least} * greatest(1e0, abs(s.temperature_c_mean))
  AND abs(c.temperature_c - s.temperature_c_mean) > rule.threshold * s.temperature_c_stddev
ORDER BY c.observed_at DESC, s.city_id
