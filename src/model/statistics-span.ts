/** What statistics of cities say together: from when to when, and how completely. */
import type { CityStatistics } from './datasets.ts';
import { compareTimes } from './iso-time.ts';

type Spanned = Pick<
  CityStatistics,
  'first_observed_at' | 'last_observed_at' | 'held_s' | 'expected_s'
>;

export interface StatisticsSpan {
  /** Times of the oldest and the newest observation; null without any. */
  readonly from: string | null;
  readonly to: string | null;
  /** Share of the expected observations that hold a value, %; null where it is not known. */
  readonly coveragePct: number | null;
}

export function spanOf(statistics: readonly Spanned[]): StatisticsSpan {
  let from: string | null = null;
  let to: string | null = null;
  let heldS = 0;
  let expectedS = 0;
  for (const { first_observed_at, last_observed_at, held_s, expected_s } of statistics) {
    if (from === null || compareTimes(first_observed_at, from) < 0) from = first_observed_at;
    if (to === null || compareTimes(last_observed_at, to) > 0) to = last_observed_at;
    // Publications of earlier versions do not have them.
    heldS += held_s ?? 0;
    expectedS += expected_s ?? 0;
  }
  return { from, to, coveragePct: expectedS === 0 ? null : (100 * heldS) / expectedS };
}
