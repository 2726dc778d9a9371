-- One row per city: the statistics of the states of the view city_statistics_states together.
-- Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
-- Variances", 1979: M2 of the whole is the sum of M2 and of n times the squared shift of each mean.
SELECT
  s.city_id,
  max(s.month) AS month,
  max_by(s.city, s.last_observed_at) AS city,
  max_by(s.country, s.last_observed_at) AS country,
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
  sum(s.humidity_pct_mean * s.humidity_pct_count) / nullif(sum(s.humidity_pct_count), 0)
    AS humidity_pct_mean,
  min(s.humidity_pct_min) AS humidity_pct_min,
  max(s.humidity_pct_max) AS humidity_pct_max,
  min(s.first_observed_at) AS first_observed_at,
  max(s.last_observed_at) AS last_observed_at,
  min(s.first_moment) AS first_moment,
  max(s.last_moment) AS last_moment
FROM city_statistics_states s
JOIN (
  SELECT
    city_id,
    sum(temperature_c_mean * temperature_c_count) / nullif(sum(temperature_c_count), 0)
      AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max
  FROM city_statistics_states
  GROUP BY city_id
) t ON t.city_id = s.city_id
GROUP BY s.city_id
