-- One row per two neighbouring observations of a city between which at least one is missing, in
-- order; times in seconds since 1970. In braces: parts of model/coverage.ts, which says what is
-- expected. `step_s` is the longer interval of the two.
WITH neighbours AS (
  SELECT city_id, moment, lag(moment) OVER (PARTITION BY city_id ORDER BY moment) AS before
  FROM (
    SELECT city_id, {moment} AS moment
    FROM observations
    WHERE observed_at >= CAST($from AS TIMESTAMPTZ)
      AND observed_at < CAST($to AS TIMESTAMPTZ)
      AND city_id IN (SELECT unnest(string_split($cities, ',')))
  )
)
SELECT city_id, from_s, to_s, CAST(step_s AS DOUBLE) AS step_s
FROM (SELECT city_id, {span} FROM neighbours WHERE {is_far})
WHERE {missing}
ORDER BY city_id, from_s
LIMIT $most
