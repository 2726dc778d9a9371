/** Where a time axis has its marks: at round times of the chosen clock, also across summer time. */
import {
  formatClock,
  formatDay,
  formatMonth,
  formatMonthOfYear,
  formatWeekday,
  formatYear,
  instantOf,
  offsetAt,
} from '../format/times.ts';
import type { Span } from './sun.ts';

export interface Tick {
  readonly at: number;
  readonly label: string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Steps of a fixed length on the clock; longer ones go by the calendar. */
const STEPS = [
  HOUR / 12,
  HOUR / 4,
  HOUR / 2,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  3 * DAY,
  7 * DAY,
  14 * DAY,
];
const MONTHS = [1, 2, 3, 6, 12, 24, 60];

/** At most `most` marks from `from` to `to`. */
export function timeTicks(from: number, to: number, zone: string, most: number): readonly Tick[] {
  if (!(from < to)) return [];
  const count = Math.max(3, most);
  const step = STEPS.find((length) => (to - from) / length <= count);
  return step === undefined ? monthTicks(from, to, zone, count) : clockTicks(from, to, zone, step);
}

export interface DayName extends Span {
  readonly label: string;
}

/** The days from `from` to `to`, those at the ends cut; named as far as a day's px allow. */
export function dayNames(from: number, to: number, zone: string, px: number): readonly DayName[] {
  const days: DayName[] = [];
  for (let wall = Math.floor((from + offsetAt(from, zone)) / DAY) * DAY; ; wall += DAY) {
    const [start, end] = [instantOf(wall, zone), instantOf(wall + DAY, zone)];
    if (start >= to) return days;
    const noon = instantOf(wall + DAY / 2, zone);
    const label =
      px >= 84 ? formatDay(noon, zone, to) : formatWeekday(noon, zone, px >= 56 ? 'day' : 'short');
    days.push({ from: Math.max(from, start), to: Math.min(to, end), label });
  }
}

function clockTicks(from: number, to: number, zone: string, step: number): readonly Tick[] {
  const ticks: Tick[] = [];
  // Weeks begin on Monday; 5 January 1970 was one.
  const base = step % (7 * DAY) === 0 ? 4 * DAY : 0;
  let wall = Math.ceil((from + offsetAt(from, zone) - base) / step) * step + base;
  for (; ; wall += step) {
    const at = instantOf(wall, zone);
    if (at > to) return ticks;
    if (at < from) continue;
    const midnight = wall % DAY === 0;
    ticks.push({ at, label: midnight ? formatDay(at, zone, to) : formatClock(at, zone) });
  }
}

function monthTicks(from: number, to: number, zone: string, most: number): readonly Tick[] {
  const months = (to - from) / (30.44 * DAY);
  const step = MONTHS.find((length) => months / length <= most) ?? 120;
  const first = new Date(from + offsetAt(from, zone));
  let month = Math.floor(first.getUTCMonth() / step) * step;
  const ticks: Tick[] = [];
  for (; ; month += step) {
    const at = instantOf(Date.UTC(first.getUTCFullYear(), month, 1), zone);
    if (at > to) return ticks;
    if (at < from) continue;
    ticks.push({ at, label: monthLabel(at, zone, step, month, ticks.length === 0) });
  }
}

function monthLabel(at: number, zone: string, step: number, month: number, first: boolean): string {
  if (step >= 12) return formatYear(at, zone);
  return first || month % 12 === 0 ? formatMonthOfYear(at, zone) : formatMonth(at, zone);
}
