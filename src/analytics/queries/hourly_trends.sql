-- One row per city, clock and hour of day: the dataset hourly_trends, from the views
-- hourly_trends_states and city_names. The mean direction is that of the sum of unit vectors; where
-- they cancel out (a resultant below a billionth of their number) there is none. North is 0, never
-- 360. A mean lies between the lowest and the highest of its values.
WITH clocked AS (
  SELECT
    city_id, 'utc' AS clock, hour_utc AS hour, observation_count,
    temperature_c_count, temperature_c_mean, temperature_c_min, temperature_c_max,
    humidity_pct_count, humidity_pct_mean, humidity_pct_min, humidity_pct_max,
    wind_speed_ms_count, wind_speed_ms_mean, wind_speed_ms_min, wind_speed_ms_max,
    wind_direction_deg_count, wind_direction_sin, wind_direction_cos
  FROM hourly_trends_states
  UNION ALL
  SELECT
    city_id, 'local' AS clock, hour_local AS hour, observation_count,
    temperature_c_count, temperature_c_mean, temperature_c_min, temperature_c_max,
    humidity_pct_count, humidity_pct_mean, humidity_pct_min, humidity_pct_max,
    wind_speed_ms_count, wind_speed_ms_mean, wind_speed_ms_min, wind_speed_ms_max,
    wind_direction_deg_count, wind_direction_sin, wind_direction_cos
  FROM hourly_trends_states
  WHERE hour_local IS NOT NULL
),
merged AS (
  SELECT
    city_id, clock, hour,
    CAST(sum(observation_count) AS BIGINT) AS observation_count,
    sum(temperature_c_mean * temperature_c_count) / nullif(sum(temperature_c_count), 0)
      AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max,
    sum(humidity_pct_mean * humidity_pct_count) / nullif(sum(humidity_pct_count), 0)
      AS humidity_pct_mean,
    min(humidity_pct_min) AS humidity_pct_min,
    max(humidity_pct_max) AS humidity_pct_max,
    sum(wind_speed_ms_mean * wind_speed_ms_count) / nullif(sum(wind_speed_ms_count), 0)
      AS wind_speed_ms_mean,
    min(wind_speed_ms_min) AS wind_speed_ms_min,
    max(wind_speed_ms_max) AS wind_speed_ms_max,
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
  least(greatest(m.temperature_c_mean, m.temperature_c_min), m.temperature_c_max) AS temperature_c_mean,
  least(greatest(m.humidity_pct_mean, m.humidity_pct_min), m.humidity_pct_max) AS humidity_pct_mean,
  least(greatest(m.wind_speed_ms_mean, m.wind_speed_ms_min), m.wind_speed_ms_max) AS wind_speed_ms_mean,
  CASE
    WHEN m.resultant <= m.resultant_min THEN NULL
    WHEN m.direction < -1e-9 THEN 360e0 + m.direction
    ELSE greatest(0e0, m.direction)
  END AS wind_direction_deg_mean
FROM merged m
JOIN city_names n ON n.city_id = m.city_id
ORDER BY m.city_id, m.clock, m.hour
