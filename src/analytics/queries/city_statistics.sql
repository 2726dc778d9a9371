-- One row per city: the dataset city_statistics, from the view city_statistics_merged (one row per
-- city and interval; a city that was imported and polled has two).
-- coverage_pct: seconds of the slots that hold a value ÷ seconds of all slots from first to last.
WITH totals AS (
  SELECT
    city_id,
    sum(temperature_c_mean * temperature_c_count) / nullif(sum(temperature_c_count), 0)
      AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max
  FROM city_statistics_merged
  GROUP BY city_id
),
joined AS (
  SELECT
    s.city_id,
    max_by(s.city, s.last_observed_at) AS city,
    max_by(s.country, s.last_observed_at) AS country,
    CAST(sum(s.observation_count) AS BIGINT) AS observation_count,
    CAST(sum(s.temperature_c_count) AS BIGINT) AS temperature_c_count,
    max(t.temperature_c_mean) AS temperature_c_mean,
    sum(s.temperature_c_m2 + coalesce(
      s.temperature_c_count * (s.temperature_c_mean - t.temperature_c_mean)
        * (s.temperature_c_mean - t.temperature_c_mean), 0e0)) AS temperature_c_m2,
    min(t.temperature_c_min) AS temperature_c_min,
    min(CASE WHEN s.temperature_c_min = t.temperature_c_min THEN s.temperature_c_min_at END)
      AS temperature_c_min_at,
    max(t.temperature_c_max) AS temperature_c_max,
    min(CASE WHEN s.temperature_c_max = t.temperature_c_max THEN s.temperature_c_max_at END)
      AS temperature_c_max_at,
    sum(s.humidity_pct_mean * s.humidity_pct_count) / nullif(sum(s.humidity_pct_count), 0)
      AS humidity_pct_mean,
    min(s.first_observed_at) AS first_observed_at,
    max(s.last_observed_at) AS last_observed_at,
    sum(1e0 * s.slots_held * s.interval_s) AS held_s,
    sum(1e0 * (s.slot_last - s.slot_first + 1) * s.interval_s) AS expected_s
  FROM city_statistics_merged s
  JOIN totals t ON t.city_id = s.city_id
  GROUP BY s.city_id
)
SELECT
  city_id,
  city,
  country,
  observation_count,
  temperature_c_count,
  temperature_c_mean,
  temperature_c_min,
  temperature_c_min_at,
  temperature_c_max,
  temperature_c_max_at,
  CASE WHEN temperature_c_count > 1 THEN sqrt(temperature_c_m2 / (temperature_c_count - 1)) END
    AS temperature_c_stddev,
  humidity_pct_mean,
  first_observed_at,
  last_observed_at,
  least(100e0, 100e0 * held_s / expected_s) AS coverage_pct
FROM joined
ORDER BY city_id
