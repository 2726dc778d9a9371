-- One row per city and month: a partial aggregate of the city's statistics that can be merged. Over the
-- views observed_days and observed_names.
SELECT
  s.city_id,
  s.month,
  max(n.city) AS city,
  max(n.country) AS country,
  {merged_statistics}
FROM observed_days s
JOIN observed_names n ON n.city_id = s.city_id AND n.month = s.month
JOIN (
  SELECT
    city_id, month,
    {statistics_means}
  FROM observed_days
  GROUP BY city_id, month
) t ON t.city_id = s.city_id AND t.month = s.month
GROUP BY s.city_id, s.month
