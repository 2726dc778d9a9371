-- One row per city and value: the coverage of the states of the view city_statistics_states, which
-- follow each other in time, together with what is missing between one and the next.
WITH states AS (
  {states_by_value}
),
neighbours AS (
  SELECT
    city_id, value, value_first AS moment,
    lag(value_last) OVER (PARTITION BY city_id, value ORDER BY value_first) AS before
  FROM states
  WHERE value_first IS NOT NULL
),
missing AS (
  SELECT city_id, value, {missing_between}
  FROM (SELECT city_id, value, {span} FROM neighbours WHERE before IS NOT NULL) spans
  UNION ALL
  SELECT city_id, value, {missing_names} FROM states
),
sums AS (
  SELECT city_id, value,
    {missing_sums}
  FROM missing
  GROUP BY city_id, value
),
ends AS (
  SELECT
    city_id, value,
    min(first_moment) AS first_moment, max(last_moment) AS last_moment,
    min(value_first) AS value_first, max(value_last) AS value_last
  FROM states
  GROUP BY city_id, value
)
SELECT
  e.city_id, e.value, e.first_moment, e.last_moment, e.value_first, e.value_last, {missing_names}
FROM ends e
JOIN sums m ON m.city_id = e.city_id AND m.value = e.value
