/**
 * Seconds after which a city's newest observation is late. Twelve missed ones, but no later than
 * two hours (or two and a half intervals of a slow source) and no sooner than ten minutes: the
 * provider's own time lies up to 1.8 hours back at a first answer.
 */
export function lateAfter(intervalSeconds: number | null): number {
  const interval = intervalSeconds ?? 600;
  return Math.max(600, Math.min(12 * interval, Math.max(7_200, 2.5 * interval)));
}
