-- One row per city, variable and month of the year: the dataset records, from the views
-- calendar_months_partials, in which month 0 stands for the whole year, and city_names.
WITH merged AS (
  {calendar_months_merge}
),
extremes AS (
  {records_of_variables}
)
SELECT
  e.city_id, n.city, e.variable, e.calendar_month, e.highest, e.highest_at, e.lowest, e.lowest_at,
  e.since, e.observation_count
FROM extremes e
JOIN city_names n ON n.city_id = e.city_id
