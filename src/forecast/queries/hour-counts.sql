-- One row: hours of a city with a temperature, before the one from which it was learned and after.
SELECT
  count(DISTINCT hour) FILTER (hour < $since) AS before,
  count(DISTINCT hour) FILTER (hour >= $since) AS after
FROM (
  SELECT CAST(ceil(epoch(observed_at) / 3600) AS BIGINT) AS hour
  FROM observations
  WHERE observed_at > CAST($after AS TIMESTAMPTZ)
    AND observed_at <= CAST($to AS TIMESTAMPTZ)
    AND city_id = $city
    AND temperature_c IS NOT NULL
)
