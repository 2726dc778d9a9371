-- One row per city and bucket of time, in order, with what a line needs of it: first and last,
-- lowest and highest; times in microseconds since 1970, as numbers. A city with no more
-- observations than $points has a bucket for each of them; one without any value has one row of its
-- coverage. In braces: the value of one variable, and parts of model/coverage.ts.
-- Keeping lowest and highest of each bucket: Jugel et al., "M4", VLDB 2014.
-- Coverage counts from the first observation of the city to its last, as in coverage_state.sql of
-- the analytics: without a sort where all times are on one grid.
WITH seen AS (
  SELECT
    city_id,
    CAST(epoch_us(observed_at) AS DOUBLE) AS at_us,
    observed_at,
    {value} AS value,
    {is_held} AS is_held,
    interval_s,
    {moment} AS moment
  FROM observations
  WHERE observed_at >= CAST($from AS TIMESTAMPTZ)
    AND observed_at < CAST($to AS TIMESTAMPTZ)
    AND city_id IN (SELECT unnest(string_split($cities, ',')))
),
ends AS (
  SELECT
    city_id,
    count(value) > $points AS sampled,
    min(moment) AS first_moment, max(moment) AS last_moment,
    count(held_moment) AS held, min(held_moment) AS held_first, max(held_moment) AS held_last,
    min(phase) = max(phase) AND min(step_s) = max(step_s) AS is_regular,
    max(step_s) AS step_s
  FROM (
    SELECT city_id, value, moment, CASE WHEN is_held THEN moment END AS held_moment,
      {interval_s} AS step_s, {phase} AS phase
    FROM seen
  )
  GROUP BY city_id
),
neighbours AS (
  SELECT
    s.city_id, moment,
    lag(moment) OVER (PARTITION BY s.city_id ORDER BY moment) AS before
  FROM seen s
  JOIN (SELECT city_id FROM ends WHERE NOT is_regular) e ON e.city_id = s.city_id
  WHERE is_held
),
beside AS (
  SELECT city_id, first_moment AS before, held_first AS moment FROM ends
  UNION ALL
  SELECT city_id, held_last, last_moment FROM ends
),
missing AS (
  SELECT city_id, {missing_s}
  FROM (
    SELECT
      city_id,
      CASE WHEN is_regular THEN greatest(0e0, {slots_s} - 1e0 * held * step_s)
        ELSE 0e0 END AS missing_s
    FROM ends
    WHERE held > 0
  )
  UNION ALL
  SELECT city_id, {missing_between}
  FROM (SELECT city_id, {span} FROM neighbours WHERE {is_far})
  UNION ALL
  SELECT city_id, {missing_s}
  FROM (
    SELECT city_id, {missing_beside_s} AS missing_s
    FROM (SELECT city_id, {span} FROM beside WHERE before < moment)
  )
),
covered AS (
  SELECT
    e.city_id,
    any_value(e.sampled) AS sampled,
    any_value({expected_s}) AS expected_s,
    {missing_least} AS missing_s
  FROM ends e
  LEFT JOIN missing m ON m.city_id = e.city_id
  GROUP BY e.city_id
)
SELECT
  c.city_id,
  c.sampled,
  c.expected_s,
  greatest(0, c.expected_s - coalesce(c.missing_s, c.expected_s)) AS held_s,
  max(interval_s) AS interval_s,
  min(at_us) AS first_us,
  arg_min(value, at_us) AS first_value,
  max(at_us) AS last_us,
  arg_max(value, at_us) AS last_value,
  arg_min(at_us, value) AS lowest_us,
  min(value) AS lowest_value,
  arg_max(at_us, value) AS highest_us,
  max(value) AS highest_value
FROM covered c
LEFT JOIN (SELECT * FROM seen WHERE value IS NOT NULL) s ON s.city_id = c.city_id
GROUP BY
  c.city_id, c.sampled, c.expected_s, c.missing_s,
  CASE
    WHEN c.sampled THEN floor(at_us / (1000.0 * $bucket_ms))
    ELSE at_us
  END
ORDER BY c.city_id, first_us
