-- One row per city and day (UTC), in order: the observations of the range, and the last one of the
-- day whether it is in the range or not, with its interval and source; times in seconds since 1970.
-- In braces: parts of model/coverage.ts.
SELECT city_id, day, arrived, to_s AS last_s, CAST(step_s AS DOUBLE) AS step_s, source
FROM (
  SELECT city_id, day, arrived, source, {span}
  FROM (
    SELECT
      city_id,
      CAST(floor(epoch(observed_at) / 86400) AS INTEGER) AS day,
      count(*) FILTER (
        WHERE observed_at >= CAST($range_from AS TIMESTAMPTZ)
          AND observed_at < CAST($range_to AS TIMESTAMPTZ)
      ) AS arrived,
      max({moment}) AS last,
      arg_max(source, observed_at) AS source
    FROM observations
    WHERE observed_at >= CAST($from AS TIMESTAMPTZ)
      AND observed_at < CAST($to AS TIMESTAMPTZ)
      AND city_id IN (SELECT unnest(string_split($cities, ',')))
    GROUP BY city_id, day
  )
)
ORDER BY city_id, day
