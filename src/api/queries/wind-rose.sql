-- One row per city, sector of 22.5° that the wind comes from, and class of its speed; calm winds
-- have no sector. The first sector is centred on north. An observation that lacks its speed, or the
-- direction of a wind that is not calm, is left out.
SELECT
  city_id,
  CASE
    WHEN {is_calm} THEN NULL
    ELSE CAST(floor(wind_direction_deg / 22.5 + 0.5) AS INTEGER) % 16
  END AS sector,
  CASE
    WHEN {is_calm} THEN 0
    WHEN wind_speed_ms < 2 THEN 1
    WHEN wind_speed_ms < 4 THEN 2
    WHEN wind_speed_ms < 6 THEN 3
    WHEN wind_speed_ms < 8 THEN 4
    ELSE 5
  END AS speed_class,
  count(*) AS observation_count
FROM observations
WHERE wind_speed_ms IS NOT NULL
  AND (wind_direction_deg IS NOT NULL OR {is_calm})
  AND observed_at >= CAST($from AS TIMESTAMPTZ)
  AND observed_at < CAST($to AS TIMESTAMPTZ)
  AND city_id IN (SELECT unnest(string_split($cities, ',')))
GROUP BY ALL
ORDER BY city_id, sector, speed_class
