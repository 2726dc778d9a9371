-- One row per city and month of the year: the partial aggregates of the view calendar_months_partials
-- merged into one of the same columns.
SELECT
  s.city_id,
  s.calendar_month,
  CAST(sum(s.year_count) AS BIGINT) AS year_count,
  min(s.year_from) AS year_from,
  max(s.year_to) AS year_to,
  {merged_normals},
  {counts},
  {merged_since},
  {extremes_and_times}
FROM calendar_months_partials s
JOIN (
  SELECT
    city_id, calendar_month,
    {normal_means},
    {extremes}
  FROM calendar_months_partials
  GROUP BY city_id, calendar_month
) t ON t.city_id = s.city_id AND t.calendar_month = s.calendar_month
GROUP BY s.city_id, s.calendar_month
