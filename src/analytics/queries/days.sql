-- One row per city and day of its clock: what the merged partial aggregates of the view days_partials
-- say of the day. What kinds of days there are is said in model/climate.ts.
SELECT
  *,
  {degree_days},
  {kinds_of_days}
FROM (
  SELECT
    *,
    CAST(DATE '1970-01-01' + day AS STRING) AS date,
    CASE WHEN offset_count = observation_count THEN 'local'
      WHEN offset_count = 0 THEN 'utc' ELSE 'mixed' END AS clock,
    least(100e0, temperature_c_hours * greatest(3600, interval_s) / 864e0) AS coverage_pct,
    CASE WHEN temperature_c_count > 1
      THEN sqrt(temperature_c_m2 / (temperature_c_count - 1)) END AS temperature_c_stddev,
    sqrt(wind_direction_sin * wind_direction_sin + wind_direction_cos * wind_direction_cos)
      AS resultant,
    degrees(atan2(wind_direction_sin, wind_direction_cos)) AS direction
  FROM (
    {days_merge}
  ) merged
) days
