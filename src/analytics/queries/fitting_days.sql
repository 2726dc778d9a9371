-- As observed_days.sql, where all rows of the view day_groups fit.
SELECT
  g.*,
  {fitting_times}
FROM day_groups g
