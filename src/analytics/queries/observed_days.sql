-- The rows of the view day_groups with the times of their extremes: from their keys where they fit, else
-- those of the view day_times.
SELECT
  g.*,
  {extreme_times}
FROM day_groups g
LEFT JOIN day_times t ON t.city_id = g.city_id AND t.month = g.month AND t.day = g.day
