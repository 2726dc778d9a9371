import type { CallCount } from '../model/status.ts';

/**
 * Milliseconds between two calls that make what is left of the budget last to the end of the day
 * and of the month, when the cities would like more calls than that; 0 when there is enough.
 *
 * The cities then take turns, since the one that has been due longest is asked next.
 */
export function throttleMs(
  cityCount: number,
  intervalMs: number,
  counts: { readonly day: CallCount; readonly month: CallCount },
  nowMs: number,
): number {
  const now = new Date(nowMs);
  const [year, month, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const periods = [
    { ...counts.day, leftMs: Date.UTC(year, month, date + 1) - nowMs },
    { ...counts.month, leftMs: Date.UTC(year, month + 1) - nowMs },
  ];
  let throttle = 0;
  for (const { used, limit, leftMs } of periods) {
    const left = limit - used;
    // With nothing left the ledger refuses by itself, and says until when.
    if (left <= 0) return 0;
    const wanted = (cityCount / intervalMs) * leftMs;
    if (wanted > left) throttle = Math.max(throttle, leftMs / left);
  }
  return throttle;
}
