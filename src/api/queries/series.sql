-- One row per city and bucket of time, in order, with what a line needs of it: first and last,
-- lowest and highest; times in microseconds since 1970, as numbers. A city with no more
-- observations than $points has a bucket for each of them.
-- {variable} stands for the name of one column of the observations.
-- Keeping lowest and highest of each bucket: Jugel et al., "M4", VLDB 2014.
WITH seen AS (
  SELECT
    city_id,
    CAST(epoch_us(observed_at) AS DOUBLE) AS at_us,
    {variable} AS value,
    interval_s
  FROM observations
  WHERE {variable} IS NOT NULL
    AND observed_at >= CAST($from AS TIMESTAMPTZ)
    AND observed_at < CAST($to AS TIMESTAMPTZ)
    AND city_id IN (SELECT unnest(string_split($cities, ',')))
),
counted AS (
  SELECT city_id, count(*) > $points AS sampled
  FROM seen
  GROUP BY city_id
)
SELECT
  city_id,
  any_value(sampled) AS sampled,
  max(interval_s) AS interval_s,
  sum(interval_s) AS covered_s,
  min(at_us) AS first_us,
  arg_min(value, at_us) AS first_value,
  max(at_us) AS last_us,
  arg_max(value, at_us) AS last_value,
  arg_min(at_us, value) AS lowest_us,
  min(value) AS lowest_value,
  arg_max(at_us, value) AS highest_us,
  max(value) AS highest_value
FROM seen
JOIN counted USING (city_id)
GROUP BY
  city_id,
  CASE
    WHEN sampled THEN floor(at_us / (1000.0 * $bucket_ms))
    ELSE at_us
  END
ORDER BY city_id, first_us
