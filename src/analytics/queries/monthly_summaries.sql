-- One row per city and month: the dataset monthly_summaries, from the views month_rows and city_names.
SELECT
  m.city_id, n.city, m.month, m.observation_count, m.day_count, m.complete_day_count, m.is_full,
  m.temperature_c_mean, m.temperature_c_min_mean, m.temperature_c_max_mean,
  m.temperature_c_min, m.temperature_c_min_at, m.temperature_c_max, m.temperature_c_max_at,
  m.humidity_pct_mean, m.pressure_hpa_mean, m.pressure_hpa_min, m.pressure_hpa_max,
  m.wind_speed_ms_mean, m.wind_speed_ms_max, m.wind_gust_ms_max, m.wind_gust_ms_max_at,
  m.rain_mm, m.rain_reported_s, m.snow_mm, m.snow_reported_s,
  m.heating_degree_days, m.cooling_degree_days,
  m.frost_day_count, m.ice_day_count, m.summer_day_count, m.hot_day_count,
  m.tropical_night_count, m.wet_day_count
FROM month_rows m
JOIN city_names n ON n.city_id = m.city_id
