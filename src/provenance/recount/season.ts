/**
 * What is usual of one variable of one city, by docs/anomalies.md#arithmetic: medians of season and hour.
 * Hours are held by day; those that no later day needs are let go.
 */
import type { VariableName } from '../../model/variables.ts';

/** How values of a variable are judged. */
export interface Judging {
  readonly scaled: (value: number) => number;
  readonly unscaled: (scaled: number) => number;
  /** The smallest spread, on the scale. */
  readonly spreadLeast: number;
}

const asItIs = (value: number) => value;
const plain = (spreadLeast: number): Judging => ({
  ...{ scaled: asItIs, unscaled: asItIs, spreadLeast },
});

export const JUDGED: ReadonlyMap<VariableName, Judging> = new Map([
  ['temperature_c', plain(0.8)],
  ['humidity_pct', plain(4)],
  ['pressure_hpa', plain(0.8)],
  ['wind_speed_ms', { scaled: Math.sqrt, unscaled: (root) => root ** 2, spreadLeast: 0.3 }],
]);

/** Values that a median needs. */
const VALUES_LEAST = 9;
/** The season of the fifth year before the first day of a month, seen from the end of the next ones. */
const KEPT_DAYS = 5 * 366 + 120;

export interface Usual {
  readonly day: number;
  /** Of the whole hour, on the scale; NaN where too little is known. */
  readonly medians: readonly number[];
  readonly knownDays: number;
  readonly recentDays: number;
}

export interface KnownSeason {
  /** Earlier years. */
  readonly years: number;
  /** On the scale. */
  readonly low: number;
  readonly high: number;
}

export class SeasonHours {
  /** Days since 1970 → 24 values on the scale, NaN for none; in order of time. */
  readonly #days = new Map<number, Float64Array>();
  #usual: Usual | null = null;

  get heldDays(): number {
    return this.#days.size;
  }

  /** The last one of an hour stays. */
  put(day: number, hour: number, scaled: number): void {
    let hours = this.#days.get(day);
    if (hours === undefined) {
      hours = new Float64Array(24).fill(Number.NaN);
      this.#days.set(day, hours);
      for (const known of this.#days.keys()) {
        if (known >= day - KEPT_DAYS) break;
        this.#days.delete(known);
      }
    }
    hours[hour] = scaled;
  }

  /** Follows from the days before this one. */
  usualOn(day: number): Usual {
    if (this.#usual?.day !== day) this.#usual = this.#computeUsual(day);
    return this.#usual;
  }

  #computeUsual(day: number): Usual {
    const [recent = [], ...earlier] = windowsOf(day).map((window) => this.#within(window));
    const all = [...recent, ...earlier.flat()];
    const medians = Array.from({ length: 24 }, (_, hour) => medianAround(all, hour));
    return { day, medians, knownDays: all.length, recentDays: recent.length };
  }

  /** What is known of the season of a day, from days before another one. */
  seasonOf(day: number, before: number): KnownSeason {
    let [years, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const [back, [first, last]] of windowsOf(day).entries()) {
      const days = this.#within([first, Math.min(last, before - 1)]);
      const values = days.flatMap((hours) => [...hours]).filter((value) => !Number.isNaN(value));
      if (values.length > 0 && back > 0) years += 1;
      low = Math.min(low, ...values);
      high = Math.max(high, ...values);
    }
    return { years, low, high };
  }

  #within([first, last]: Window): Float64Array[] {
    const found: Float64Array[] = [];
    for (let day = first; day <= last; day += 1) {
      const hours = this.#days.get(day);
      if (hours !== undefined) found.push(hours);
    }
    return found;
  }
}

/** The first and the last day. */
type Window = readonly [number, number];

/** The last three weeks, and three weeks around the day in each of five earlier years. */
function windowsOf(day: number): Window[] {
  const earlier = [1, 2, 3, 4, 5].map((year): Window => {
    const then = day - Math.round(year * 365.2425);
    return [then - 10, then + 10];
  });
  return [[day - 21, day - 1], ...earlier];
}

/** Of the values of this hour and of one more on either side, around the clock. */
function medianAround(days: readonly Float64Array[], hour: number): number {
  const near = [(hour + 23) % 24, hour, (hour + 1) % 24];
  const values = new Float64Array(3 * days.length);
  let count = 0;
  for (const hours of days) {
    for (const one of near) {
      const value = hours[one];
      if (value === undefined || Number.isNaN(value)) continue;
      values[count] = value;
      count += 1;
    }
  }
  if (count < VALUES_LEAST) return Number.NaN;
  const sorted = values.subarray(0, count).sort();
  const half = count / 2;
  const [a = Number.NaN, b = Number.NaN] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  return (a + b) / 2;
}
