-- One row per city, clock and hour of day: the dataset hourly_trends, from the view
-- hourly_trends_merged. The mean direction is that of the sum of unit vectors; where they cancel
-- out (a resultant below a billionth of their number) there is none. North is 0, never 360.
SELECT
  city_id,
  city,
  clock,
  hour,
  observation_count,
  temperature_c_mean,
  humidity_pct_mean,
  wind_speed_ms_mean,
  CASE
    WHEN wind_direction_deg_count = 0 THEN NULL
    WHEN sqrt(wind_direction_sin * wind_direction_sin + wind_direction_cos * wind_direction_cos)
      < 1e-9 * wind_direction_deg_count THEN NULL
    WHEN degrees(atan2(wind_direction_sin, wind_direction_cos)) < -1e-9
      THEN 360e0 + degrees(atan2(wind_direction_sin, wind_direction_cos))
    ELSE greatest(0e0, degrees(atan2(wind_direction_sin, wind_direction_cos)))
  END AS wind_direction_deg_mean
FROM hourly_trends_merged
ORDER BY city_id, clock, hour
