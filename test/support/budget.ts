/** Calls are spread over what is left of the day and the month: enough for a few cities on any date. */
export const AMPLE_BUDGET = { per_day: 10_000_000, per_month: 300_000_000 } as const;
