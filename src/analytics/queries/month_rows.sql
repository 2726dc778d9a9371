-- One row per city and month of its clock, from the days of the view whole_days. Means are
-- those of days with enough coverage. A month is full by WMO-No. 1203 (model/climate.ts): few days
-- lack that, and few of them in a row.
WITH dated AS (
  SELECT
    *,
    substr(date, 1, 7) AS calendar,
    CAST(substr(date, 9, 2) AS INTEGER) AS place,
    CASE WHEN {is_enough} THEN CAST(substr(date, 9, 2) AS INTEGER) END AS complete
  FROM whole_days
),
numbered AS (
  SELECT
    *,
    complete - coalesce(lag(complete IGNORE NULLS)
      OVER (PARTITION BY city_id, calendar ORDER BY place), 0) - 1 AS missing_before
  FROM dated
),
months AS (
  SELECT
    city_id, calendar,
    {extremes},
    day(last_day(CAST(concat(calendar, '-01') AS DATE))) AS days_in_month
  FROM dated
  GROUP BY city_id, calendar
)
SELECT
  s.city_id,
  s.calendar AS month,
  CAST(sum(s.observation_count) AS BIGINT) AS observation_count,
  count(*) AS day_count,
  count(s.complete) AS complete_day_count,
  max(t.days_in_month) - count(s.complete) <= {days_missing_most}
    AND coalesce(greatest(max(s.missing_before), max(t.days_in_month) - max(s.complete)), 99)
      <= {run_missing_most} AS is_full,
  coalesce(sum(s.rain_reported_s) >= {rain_least} * 86400 * max(t.days_in_month), FALSE) AS rain_is_full,
  {month_extreme_means},
  {counts},
  {month_means},
  {month_since},
  {extremes_and_times},
  {fallen_sums},
  {month_degree_days},
  {month_kinds_of_days}
FROM numbered s
JOIN months t ON t.city_id = s.city_id AND t.calendar = s.calendar
GROUP BY s.city_id, s.calendar
