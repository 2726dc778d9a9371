-- One row per city and day: the dataset daily_summaries, from the views days_partials and city_names.
-- The mean direction is that of the sum of unit vectors, as in hourly_trends.sql.
SELECT
  d.city_id, n.city, d.date, d.clock, d.observation_count, d.coverage_pct,
  d.temperature_c_mean, d.temperature_c_min, d.temperature_c_min_at,
  d.temperature_c_max, d.temperature_c_max_at, d.temperature_c_stddev,
  d.temperature_c_first, d.temperature_c_last,
  d.humidity_pct_mean, d.humidity_pct_min, d.humidity_pct_max,
  d.pressure_hpa_mean, d.pressure_hpa_min, d.pressure_hpa_max,
  d.wind_speed_ms_mean, d.wind_speed_ms_max, d.wind_gust_ms_max, d.wind_gust_ms_max_at,
  CASE
    WHEN d.resultant <= 1e-9 * d.wind_direction_deg_count THEN NULL
    WHEN d.direction < -1e-9 THEN 360e0 + d.direction
    ELSE greatest(0e0, d.direction)
  END AS wind_direction_deg_mean,
  d.rain_mm, d.rain_reported_s, d.snow_mm, d.snow_reported_s,
  d.heating_degree_days, d.cooling_degree_days,
  d.is_frost_day, d.is_ice_day, d.is_summer_day, d.is_hot_day, d.is_tropical_night, d.is_wet_day
FROM (
  {days}
) d
JOIN city_names n ON n.city_id = d.city_id
