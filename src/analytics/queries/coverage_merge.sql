-- One row per city and value: the partial aggregates of the view coverage_partials, which follow each other in
-- time, merged into one of the same columns: what is missing in each, and between one and the next.
WITH neighbours AS (
  SELECT
    city_id, value, value_first AS moment,
    lag(value_last) OVER (PARTITION BY city_id, value ORDER BY value_first) AS before
  FROM coverage_partials
  WHERE value_first IS NOT NULL
),
parts AS (
  SELECT city_id, month, value, first_moment, last_moment, value_first, value_last,
    {missing_names}
  FROM coverage_partials
  UNION ALL
  SELECT city_id, NULL, value, NULL, NULL, NULL, NULL,
    {missing_between}
  FROM (SELECT city_id, value, {span} FROM neighbours WHERE {is_far}) spans
)
SELECT
  city_id, max(month) AS month, value,
  min(first_moment) AS first_moment, max(last_moment) AS last_moment,
  min(value_first) AS value_first, max(value_last) AS value_last,
  {missing_sums}
FROM parts
GROUP BY city_id, value
