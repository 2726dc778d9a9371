/** What is usual at an hour of the season, as a band behind the lines. */
import type { VariableName } from '../../src/model/variables.ts';
import { offsetAt } from '../format/times.ts';
import { convertValue, type Units } from '../format/units.ts';

/** Of one city and variable: a month (1 to 12) and an hour (0 to 23) of the city's clock. */
export interface UsualRow {
  readonly month: number;
  readonly hour: number;
  /** A tenth of the values lie below `low`, another tenth above `high`. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface UsualRange {
  readonly times: readonly number[];
  readonly lows: readonly (number | null)[];
  readonly highs: readonly (number | null)[];
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Points of the band at most; wider steps take the lowest and highest of their hours. */
const POINTS_MAX = 800;

/**
 * The band from `from` to `to`, and at both. A month's values count at its middle, and between two
 * middles the band goes evenly from one to the other, so that it has no step at a month's end. Null
 * without rows.
 */
export function usualRange(
  rows: readonly UsualRow[],
  { from, to }: { readonly from: number; readonly to: number },
  zone: string,
  variable: VariableName,
  units: Units,
): UsualRange | null {
  if (rows.length === 0) return null;
  const table = new Map(rows.map((row) => [row.month * 24 + row.hour, row]));
  const step = (to - from) / HOUR <= POINTS_MAX ? HOUR : DAY;
  const times: number[] = [];
  const lows: (number | null)[] = [];
  const highs: (number | null)[] = [];
  const convert = (value: number) => convertValue(value, variable, units);
  for (const at of timesOf(from, to, step)) {
    const wall = at + offsetAt(at, zone);
    const hours =
      step === HOUR
        ? [usualAt(table, wall)]
        : Array.from({ length: 24 }, (_, hour) => usualAt(table, wall + hour * HOUR));
    const known = hours.filter((hour) => hour !== null);
    times.push(at);
    lows.push(known.length === 0 ? null : convert(Math.min(...known.map(({ low }) => low))));
    highs.push(known.length === 0 ? null : convert(Math.max(...known.map(({ high }) => high))));
  }
  return { times, lows, highs };
}

/** Both ends, and what is a multiple of the step between them. */
function timesOf(from: number, to: number, step: number): number[] {
  const times = [from];
  for (let at = (Math.floor(from / step) + 1) * step; at < to; at += step) times.push(at);
  return to > from ? [...times, to] : times;
}

/**
 * Lowest and highest usual value at this wall time, between two months' middles. Where one of these
 * months is not known, as when it has just begun, the other counts alone; null without both.
 */
export function usualAt(
  table: ReadonlyMap<number, UsualRow>,
  wall: number,
): { readonly low: number; readonly median: number; readonly high: number } | null {
  const date = new Date(wall);
  const hour = date.getUTCHours();
  const [month, year] = [date.getUTCMonth(), date.getUTCFullYear()];
  const here = middleOf(year, month);
  const next = wall >= here ? 1 : -1;
  const there = middleOf(year, month + next);
  const share = (wall - here) / (there - here);
  const a = table.get((month + 1) * 24 + hour);
  const b = table.get((((month + next + 12) % 12) + 1) * 24 + hour);
  if (a === undefined || b === undefined) return a ?? b ?? null;
  const between = (from: number, to: number) => from + (to - from) * share;
  return {
    low: between(a.low, b.low),
    median: between(a.median, b.median),
    high: between(a.high, b.high),
  };
}

function middleOf(year: number, month: number): number {
  return (Date.UTC(year, month, 1) + Date.UTC(year, month + 1, 1)) / 2;
}
