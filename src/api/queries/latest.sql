-- One row per city: its newest observation among the files of the view `observations`, the time of
-- its oldest, and the sources of all of its observations there.
-- (city_id, observed_at) is the identity of an observation, so the join finds exactly one.
SELECT
  o.city_id, o.city, o.country, o.observed_at, o.collected_at, o.source, o.interval_s,
  o.utc_offset_s, o.temperature_c, o.feels_like_c, o.humidity_pct, o.pressure_hpa,
  o.wind_speed_ms, o.wind_gust_ms, o.wind_direction_deg, o.cloud_cover_pct, o.visibility_m,
  o.rain_1h_mm, o.snow_1h_mm, o.condition_id, o.condition,
  o.import_id, o.import_row, o.rejected_fields, newest.sources, newest.first_observed_at
FROM observations AS o
JOIN (
  SELECT city_id, max(observed_at) AS observed_at, min(observed_at) AS first_observed_at,
    list(DISTINCT source) AS sources
  FROM observations
  GROUP BY city_id
) AS newest
  ON o.city_id = newest.city_id AND o.observed_at = newest.observed_at
