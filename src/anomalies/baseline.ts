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
const HOUR_MS = 3_600_000;
const DAY_MS = HOURS * HOUR_MS;
const NEAR = Array.from({ length: HOURS }, (_, hour) =>
  [-1, 0, 1].map((away) => (hour + away + HOURS) % HOURS),
);
/** Values that a median needs. */
const VALUES_LEAST = 9;

/** Values by day since 1970 (UTC), 24 each; NaN for none. */
export type HoursOfDays = ReadonlyMap<number, Float64Array>;

/** Hours since midnight (UTC), of milliseconds since 1970. */
export function hoursOfDay(at: number): number {
  return (at - DAY_MS * Math.floor(at / DAY_MS)) / HOUR_MS;
}

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
  const [recent = [], ...earlier] = windowsBetween(day, day).map((one) => daysIn(days, one));
  const found = [...recent, ...earlier.flat()];
  const median = Float64Array.from({ length: HOURS }, (_, hour) => {
    const values = nearHour(found, hour);
    return values.length < VALUES_LEAST ? Number.NaN : medianOf(values, values.length);
  });
  return { median, recentDays: recent.length, days: found.length };
}

/** Those that are known of a window. */
export function daysIn(days: HoursOfDays, [first, last]: Window): Float64Array[] {
  const found: Float64Array[] = [];
  for (let day = first; day <= last; day += 1) {
    const values = days.get(day);
    if (values !== undefined) found.push(values);
  }
  return found;
}

/** The hours of the day whose values count for this one. */
export function hoursNear(hour: number): readonly number[] {
  return NEAR[hour] ?? [];
}

/** The values of these days that count for the hour. */
export function nearHour(days: readonly Float64Array[], hour: number): Float64Array {
  const near = hoursNear(hour);
  const found = new Float64Array(near.length * days.length);
  let count = 0;
  for (const values of days) {
    for (const one of near) {
      const value = values[one] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      found[count] = value;
      count += 1;
    }
  }
  return found.subarray(0, count);
}
