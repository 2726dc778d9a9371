-- One row per city and hour of both clocks: the states of the view hourly_trends_states merged
-- into one of the same columns.
SELECT
  city_id,
  max(month) AS month,
  hour_utc,
  hour_local,
  CAST(sum(observation_count) AS BIGINT) AS observation_count,
  CAST(sum(temperature_c_count) AS BIGINT) AS temperature_c_count,
  sum(temperature_c_mean * temperature_c_count) / nullif(sum(temperature_c_count), 0)
    AS temperature_c_mean,
  min(temperature_c_min) AS temperature_c_min,
  max(temperature_c_max) AS temperature_c_max,
  CAST(sum(humidity_pct_count) AS BIGINT) AS humidity_pct_count,
  sum(humidity_pct_mean * humidity_pct_count) / nullif(sum(humidity_pct_count), 0)
    AS humidity_pct_mean,
  min(humidity_pct_min) AS humidity_pct_min,
  max(humidity_pct_max) AS humidity_pct_max,
  CAST(sum(wind_speed_ms_count) AS BIGINT) AS wind_speed_ms_count,
  sum(wind_speed_ms_mean * wind_speed_ms_count) / nullif(sum(wind_speed_ms_count), 0)
    AS wind_speed_ms_mean,
  min(wind_speed_ms_min) AS wind_speed_ms_min,
  max(wind_speed_ms_max) AS wind_speed_ms_max,
  CAST(sum(wind_direction_deg_count) AS BIGINT) AS wind_direction_deg_count,
  sum(wind_direction_sin) AS wind_direction_sin,
  sum(wind_direction_cos) AS wind_direction_cos
FROM hourly_trends_states
GROUP BY city_id, hour_utc, hour_local
