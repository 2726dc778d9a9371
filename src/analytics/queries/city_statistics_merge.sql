-- One row per city and interval: the states of the view city_statistics_states merged into one of
-- the same columns.
-- Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
-- Variances", 1979: M2 of the whole is the sum of M2 and of n times the squared shift of each mean.
WITH states AS (
  SELECT
    s.*,
    lag(slot_last) OVER (PARTITION BY city_id, interval_s ORDER BY slot_first, slot_last)
      AS slot_before
  FROM city_statistics_states s
),
totals AS (
  SELECT
    city_id, interval_s,
    sum(temperature_c_mean * temperature_c_count) / nullif(sum(temperature_c_count), 0)
      AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max
  FROM city_statistics_states
  GROUP BY city_id, interval_s
)
SELECT
  s.city_id,
  max(s.month) AS month,
  s.interval_s,
  max_by(s.city, s.last_observed_at) AS city,
  max_by(s.country, s.last_observed_at) AS country,
  CAST(sum(s.observation_count) AS BIGINT) AS observation_count,
  CAST(sum(s.temperature_c_count) AS BIGINT) AS temperature_c_count,
  max(t.temperature_c_mean) AS temperature_c_mean,
  sum(s.temperature_c_m2 + coalesce(
    s.temperature_c_count * (s.temperature_c_mean - t.temperature_c_mean)
      * (s.temperature_c_mean - t.temperature_c_mean), 0e0)) AS temperature_c_m2,
  min(t.temperature_c_min) AS temperature_c_min,
  min(CASE WHEN s.temperature_c_min = t.temperature_c_min THEN s.temperature_c_min_at END)
    AS temperature_c_min_at,
  max(t.temperature_c_max) AS temperature_c_max,
  min(CASE WHEN s.temperature_c_max = t.temperature_c_max THEN s.temperature_c_max_at END)
    AS temperature_c_max_at,
  CAST(sum(s.humidity_pct_count) AS BIGINT) AS humidity_pct_count,
  sum(s.humidity_pct_mean * s.humidity_pct_count) / nullif(sum(s.humidity_pct_count), 0)
    AS humidity_pct_mean,
  min(s.first_observed_at) AS first_observed_at,
  max(s.last_observed_at) AS last_observed_at,
  CAST(sum(s.slots_held - CASE WHEN s.slot_before = s.slot_first THEN 1 ELSE 0 END) AS BIGINT)
    AS slots_held,
  min(s.slot_first) AS slot_first,
  max(s.slot_last) AS slot_last
FROM states s
JOIN totals t ON t.city_id = s.city_id AND t.interval_s = s.interval_s
GROUP BY s.city_id, s.interval_s
