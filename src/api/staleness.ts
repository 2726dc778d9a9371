/** How old an answer is, whether it is stale, and why: the same rule for every address. */

/** What is said of the whole server at this moment. */
export interface Condition {
  readonly staleAfterS: number;
  /** Why there is nothing at all; null as soon as there is something. */
  readonly empty: string | null;
  /** Failures that concern every answer: something older than it should be is served. */
  readonly failures: readonly string[];
}

export interface Staleness {
  readonly age_s: number | null;
  readonly stale: boolean;
  readonly reason: string | null;
}

/** `newest` is the time of the newest observation; `note` says why the data is not the whole. */
export function judgeStaleness(
  { newest, note }: { readonly newest: string | null; readonly note: string | null },
  { staleAfterS, empty, failures }: Condition,
  now: Date,
): Staleness {
  const ageS = newest === null ? null : Math.max(0, (now.getTime() - Date.parse(newest)) / 1_000);
  const isOld = ageS !== null && ageS > staleAfterS;
  const why = empty ?? note;
  const reasons = [
    ...(why === null ? [] : [why]),
    ...failures,
    // The time, not the age: what is said of equal data must stay equal, or no ETag ever matches.
    ...(isOld ? [`the newest observation is from ${newest}`] : []),
  ];
  return {
    age_s: ageS,
    stale: isOld || failures.length > 0,
    reason: reasons.length === 0 ? null : reasons.join('; '),
  };
}
