-- One row per city, month and hour of the city's clock: what is usual there, over all observations.
-- In braces: the value of one variable.
SELECT
  city_id,
  CAST(month(local_at) AS INTEGER) AS month,
  CAST(hour(local_at) AS INTEGER) AS hour,
  count(*) AS observation_count,
  count(DISTINCT year(local_at)) AS year_count,
  quantile_cont(value, 0.1) AS low,
  quantile_cont(value, 0.5) AS median,
  quantile_cont(value, 0.9) AS high
FROM (
  SELECT
    city_id,
    CAST(observed_at + to_seconds(coalesce(utc_offset_s, 0)) AS TIMESTAMP) AS local_at,
    {value} AS value
  FROM observations
  WHERE {value} IS NOT NULL
    AND observed_at < CAST($to AS TIMESTAMPTZ)
    AND city_id IN (SELECT unnest(string_split($cities, ',')))
)
GROUP BY ALL
HAVING count(*) >= $least
ORDER BY city_id, month, hour
