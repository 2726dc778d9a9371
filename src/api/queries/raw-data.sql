-- One row per observation, newest first; after the key (at, city) of the page before.
SELECT *
FROM observations
WHERE observed_at >= CAST($from AS TIMESTAMPTZ)
  AND observed_at < CAST($to AS TIMESTAMPTZ)
  AND observed_at <= CAST($at AS TIMESTAMPTZ)
  AND (observed_at < CAST($at AS TIMESTAMPTZ) OR city_id > $city)
  AND ($cities = '' OR city_id IN (SELECT unnest(string_split($cities, ','))))
ORDER BY observed_at DESC, city_id
LIMIT $limit
