-- One row per city, month and day of the view day_groups that does not fit: the earliest time of each
-- extreme, from the view observations.
SELECT
  g.city_id, g.month, g.day,
  {day_extreme_times}
FROM observations o
JOIN (SELECT * FROM day_groups WHERE NOT fits) g
  ON g.city_id = o.city_id AND g.month = o.month AND g.day = o.day
WHERE {is_day_extreme}
GROUP BY g.city_id, g.month, g.day
