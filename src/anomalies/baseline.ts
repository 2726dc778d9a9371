/**
 * What is usual for a city at an hour of the day and a time of the year: the median of the same hours
 * of the last three weeks, and of three weeks around this day in the years before.
 *
 * Hours are those of UTC: the sun does not change its clock in spring and autumn.
 */

import { medianOf } from '../model/statistics.ts';

/** Days that count, before this one and around it in earlier years. */
const RECENT_DAYS = 21;
const SEASON_DAYS = 10;
const YEARS_MOST = 5;
const HOURS = 24;
/** Values that a median needs. */
const VALUES_LEAST = 9;

/** Values by day since 1970 (UTC), 24 each; NaN for none. */
export type HoursOfDays = ReadonlyMap<number, Float64Array>;

export interface Baseline {
  /** By hour of the day; NaN where too little is known. */
  readonly median: Float64Array;
  /** Days of the last three weeks that have a value. */
  readonly recentDays: number;
  /** The same of all windows. */
  readonly days: number;
}

/** Until so many days are known, the rule is learning. */
export const LEARNING_DAYS = RECENT_DAYS;

/** Days of a window, the first and the last included. */
type Window = readonly [first: number, last: number];

/** The last weeks, and the season of each earlier year, of which `baselineOf` knows the days between two. */
export function windowsBetween(first: number, last: number): Window[] {
  const windows: Window[] = [[first - RECENT_DAYS, last - 1]];
  for (let year = 1; year <= YEARS_MOST; year += 1) {
    const back = Math.round(year * 365.2425);
    windows.push([first - back - SEASON_DAYS, last - back + SEASON_DAYS]);
  }
  return windows;
}

export function baselineOf(days: HoursOfDays, day: number): Baseline {
  const windows = windowsBetween(day, day);
  const found: Float64Array[] = [];
  let recentDays = 0;
  for (const [at, [from, to]] of windows.entries()) {
    for (let one = from; one <= to; one += 1) {
      const values = days.get(one);
      if (values === undefined) continue;
      found.push(values);
      if (at === 0) recentDays += 1;
    }
  }
  const scratch = new Float64Array(3 * found.length);
  const median = new Float64Array(HOURS);
  for (let hour = 0; hour < HOURS; hour += 1) {
    let count = 0;
    for (const values of found) {
      for (let near = hour - 1; near <= hour + 1; near += 1) {
        const value = values[(near + HOURS) % HOURS] ?? Number.NaN;
        if (Number.isNaN(value)) continue;
        scratch[count] = value;
        count += 1;
      }
    }
    median[hour] = count < VALUES_LEAST ? Number.NaN : medianOf(scratch, count);
  }
  return { median, recentDays, days: found.length };
}
