-- One row per city and hour (UTC, hours since 1970): the last sound value of each variable that the rule
-- seasonal judges. Over the views season_rows and failed_values.
SELECT
  held.city_id,
  CAST(floor(unix_micros(held.observed_at) / 3.6e9) AS BIGINT) AS hour,
  {last_values}
FROM season_rows AS held
LEFT JOIN failed_values AS failed
  ON failed.city_id = held.city_id AND failed.observed_at = held.observed_at
GROUP BY 1, 2
