-- One row per city, month and hour of both clocks: a partial aggregate of the hourly trends that can be merged.
-- Over the view observations, whose rows name their month. Directions become sums of unit vectors
-- (Mardia and Jupp, "Directional Statistics", 2000, section 2.2). The view has none when it is calm.
-- A mean lies between the lowest and the highest of its values, whatever rounding makes of its sum.
SELECT
  city_id,
  month,
  hour_utc,
  hour_local,
  count(*) AS observation_count,
  count(temperature_c) AS temperature_c_count,
  least(greatest(avg(temperature_c), min(temperature_c)), max(temperature_c)) AS temperature_c_mean,
  count(humidity_pct) AS humidity_pct_count,
  least(greatest(avg(humidity_pct), min(humidity_pct)), max(humidity_pct)) AS humidity_pct_mean,
  count(wind_speed_ms) AS wind_speed_ms_count,
  least(greatest(avg(wind_speed_ms), min(wind_speed_ms)), max(wind_speed_ms)) AS wind_speed_ms_mean,
  count(wind_direction_deg) AS wind_direction_deg_count,
  coalesce(sum(sin(radians(wind_direction_deg))), 0e0) AS wind_direction_sin,
  coalesce(sum(cos(radians(wind_direction_deg))), 0e0) AS wind_direction_cos
FROM observations
GROUP BY city_id, month, hour_utc, hour_local
