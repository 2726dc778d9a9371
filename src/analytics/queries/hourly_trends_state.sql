-- One row per city, month, clock and hour: a state of the hourly trends that can be merged.
-- Over the view observations. Directions become sums of unit vectors (Mardia and Jupp,
-- "Directional Statistics", 2000, section 2.2).
WITH clocked AS (
  SELECT
    city_id, city, date_trunc('month', observed_at) AS month, 'utc' AS clock, hour_utc AS hour,
    observed_at, temperature_c, humidity_pct, wind_speed_ms, wind_direction_deg
  FROM observations
  UNION ALL
  SELECT
    city_id, city, date_trunc('month', observed_at) AS month, 'local' AS clock, hour_local AS hour,
    observed_at, temperature_c, humidity_pct, wind_speed_ms, wind_direction_deg
  FROM observations
  WHERE hour_local IS NOT NULL
)
SELECT
  city_id,
  month,
  clock,
  hour,
  max_by(city, observed_at) AS city,
  max(observed_at) AS last_observed_at,
  count(*) AS observation_count,
  count(temperature_c) AS temperature_c_count,
  avg(temperature_c) AS temperature_c_mean,
  count(humidity_pct) AS humidity_pct_count,
  avg(humidity_pct) AS humidity_pct_mean,
  count(wind_speed_ms) AS wind_speed_ms_count,
  avg(wind_speed_ms) AS wind_speed_ms_mean,
  count(wind_direction_deg) AS wind_direction_deg_count,
  coalesce(sum(sin(radians(wind_direction_deg))), 0e0) AS wind_direction_sin,
  coalesce(sum(cos(radians(wind_direction_deg))), 0e0) AS wind_direction_cos
FROM clocked
GROUP BY city_id, month, clock, hour
