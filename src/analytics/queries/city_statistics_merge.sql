-- One row per city: the partial aggregates of the view city_statistics_partials merged into one of the same columns.
SELECT
  s.city_id,
  max(s.month) AS month,
  max_by(s.city, s.last_observed_at) AS city,
  max_by(s.country, s.last_observed_at) AS country,
  {merged_statistics}
FROM city_statistics_partials s
JOIN (
  SELECT
    city_id,
    {statistics_means}
  FROM city_statistics_partials
  GROUP BY city_id
) t ON t.city_id = s.city_id
GROUP BY s.city_id
