-- One row per city, month and hour of both clocks: a state of the hourly trends that can be merged.
-- Over the view observations, whose rows name their month. Directions become sums of unit vectors
-- (Mardia and Jupp, "Directional Statistics", 2000, section 2.2). The view has none when it is calm.
SELECT
  city_id,
  month,
  hour_utc,
  hour_local,
  count(*) AS observation_count,
  count(temperature_c) AS temperature_c_count,
  avg(temperature_c) AS temperature_c_mean,
  min(temperature_c) AS temperature_c_min,
  max(temperature_c) AS temperature_c_max,
  count(humidity_pct) AS humidity_pct_count,
  avg(humidity_pct) AS humidity_pct_mean,
  min(humidity_pct) AS humidity_pct_min,
  max(humidity_pct) AS humidity_pct_max,
  count(wind_speed_ms) AS wind_speed_ms_count,
  avg(wind_speed_ms) AS wind_speed_ms_mean,
  min(wind_speed_ms) AS wind_speed_ms_min,
  max(wind_speed_ms) AS wind_speed_ms_max,
  count(wind_direction_deg) AS wind_direction_deg_count,
  coalesce(sum(sin(radians(wind_direction_deg))), 0e0) AS wind_direction_sin,
  coalesce(sum(cos(radians(wind_direction_deg))), 0e0) AS wind_direction_cos
FROM observations
GROUP BY city_id, month, hour_utc, hour_local
