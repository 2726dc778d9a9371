-- One row per city: the dataset city_statistics, from the view city_statistics_states (any number
-- of states a city, of months, merged months and several intervals).
-- Means and deviations are merged as in city_statistics_merge.sql (Chan, Golub, LeVeque 1979).
-- coverage_pct: seconds of the slots that hold a value ÷ seconds of all slots from first to last,
-- of each interval for itself.
WITH ordered AS (
  SELECT
    city_id, interval_s, slots_held, slot_first, slot_last,
    lag(slot_last) OVER (PARTITION BY city_id, interval_s ORDER BY slot_first, slot_last)
      AS slot_before
  FROM city_statistics_states
),
-- Each state expects the slots since the end of the one before it; together that is the whole span.
-- A slot that two months share was held by both and is counted once.
seconds AS (
  SELECT
    city_id,
    sum(1e0 * interval_s
      * (slots_held - CASE WHEN slot_before = slot_first THEN 1 ELSE 0 END)) AS held_s,
    sum(1e0 * interval_s * (slot_last - coalesce(slot_before, slot_first - 1))) AS expected_s
  FROM ordered
  GROUP BY city_id
),
totals AS (
  SELECT
    city_id,
    sum(temperature_c_mean * temperature_c_count) / nullif(sum(temperature_c_count), 0)
      AS temperature_c_mean,
    min(temperature_c_min) AS temperature_c_min,
    max(temperature_c_max) AS temperature_c_max
  FROM city_statistics_states
  GROUP BY city_id
),
merged AS (
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
    max(t.temperature_c_min) AS temperature_c_min,
    min(CASE WHEN s.temperature_c_min = t.temperature_c_min THEN s.temperature_c_min_at END)
      AS temperature_c_min_at,
    max(t.temperature_c_max) AS temperature_c_max,
    min(CASE WHEN s.temperature_c_max = t.temperature_c_max THEN s.temperature_c_max_at END)
      AS temperature_c_max_at,
    sum(s.humidity_pct_mean * s.humidity_pct_count) / nullif(sum(s.humidity_pct_count), 0)
      AS humidity_pct_mean,
    min(s.first_observed_at) AS first_observed_at,
    max(s.last_observed_at) AS last_observed_at
  FROM city_statistics_states s
  JOIN totals t ON t.city_id = s.city_id
  GROUP BY s.city_id
)
SELECT
  m.city_id,
  m.city,
  m.country,
  m.observation_count,
  m.temperature_c_count,
  m.temperature_c_mean,
  m.temperature_c_min,
  m.temperature_c_min_at,
  m.temperature_c_max,
  m.temperature_c_max_at,
  CASE WHEN m.temperature_c_count > 1
    THEN sqrt(m.temperature_c_m2 / (m.temperature_c_count - 1)) END AS temperature_c_stddev,
  m.humidity_pct_mean,
  m.first_observed_at,
  m.last_observed_at,
  100e0 * c.held_s / c.expected_s AS coverage_pct,
  c.held_s,
  c.expected_s
FROM merged m
JOIN seconds c ON c.city_id = m.city_id
ORDER BY m.city_id
