-- One row per city, UTC month and day of the city's clock: what its rows say, as a partial aggregate
-- that can be merged. Over the view observations, whose rows name their month and their day. Rain and
-- snow are amounts of the last hour: each counts for the hour before it, at most for its source's
-- interval, so that values every ten minutes are not added up six times.
--
-- The earliest time of an extreme (max_by would take any of several) is had in the same pass where a
-- value and its time fit into one whole number that sorts like both: a value of at most three decimals
-- and 16,000 either way, and a time of the three days around. Days with other values do not fit.
SELECT
  city_id, month, day,
  count(*) AS observation_count,
  min(observed_at) AS first_observed_at,
  max(observed_at) AS last_observed_at,
  min(moment) AS first_moment,
  max(moment) AS last_moment,
  min(phase) AS phase_min,
  max(phase) AS phase_max,
  min(interval_s) AS interval_s_min,
  CAST(max(interval_s) AS BIGINT) AS interval_s,
  {ends_of_values},
  count(utc_offset_s) AS offset_count,
  bit_count(coalesce(bit_or(CASE WHEN temperature_c IS NOT NULL THEN {hour_bit} END), 0))
    AS temperature_c_hours,
  {day_values},
  coalesce(var_pop(temperature_c), 0e0) * count(temperature_c) AS temperature_c_m2,
  min(temperature_c_observed_at) AS temperature_c_first_at,
  max(temperature_c_observed_at) AS temperature_c_last_at,
  min_by(temperature_c, temperature_c_observed_at) AS temperature_c_first,
  max_by(temperature_c, temperature_c_observed_at) AS temperature_c_last,
  count(wind_direction_deg) AS wind_direction_deg_count,
  coalesce(sum(sin(radians(wind_direction_deg))), 0e0) AS wind_direction_sin,
  coalesce(sum(cos(radians(wind_direction_deg))), 0e0) AS wind_direction_cos,
  {day_fallen},
  bool_and({fits}) AS fits,
  {day_extreme_keys}
FROM (
  SELECT *,
    {interval_s} AS interval_s,
    {phase} AS phase,
    {moments},
    CASE WHEN temperature_c IS NOT NULL THEN observed_at END AS temperature_c_observed_at,
    unix_micros(observed_at) - {day_start} AS day_micros,
    {thousandths}
  FROM observations
) observed
GROUP BY city_id, month, day
