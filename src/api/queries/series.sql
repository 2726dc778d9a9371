-- One row per city and bucket of time, in order, with what a line needs of it: first and last,
-- lowest and highest. A city with no more observations than $points has a bucket for each of them.
-- {variable} stands for the name of one column of the observations.
-- Keeping lowest and highest of each bucket: Jugel et al., "M4", VLDB 2014.
WITH seen AS (
  SELECT city_id, city, observed_at, {variable} AS value, interval_s
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
  any_value(city) AS city,
  any_value(sampled) AS sampled,
  count(*) AS observation_count,
  max(interval_s) AS interval_s,
  sum(interval_s) AS covered_s,
  min(observed_at) AS first_at,
  arg_min(value, observed_at) AS first_value,
  max(observed_at) AS last_at,
  arg_max(value, observed_at) AS last_value,
  arg_min(observed_at, value) AS lowest_at,
  min(value) AS lowest_value,
  arg_max(observed_at, value) AS highest_at,
  max(value) AS highest_value
FROM seen
JOIN counted USING (city_id)
GROUP BY
  city_id,
  CASE
    WHEN sampled THEN epoch_ms(observed_at) // CAST($bucket_ms AS BIGINT)
    ELSE epoch_us(observed_at)
  END
ORDER BY city_id, first_at
