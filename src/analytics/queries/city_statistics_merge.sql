-- One row per city: the states of the view city_statistics_states merged into one of the same
-- columns.
WITH covered AS (
  {merged_coverage}
),
coverage AS (
  SELECT city_id,
    {coverage_of_values}
  FROM covered
  GROUP BY city_id
)
SELECT s.*, {coverage_columns}
FROM (
  {merged_statistics}
) s
JOIN coverage c ON c.city_id = s.city_id
