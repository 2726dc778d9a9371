/** A clock's reading in a time zone → the moments at which the clock showed it. */
import { zoneOffsets } from '../model/time-zone.ts';

const DAY_MS = 86_400_000;

/**
 * The moments, in milliseconds since 1970 and in order, at which a clock of the zone shows this:
 * one; two in the hour that is repeated in autumn; none in the one that is skipped in spring.
 */
export function momentsIn(timeZone: string): (localMs: number) => readonly number[] {
  const offsetAt = zoneOffsets(timeZone);
  return (localMs) => {
    // Offsets are less than a day: the moment lies on this day, the one before or the one after.
    const start = (Math.floor(localMs / DAY_MS) - 1) * DAY_MS;
    const around = DAYS_AROUND.map((days) => offsetAt(start + days * DAY_MS) * 1_000);
    const [offset = 0] = around;
    if (around.every((other) => other === offset)) return [localMs - offset];
    return [...new Set(around)]
      .map((candidate) => localMs - candidate)
      .filter((moment) => moment + offsetAt(moment) * 1_000 === localMs)
      .sort((a, b) => a - b);
  };
}

const DAYS_AROUND = [0, 1, 2, 3];

export interface Series {
  /** The moment meant by a reading that two moments show; `moments` come in order of time. */
  choose(moments: readonly number[]): number;
}

/**
 * The times of one series (a city in a file) in the order of the file, which decides between two
 * moments of one reading: where time runs forward it is the first moment after the one before, the
 * later one when the clock has gone back. In files with the newest first it is the other way round.
 * A step of the series' own interval, where only one of the two makes it, comes before that.
 */
export function openSeries(intervalMs: number): Series {
  let before: number | null = null;
  let isForward = true;

  function pick(moments: readonly number[]): number {
    const [first = 0, second = first] = moments;
    if (moments.length < 2 || before === null) return first;
    const isStep = (moment: number) =>
      (isForward ? moment > (before ?? 0) : moment < (before ?? 0)) &&
      (moment - (before ?? 0)) % intervalMs === 0;
    if (isStep(first) !== isStep(second)) return isStep(first) ? first : second;
    if (!isForward) return second < before ? second : first;
    if (first > before) return first;
    // From far behind it is another pass over the same time, which begins anew.
    return before <= second + (second - first) ? second : first;
  }

  return {
    choose(moments) {
      const moment = pick(moments);
      if (before !== null && moment !== before) isForward = moment > before;
      before = moment;
      return moment;
    },
  };
}
