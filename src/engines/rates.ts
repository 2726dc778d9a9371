/** Rates from counters between two looks, and ratios. */

export interface Rates {
  /** By how much a second it grew since the last look; null at the first, and after a new start. */
  perSecond(name: string, count: number): number | null;
}

export function openRates(monotonic: () => number = () => performance.now()): Rates {
  const seen = new Map<string, { readonly count: number; readonly at: number }>();
  return {
    perSecond(name, count) {
      const at = monotonic();
      const before = seen.get(name);
      seen.set(name, { count, at });
      if (before === undefined || count < before.count || at <= before.at) return null;
      return (count - before.count) / ((at - before.at) / 1_000);
    },
  };
}

/** Null when the whole is 0. */
export function ratio(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
