-- One row per city and month of the year: the dataset climate_normals, from the views
-- calendar_months_partials and city_names.
SELECT
  c.city_id, n.city, c.calendar_month, c.year_count, c.year_from, c.year_to,
  CASE WHEN c.year_count >= {normal_years} THEN 'normal'
    WHEN c.year_count >= {average_years} THEN 'period_average' ELSE 'few_years' END AS basis,
  {normals}
FROM (
  {calendar_months_merge}
) c
JOIN city_names n ON n.city_id = c.city_id
WHERE c.calendar_month > 0
