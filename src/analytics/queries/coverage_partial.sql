-- One row per city, month and value (any value, or that of one variable): a partial aggregate of its coverage
-- that can be merged. Over the views observed_days and observations, whose rows name their month.
-- What is missing is counted between neighbours in time (model/coverage.ts), which takes a sort.
-- Where all times of a city are on one grid, it is the number of slots less that of values, since no
-- two observations of a city have the same time.
WITH grouped AS (
  SELECT
    city_id, month,
    min(first_moment) AS first_moment,
    max(last_moment) AS last_moment,
    min(phase_min) = max(phase_max) AND min(interval_s_min) = max(interval_s) AS is_regular,
    max(interval_s) AS step_s,
    {ends_of_days}
  FROM observed_days
  GROUP BY city_id, month
),
neighbours AS (
  SELECT city_id, month,
    {values_before}
  FROM (
    SELECT o.city_id, o.month, moment, {moments}
    FROM observations o
    JOIN (SELECT city_id, month FROM grouped WHERE NOT is_regular) g
      ON g.city_id = o.city_id AND g.month = o.month
  ) irregular
  WINDOW by_time AS (PARTITION BY city_id, month ORDER BY moment)
),
gaps AS (
  {gaps_by_value}
),
ends AS (
  {ends_by_value}
),
on_grid AS (
  SELECT *,
    CASE WHEN is_regular AND held > 0 THEN greatest(0e0, {slots_s} - 1e0 * held * step_s)
        ELSE 0e0 END AS missing_s
  FROM ends
),
parts AS (
  SELECT city_id, month, value, first_moment, last_moment, value_first, value_last,
    {missing_s}
  FROM on_grid
  UNION ALL
  SELECT city_id, month, value, NULL, NULL, NULL, NULL,
    {missing_between}
  FROM (SELECT city_id, month, value, {span} FROM gaps WHERE {is_far}) spans
)
SELECT
  city_id, month, value,
  min(first_moment) AS first_moment, max(last_moment) AS last_moment,
  min(value_first) AS value_first, max(value_last) AS value_last,
  {missing_sums}
FROM parts
GROUP BY city_id, month, value
