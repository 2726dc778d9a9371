-- One row per city and month: what the city was called last. Over the view observations, whose rows
-- name their month.
SELECT city_id, month, max_by(city, observed_at) AS city, max_by(country, observed_at) AS country
FROM (
  SELECT city_id, month, city, country, max(observed_at) AS observed_at
  FROM observations
  GROUP BY city_id, month, city, country
) named
GROUP BY city_id, month
