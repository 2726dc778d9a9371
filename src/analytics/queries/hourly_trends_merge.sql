-- One row per city and hour of both clocks: the partial aggregates of the view hourly_trends_partials merged
-- into one of the same columns.
SELECT
  city_id,
  max(month) AS month,
  hour_utc,
  hour_local,
  CAST(sum(observation_count) AS BIGINT) AS observation_count,
  CAST(sum(temperature_c_count) AS BIGINT) AS temperature_c_count,
  {mean temperature_c} AS temperature_c_mean,
  CAST(sum(humidity_pct_count) AS BIGINT) AS humidity_pct_count,
  {mean humidity_pct} AS humidity_pct_mean,
  CAST(sum(wind_speed_ms_count) AS BIGINT) AS wind_speed_ms_count,
  {mean wind_speed_ms} AS wind_speed_ms_mean,
  CAST(sum(wind_direction_deg_count) AS BIGINT) AS wind_direction_deg_count,
  sum(wind_direction_sin) AS wind_direction_sin,
  sum(wind_direction_cos) AS wind_direction_cos
FROM hourly_trends_partials
GROUP BY city_id, hour_utc, hour_local
