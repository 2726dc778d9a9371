-- One row per city and month of the view month_rows: a partial aggregate of its month of the year
-- that can be merged. Only full months say what is usual, but every value may be a record.
SELECT
  city_id,
  CAST(substr(month, 6, 2) AS INTEGER) AS calendar_month,
  CAST(CASE WHEN is_full THEN 1 ELSE 0 END AS BIGINT) AS year_count,
  CASE WHEN is_full THEN CAST(substr(month, 1, 4) AS INTEGER) END AS year_from,
  CASE WHEN is_full THEN CAST(substr(month, 1, 4) AS INTEGER) END AS year_to,
  {normals_of_month},
  {counts_and_since},
  {extreme_columns}
FROM month_rows
