/** From what people chose to what the API is asked. */
import type { Between, RangeName, View } from './view.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * Length, and the step on which the beginning lies: within a step the same question is asked, so
 * the answer can be kept by the page and by the server.
 */
const LENGTHS: Readonly<
  Record<Exclude<RangeName, 'all'>, readonly [length: number, step: number]>
> = {
  '24h': [DAY, HOUR / 4],
  '3d': [3 * DAY, HOUR],
  '7d': [7 * DAY, HOUR],
  '30d': [30 * DAY, 6 * HOUR],
  '1y': [365 * DAY, DAY],
};

export interface ResolvedRange extends Between {
  /** Whether it goes on with the clock. */
  readonly open: boolean;
  /** Whether it ends at the newest observation, since that is older than the range is long. */
  readonly anchored: boolean;
}

/**
 * `oldest` and `newest` are the times of all observations; null when they are not known. "All" is
 * null until the oldest is.
 */
export function resolveRange(
  range: View['range'],
  now: number,
  oldest: number | null,
  newest: number | null,
): ResolvedRange | null {
  if (typeof range !== 'string') return { ...range, open: false, anchored: false };
  // The end is exclusive, and the newest observation belongs to it.
  const end = newest === null ? now : newest + 1_000;
  if (range === 'all') {
    if (oldest === null) return null;
    const from = Math.floor(oldest / DAY) * DAY;
    return end < now - 30 * DAY
      ? { from, to: end, open: false, anchored: true }
      : { from, to: Math.max(now, end), open: true, anchored: false };
  }
  const [length, step] = LENGTHS[range];
  const anchored = end < now - length;
  // A simulator that runs faster than the clock is ahead of it.
  const to = anchored ? end : Math.max(now, end);
  return { from: Math.floor((to - length) / step) * step, to, open: !anchored, anchored };
}

/** `from` and `to` as parameters; an open range has no end. */
export function rangeQuery({ from, to, open }: ResolvedRange): Readonly<Record<string, string>> {
  const start = formatInstant(from);
  return open ? { from: start } : { from: start, to: formatInstant(to) };
}

/** Half of its length earlier or later, and never beyond `now`. */
export function moveRange({ from, to }: Between, share: number, now: number): Between {
  const length = to - from;
  const end = Math.min(now, to + share * length);
  return { from: Math.round(end - length), to: Math.round(end) };
}

const SPAN_MIN = HOUR / 4;
const SPAN_MAX = 200 * 365 * DAY;

/** Longer (factor above 1) or shorter around its middle, and not beyond `now`. */
export function zoomRange({ from, to }: Between, factor: number, now: number): Between {
  const length = Math.min(SPAN_MAX, Math.max(SPAN_MIN, (to - from) * factor));
  const end = Math.min(now, (from + to) / 2 + length / 2);
  return { from: Math.round(end - length), to: Math.round(end) };
}

/** The next longer range, for "widen to …". */
export function widerRange(range: View['range']): RangeName {
  if (typeof range !== 'string') return '7d';
  const names: readonly RangeName[] = ['24h', '3d', '7d', '30d', '1y', 'all'];
  return names[names.indexOf(range) + 1] ?? 'all';
}

export function formatInstant(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
