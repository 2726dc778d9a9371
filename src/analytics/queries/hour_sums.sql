-- One row per city, clock and hour of day: the partial aggregates of the view hourly_trends_partials merged
-- over months and, for each clock, over the other's hours.
WITH clocked AS (
  SELECT *, 'utc' AS clock, hour_utc AS hour FROM hourly_trends_partials
  UNION ALL
  SELECT *, 'local' AS clock, hour_local AS hour FROM hourly_trends_partials
  WHERE hour_local IS NOT NULL
)
SELECT
  city_id, clock, hour,
  CAST(sum(observation_count) AS BIGINT) AS observation_count,
  {mean temperature_c} AS temperature_c_mean,
  {mean humidity_pct} AS humidity_pct_mean,
  {mean wind_speed_ms} AS wind_speed_ms_mean,
  CAST(sum(temperature_c_count) AS BIGINT) AS temperature_c_count,
  CAST(sum(humidity_pct_count) AS BIGINT) AS humidity_pct_count,
  CAST(sum(wind_speed_ms_count) AS BIGINT) AS wind_speed_ms_count,
  CAST(sum(wind_direction_deg_count) AS BIGINT) AS wind_direction_deg_count,
  sum(wind_direction_sin) AS wind_direction_sin,
  sum(wind_direction_cos) AS wind_direction_cos
FROM clocked
GROUP BY city_id, clock, hour
