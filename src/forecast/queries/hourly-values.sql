-- One row per city and hour: the last value of each variable in the hour up to it, NULL for none.
SELECT
  city_id,
  CAST(ceil(epoch(observed_at) / 3600) AS BIGINT) AS hour,
  {values}
FROM observations
WHERE observed_at > CAST($after AS TIMESTAMPTZ)
  AND observed_at <= CAST($to AS TIMESTAMPTZ)
  AND city_id IN (SELECT unnest(string_split($cities, ',')))
GROUP BY city_id, hour
ORDER BY city_id, hour
