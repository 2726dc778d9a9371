/**
 * The days of all cities while the raw export is read. A day is open until it is past by every clock,
 * so that few of each city are held.
 */
import { DayTally, dayOf } from './day-tally.ts';
import type { RawRow } from './raw-row.ts';

const DAY_S = 86_400;
/** No clock is further behind UTC: the landing takes no larger offset. */
const BEHIND_MOST_S = 18 * 3_600;

/** The first day that is not past by every clock at this time, in seconds since 1970. */
export function firstOpenDay(seconds: number): number {
  return Math.floor((seconds - BEHIND_MOST_S) / DAY_S);
}

export class Days {
  readonly #open = new Map<string, DayTally[]>();

  add(row: RawRow): void {
    const day = dayOf(row);
    let open = this.#open.get(row.city_id);
    if (open === undefined) {
      open = [];
      this.#open.set(row.city_id, open);
    }
    let tally = open.find((one) => one.day === day);
    if (tally === undefined) {
      tally = new DayTally(row.city_id, day);
      open.push(tally);
    }
    tally.add(row);
  }

  /** The days before this one, each city's in order; they are let go. */
  *finish(before: number): Iterable<DayTally> {
    for (const [city_id, open] of this.#open) {
      if (open.every(({ day }) => day >= before)) continue;
      const later = open.filter(({ day }) => day >= before);
      this.#open.set(city_id, later);
      yield* open.filter(({ day }) => day < before).sort((a, b) => a.day - b.day);
    }
  }
}
