-- One row per city and day of its clock: the partial aggregates of the view days_partials merged into one of the
-- same columns. An hour of UTC is in one month, so hours add up.
-- Only a day near a month's end has several.
WITH counted AS (
  SELECT city_id, day, count(*) AS parts FROM days_partials GROUP BY city_id, day
),
parted AS (
  SELECT d.*
  FROM days_partials d
  JOIN counted c ON c.city_id = d.city_id AND c.day = d.day
  WHERE c.parts > 1
)
SELECT
  {day_columns}
FROM days_partials d
JOIN counted c ON c.city_id = d.city_id AND c.day = d.day
WHERE c.parts = 1
UNION ALL
SELECT
  {day_columns}
FROM (
  SELECT
    s.city_id,
    max(s.month) AS month,
    s.day,
    CAST(sum(s.observation_count) AS BIGINT) AS observation_count,
    CAST(sum(s.offset_count) AS BIGINT) AS offset_count,
    max(s.interval_s) AS interval_s,
    CAST(sum(s.temperature_c_hours) AS BIGINT) AS temperature_c_hours,
    {counts},
    {means},
    {extremes_and_times},
    {merged_m2},
    min_by(s.temperature_c_first, s.temperature_c_first_at) AS temperature_c_first,
    min(s.temperature_c_first_at) AS temperature_c_first_at,
    max_by(s.temperature_c_last, s.temperature_c_last_at) AS temperature_c_last,
    max(s.temperature_c_last_at) AS temperature_c_last_at,
    CAST(sum(s.wind_direction_deg_count) AS BIGINT) AS wind_direction_deg_count,
    sum(s.wind_direction_sin) AS wind_direction_sin,
    sum(s.wind_direction_cos) AS wind_direction_cos,
    {fallen_sums}
  FROM parted s
  JOIN (
    SELECT
      city_id, day,
      {means_and_extremes}
    FROM parted
    GROUP BY city_id, day
  ) t ON t.city_id = s.city_id AND t.day = s.day
  GROUP BY s.city_id, s.day
) d
