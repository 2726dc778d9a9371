-- One row per city: the partial aggregates of the view city_statistics_partials merged into one of the same columns.
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
  {mean humidity_pct} AS humidity_pct_mean,
  min(s.first_observed_at) AS first_observed_at,
  max(s.last_observed_at) AS last_observed_at
FROM city_statistics_partials s
JOIN (
  SELECT
    city_id,
    {mean temperature_c} AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max
  FROM city_statistics_partials
  GROUP BY city_id
) t ON t.city_id = s.city_id
GROUP BY s.city_id
