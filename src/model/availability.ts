/** Availability by city and period: observations that arrived, and what is missing by its cause. */

import { formatSeconds, isOfStation, partOf, periodAt, type Run } from './gaps.ts';
import { type Availability, CAUSES, type Cause, type Period } from './outages.ts';

/** Observations of a city on a day (UTC). */
export interface DayCount {
  readonly city_id: string;
  /** Days since 1970. */
  readonly day: number;
  readonly arrived: number;
}

const DAY_S = 86_400;

class Sums {
  arrived = 0;
  readonly missed = new Map<Cause, number>();
  readonly seconds = new Map<Cause, number>();

  get expected(): number {
    return this.arrived + total(this.missed.values());
  }
}

/** One row per city and period that something was expected in, in order. `from` and `to` are seconds. */
export function availabilityOf(
  counts: readonly DayCount[],
  runs: readonly Run[],
  { from, to, period }: { readonly from: number; readonly to: number; readonly period: Period },
): Availability[] {
  const cities = new Map<string, Map<number, Sums>>();
  const sumsOf = (city: string, begin: number) => {
    const periods = cities.get(city) ?? new Map<number, Sums>();
    cities.set(city, periods);
    const sums = periods.get(begin) ?? new Sums();
    periods.set(begin, sums);
    return sums;
  };
  for (const { city_id, day, arrived } of counts) {
    sumsOf(city_id, periodAt(day * DAY_S, period)[0]).arrived += arrived;
  }
  for (const run of runs) {
    let at = Math.max(from, run.from);
    while (at < Math.min(to, run.to)) {
      const [begin, end] = periodAt(at, period);
      const { missed, seconds } = partOf(run, Math.max(from, begin), Math.min(to, end));
      const sums = sumsOf(run.city_id, begin);
      add(sums.missed, run.cause, missed);
      add(sums.seconds, run.cause, seconds);
      at = end;
    }
  }
  return [...cities]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([city_id, periods]) =>
      [...periods].sort(([a], [b]) => a - b).map(([begin, sums]) => rowOf(city_id, begin, sums)),
    );
}

/**
 * Share of the observations that arrived from a city in a time, %, as `station_pct`; no entry for one
 * of which nothing was expected.
 */
export function stationShares(
  counts: readonly DayCount[],
  runs: readonly Run[],
  { from, to }: { readonly from: number; readonly to: number },
): ReadonlyMap<string, number> {
  const arrived = new Map<string, number>();
  const missed = new Map<string, number>();
  const count = (sums: Map<string, number>, city: string, more: number) =>
    sums.set(city, (sums.get(city) ?? 0) + more);
  for (const { city_id, arrived: more } of counts) count(arrived, city_id, more);
  for (const run of runs) {
    if (isOfStation(run.cause)) count(missed, run.city_id, partOf(run, from, to).missed);
  }
  const cities = new Set([...arrived.keys(), ...missed.keys()]);
  const shares = [...cities].flatMap((city) => {
    const here = arrived.get(city) ?? 0;
    const pct = share(here, here + (missed.get(city) ?? 0));
    return pct === null ? [] : [[city, pct] as const];
  });
  return new Map(shares);
}

function rowOf(city_id: string, begin: number, sums: Sums): Availability {
  const { arrived, expected, missed, seconds } = sums;
  const ofStation = total(CAUSES.filter(isOfStation).map((cause) => missed.get(cause) ?? 0));
  const silent = Object.fromEntries(
    CAUSES.map((cause) => [`${cause}_s`, seconds.get(cause) ?? 0]),
  ) as Record<`${Cause}_s`, number>;
  const [main] = [...seconds].filter(([, length]) => length > 0).sort(([, a], [, b]) => b - a);
  return {
    city_id,
    from: formatSeconds(begin),
    expected,
    arrived,
    pct: share(arrived, expected),
    station_pct: share(arrived, arrived + ofStation),
    silent_s: total(seconds.values()),
    ...silent,
    main_cause: main?.[0] ?? null,
  };
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : (100 * part) / whole;
}

function add(sums: Map<Cause, number>, cause: Cause, amount: number): void {
  sums.set(cause, (sums.get(cause) ?? 0) + amount);
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
