-- One row per city, UTC month and day of the city's clock: a partial aggregate of the day that can be
-- merged. Over the view observations, whose rows name their month and their day. Rain and snow are
-- amounts of the last hour: each counts for the hour before it, at most for its source's interval, so
-- that values every ten minutes are not added up six times.
WITH grouped AS (
  SELECT
    city_id, month, day,
    count(*) AS observation_count,
    count(utc_offset_s) AS offset_count,
    CAST(max(interval_s) AS BIGINT) AS interval_s,
    count(DISTINCT CASE WHEN temperature_c IS NOT NULL THEN utc_hour END) AS temperature_c_hours,
    {day_values},
    coalesce(var_pop(temperature_c), 0e0) * count(temperature_c) AS temperature_c_m2,
    min(CASE WHEN temperature_c IS NOT NULL THEN observed_at END) AS temperature_c_first_at,
    max(CASE WHEN temperature_c IS NOT NULL THEN observed_at END) AS temperature_c_last_at,
    count(wind_direction_deg) AS wind_direction_deg_count,
    coalesce(sum(sin(radians(wind_direction_deg))), 0e0) AS wind_direction_sin,
    coalesce(sum(cos(radians(wind_direction_deg))), 0e0) AS wind_direction_cos,
    {day_fallen}
  FROM (SELECT *, {interval_s} AS interval_s FROM observations) observed
  GROUP BY city_id, month, day
),
-- The earliest time of each extreme: max_by would take any of several.
times AS (
  SELECT
    g.city_id, g.month, g.day,
    max(CASE WHEN o.observed_at = g.temperature_c_first_at THEN o.temperature_c END)
      AS temperature_c_first,
    max(CASE WHEN o.observed_at = g.temperature_c_last_at THEN o.temperature_c END)
      AS temperature_c_last,
    {day_extreme_times}
  FROM observations o
  JOIN grouped g ON g.city_id = o.city_id AND g.month = o.month AND g.day = o.day
  WHERE o.observed_at = g.temperature_c_first_at OR o.observed_at = g.temperature_c_last_at
    OR {is_day_extreme}
  GROUP BY g.city_id, g.month, g.day
)
SELECT
  {day_columns},
  t.temperature_c_first, t.temperature_c_last,
  {extreme_times}
FROM grouped g
LEFT JOIN times t ON t.city_id = g.city_id AND t.month = g.month AND t.day = g.day
