-- One row per observation with values that failed quality control: those values, by variable. Over the
-- view quality_flags. What an observation holds now is compared with them: a corrected value has not failed.
SELECT city_id, observed_at,
  {failed_by_variable}
FROM quality_flags
WHERE verdict = 'fail'
GROUP BY city_id, observed_at
