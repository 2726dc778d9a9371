-- One row per city, clock and hour of day: the dataset hourly_trends, from the views
-- hourly_trends_partials and city_names. The mean direction is that of the sum of unit vectors; where
-- they cancel out (a resultant below a billionth of their number) there is none. North is 0, never
-- 360.
WITH clocked AS (
  SELECT
    city_id, 'utc' AS clock, hour_utc AS hour, observation_count,
    temperature_c_count, temperature_c_mean, humidity_pct_count, humidity_pct_mean,
    wind_speed_ms_count, wind_speed_ms_mean,
    wind_direction_deg_count, wind_direction_sin, wind_direction_cos
  FROM hourly_trends_partials
  UNION ALL
  SELECT
    city_id, 'local' AS clock, hour_local AS hour, observation_count,
    temperature_c_count, temperature_c_mean, humidity_pct_count, humidity_pct_mean,
    wind_speed_ms_count, wind_speed_ms_mean,
    wind_direction_deg_count, wind_direction_sin, wind_direction_cos
  FROM hourly_trends_partials
  WHERE hour_local IS NOT NULL
),
merged AS (
  SELECT
    city_id, clock, hour,
    CAST(sum(observation_count) AS BIGINT) AS observation_count,
    {mean temperature_c} AS temperature_c_mean,
    {mean humidity_pct} AS humidity_pct_mean,
    {mean wind_speed_ms} AS wind_speed_ms_mean,
    sqrt(sum(wind_direction_sin) * sum(wind_direction_sin)
      + sum(wind_direction_cos) * sum(wind_direction_cos)) AS resultant,
    1e-9 * sum(wind_direction_deg_count) AS resultant_min,
    degrees(atan2(sum(wind_direction_sin), sum(wind_direction_cos))) AS direction
  FROM clocked
  GROUP BY city_id, clock, hour
)
SELECT
  m.city_id,
  n.city,
  m.clock,
  m.hour,
  m.observation_count,
  m.temperature_c_mean,
  m.humidity_pct_mean,
  m.wind_speed_ms_mean,
  CASE
    WHEN m.resultant <= m.resultant_min THEN NULL
    WHEN m.direction < -1e-9 THEN 360e0 + m.direction
    ELSE greatest(0e0, m.direction)
  END AS wind_direction_deg_mean
FROM merged m
JOIN city_names n ON n.city_id = m.city_id
ORDER BY m.city_id, m.clock, m.hour
