-- One row per city and month: a state of the city's statistics that can be merged.
-- Over the view observations, whose rows name their month. M2 is the sum of squared deviations from
-- the mean. What is missing is counted between neighbours in time (model/coverage.ts), which takes a
-- sort. Where all times of a city are on one grid, it is the number of slots less that of values,
-- since no two observations of a city have the same time.
WITH grouped AS (
  SELECT
    city_id, month,
    max_by(city, observed_at) AS city,
    max_by(country, observed_at) AS country,
    count(*) AS observation_count,
    count(temperature_c) AS temperature_c_count,
    avg(temperature_c) AS temperature_c_mean,
    coalesce(var_pop(temperature_c), 0e0) * count(temperature_c) AS temperature_c_m2,
    min(temperature_c) AS temperature_c_min,
    max(temperature_c) AS temperature_c_max,
    count(humidity_pct) AS humidity_pct_count,
    avg(humidity_pct) AS humidity_pct_mean,
    min(humidity_pct) AS humidity_pct_min,
    max(humidity_pct) AS humidity_pct_max,
    min(observed_at) AS first_observed_at,
    max(observed_at) AS last_observed_at,
    min(moment) AS first_moment,
    max(moment) AS last_moment,
    min(phase) = max(phase) AND min(step_s) = max(step_s) AS is_regular,
    max(step_s) AS interval_s,
    {ends_of_values}
  FROM (
    SELECT *, {moment} AS moment, {interval_s} AS step_s, {phase} AS phase
    FROM observations
  ) timed
  GROUP BY city_id, month
),
-- The earliest time of each extreme: max_by would take any of several.
times AS (
  SELECT
    g.city_id, g.month,
    min(CASE WHEN o.temperature_c = g.temperature_c_min THEN o.observed_at END)
      AS temperature_c_min_at,
    min(CASE WHEN o.temperature_c = g.temperature_c_max THEN o.observed_at END)
      AS temperature_c_max_at
  FROM observations o
  JOIN grouped g ON g.city_id = o.city_id AND g.month = o.month
  WHERE o.temperature_c = g.temperature_c_min OR o.temperature_c = g.temperature_c_max
  GROUP BY g.city_id, g.month
),
neighbours AS (
  SELECT city_id, month, moment,
    {values_before}
  FROM (
    SELECT o.city_id, o.month, o.has_value, o.temperature_c, o.humidity_pct, {moment} AS moment
    FROM observations o
    JOIN (SELECT city_id, month FROM grouped WHERE NOT is_regular) g
      ON g.city_id = o.city_id AND g.month = o.month
  ) timed
  WINDOW by_time AS (PARTITION BY city_id, month ORDER BY moment)
),
far AS (
  SELECT * FROM neighbours WHERE {any_is_far}
),
gaps AS (
  {gaps_by_value}
),
missing AS (
  SELECT city_id, month, value, {missing_between}
  FROM (SELECT city_id, month, value, {span} FROM gaps) spans
),
sums AS (
  SELECT city_id, month, value, {missing_sums}
  FROM missing
  GROUP BY city_id, month, value
),
irregular AS (
  SELECT city_id, month,
    {missing_of_values}
  FROM sums
  GROUP BY city_id, month
),
covered AS (
  SELECT *,
    {missing_on_grid}
  FROM grouped
)
SELECT
  g.city_id, g.month, g.city, g.country, g.observation_count,
  g.temperature_c_count, g.temperature_c_mean, g.temperature_c_m2,
  g.temperature_c_min, t.temperature_c_min_at, g.temperature_c_max, t.temperature_c_max_at,
  g.humidity_pct_count, g.humidity_pct_mean, g.humidity_pct_min, g.humidity_pct_max,
  g.first_observed_at, g.last_observed_at, g.first_moment, g.last_moment,
  {state_coverage}
FROM covered g
LEFT JOIN times t ON t.city_id = g.city_id AND t.month = g.month
LEFT JOIN irregular m ON m.city_id = g.city_id AND m.month = g.month
