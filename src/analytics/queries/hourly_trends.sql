-- One row per city, clock and hour of day: the dataset hourly_trends, from the views hour_sums and
-- city_names. The mean direction is that of the sum of unit vectors; where they cancel out (a resultant
-- below a billionth of their number) the direction is NULL. North is 0, never 360.
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
    WHEN m.resultant <= 1e-9 * m.wind_direction_deg_count THEN NULL
    WHEN m.direction < -1e-9 THEN 360e0 + m.direction
    ELSE greatest(0e0, m.direction)
  END AS wind_direction_deg_mean,
  m.temperature_c_count,
  m.humidity_pct_count,
  m.wind_speed_ms_count,
  m.wind_direction_deg_count,
  m.wind_direction_sin,
  m.wind_direction_cos
FROM (
  SELECT
    *,
    sqrt(wind_direction_sin * wind_direction_sin + wind_direction_cos * wind_direction_cos)
      AS resultant,
    degrees(atan2(wind_direction_sin, wind_direction_cos)) AS direction
  FROM hour_sums
) m
JOIN city_names n ON n.city_id = m.city_id
