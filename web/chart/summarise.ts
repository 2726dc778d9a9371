/**
 * Long ranges. Where the days are too narrow to follow their ups and downs, a line through all of
 * them is a scribble: then each day, or each few days, is one point with its lowest and highest.
 */

import { formatCount } from '../format/numbers.ts';
import { offsetAt } from '../format/times.ts';
import { words } from '../words/words.ts';
import { FOLLOWED_MIN } from './chart-list.ts';
import type { Line } from './lines.ts';

/** A line of whole days: `values` are the middle of lowest and highest, a day without any is null. */
export interface Summary extends Line {
  readonly lows: readonly (number | null)[];
  readonly highs: readonly (number | null)[];
}

const DAY = 86_400_000;
/** A point of the summary takes at least as much, in px. */
const POINT_MIN = 3;
/** Days of one point; weeks begin on Monday. */
const STEPS = [1, 2, 7, 14, 28, 91, 364];

/**
 * How many days one point stands for; null where the lines are drawn as they are. A line that came
 * sampled has two points for each of the server's steps: ours are longer, so that each of them has
 * its lowest and highest.
 */
export function daysPerPoint(
  lines: readonly Line[],
  from: number,
  to: number,
  plotWidth: number,
): number | null {
  const days = Math.max(1, (to - from) / DAY);
  const dayWidth = plotWidth / days;
  if (dayWidth >= FOLLOWED_MIN) return null;
  const served = Math.max(0, ...lines.map(servedDays));
  const least = Math.max(POINT_MIN / dayWidth, served * 1.5);
  return STEPS.find((step) => step >= least) ?? 364;
}

/** The server's step, from the usual distance of two points. */
function servedDays({ times }: Line): number {
  const distances = Float64Array.from(times.keys(), (at) =>
    at === 0 ? 0 : (times[at] ?? 0) - (times[at - 1] ?? 0),
  );
  distances.sort();
  return (2 * (distances[Math.floor(distances.length / 2)] ?? 0)) / DAY;
}

interface Extremes {
  low: number;
  high: number;
}

export function summarise(line: Line, days: number, zone: string): Summary {
  const found = new Map<number, Extremes>();
  const wallStep = days * DAY;
  // 5 January 1970 was a Monday.
  const base = days % 7 === 0 ? 4 * DAY : 0;
  const offset = offsets(zone);
  let step = Number.NaN;
  let span: Extremes | undefined;
  for (const [index, at] of line.times.entries()) {
    const value = line.values[index];
    if (value === null || value === undefined) continue;
    const own = Math.floor((at + offset(at) - base) / wallStep);
    if (own !== step || span === undefined) {
      step = own;
      span = found.get(step) ?? { low: value, high: value };
      found.set(step, span);
    }
    if (value < span.low) span.low = value;
    if (value > span.high) span.high = value;
  }
  const keys = [...found.keys()];
  const times: number[] = [];
  const spans: (Extremes | null)[] = [];
  const last = Math.max(...keys);
  for (step = Math.min(...keys); step <= last; step += 1) {
    const middle = (step + 0.5) * wallStep + base;
    times.push(middle - offset(middle));
    spans.push(found.get(step) ?? null);
  }
  return {
    ...line,
    times,
    values: spans.map((span) => (span === null ? null : (span.low + span.high) / 2)),
    lows: spans.map((span) => span?.low ?? null),
    highs: spans.map((span) => span?.high ?? null),
  };
}

const known = new Map<string, Map<number, number>>();
/** Days that are remembered of a zone: two hundred years. */
const KNOWN_MAX = 80_000;

/**
 * The zone's offset, looked up once a day: an hour more or less moves no point to be seen. To ask
 * the browser is slow, and a week that begins and ends alike has no change of the clocks in it.
 */
function offsets(zone: string): (at: number) => number {
  const days = known.get(zone) ?? new Map<number, number>();
  known.set(zone, days);
  if (days.size > KNOWN_MAX) days.clear();
  const lookUp = (day: number): number => {
    const offset = days.get(day) ?? offsetAt(day * DAY, zone);
    days.set(day, offset);
    return offset;
  };
  return (at) => {
    const day = Math.floor(at / DAY);
    const found = days.get(day);
    if (found !== undefined) return found;
    const week = Math.floor(day / 7) * 7;
    const offset = lookUp(week) === lookUp(week + 7) ? lookUp(week) : lookUp(day);
    days.set(day, offset);
    return offset;
  };
}

/** Lowest and highest of the days of this point; null where they have no value. */
export function spanAt({ times, lows, highs }: Summary, at: number) {
  const index = times.indexOf(at);
  const low = lows[index] ?? null;
  const high = highs[index] ?? null;
  return low === null || high === null ? null : { low, high };
}

/** "each day", "each week", "every 2 days". */
export function stepWords(days: number): string {
  const { eachDay, eachWeek, everyDays } = words.value.chart;
  return days === 1 ? eachDay : days === 7 ? eachWeek : everyDays(formatCount(days));
}
