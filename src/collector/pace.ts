import type { Budget } from './budget.ts';

const DAY_MS = 86_400_000;

/**
 * Milliseconds between two calls that make the budget last to the end of the day and of the month,
 * when the cities would like more calls than it holds; 0 when it holds enough. The cities then
 * take turns, since the one that waited longest is next.
 */
export function paceMs(
  cityCount: number,
  intervalMs: number,
  budget: Pick<Budget, 'counts'>,
  now: Date,
): number {
  const wantedPerMs = cityCount / intervalMs;
  const { day, month } = budget.counts();
  const [year, monthIndex, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const periods = [
    { ...day, leftMs: Date.UTC(year, monthIndex, date + 1) - now.getTime(), ms: DAY_MS },
    {
      ...month,
      leftMs: Date.UTC(year, monthIndex + 1) - now.getTime(),
      ms: Date.UTC(year, monthIndex + 1) - Date.UTC(year, monthIndex),
    },
  ];
  let pace = 0;
  for (const { used, limit, leftMs, ms } of periods) {
    if (wantedPerMs * ms <= limit) continue;
    pace = Math.max(pace, leftMs / Math.max(1, limit - used));
  }
  return pace;
}
