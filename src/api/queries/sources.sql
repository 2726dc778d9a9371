-- One row per city and source of its observations.
SELECT DISTINCT city_id, source
FROM observations
