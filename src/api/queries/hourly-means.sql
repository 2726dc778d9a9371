-- One row per city, period and hour of the city's clock: the mean of the hour over the period's
-- days. In braces: the value of one variable, and its mean (of directions that of unit vectors;
-- any other lies between the lowest and the highest of the values, whatever rounding does).
SELECT
  city_id,
  strftime(date_trunc($period, local_at), '%Y-%m-%d') AS period_start,
  CAST(hour(local_at) AS INTEGER) AS hour,
  count(*) AS observation_count,
  {mean} AS mean
FROM (
  SELECT
    city_id,
    CAST(observed_at + to_seconds(coalesce(utc_offset_s, 0)) AS TIMESTAMP) AS local_at,
    {value} AS value
  FROM observations
  WHERE {value} IS NOT NULL
    AND observed_at >= CAST($from AS TIMESTAMPTZ)
    AND observed_at < CAST($to AS TIMESTAMPTZ)
    AND city_id IN (SELECT unnest(string_split($cities, ',')))
)
GROUP BY ALL
HAVING mean IS NOT NULL
ORDER BY city_id, period_start, hour
