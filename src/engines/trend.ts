/** How a figure was over the last hours: one value a minute, the last one of each. */
import type { EngineFigure } from '../model/engines.ts';

export interface Trend {
  /** `at`: milliseconds since 1970. A clock that is put back changes nothing that is kept. */
  add(at: number, value: number | null): void;
  /** The newest last; few enough to draw. */
  points(): EngineFigure['trend'];
}

const MINUTE_MS = 60_000;
const POINTS_MAX = 72;

export function openTrend(hours: number): Trend {
  const minutes = hours * 60;
  const values: (number | null)[] = [];
  /** Of the last value. */
  let last = 0;
  return {
    add(at, value) {
      const minute = Math.floor(at / MINUTE_MS);
      if (values.length === 0) last = minute - 1;
      // Minutes in which nothing was added.
      for (let gap = Math.min(minute - last - 1, minutes); gap > 0; gap -= 1) values.push(null);
      if (minute > last) values.push(value);
      else values[values.length - 1] = value;
      last = Math.max(last, minute);
      values.splice(0, values.length - minutes);
    },
    points() {
      const step = Math.max(1, Math.ceil(values.length / POINTS_MAX));
      // Counted from the newest, which is always among them.
      const from = (values.length - 1) % step;
      const sampled = values.slice(from).filter((_, index) => index % step === 0);
      return { step_s: (step * MINUTE_MS) / 1_000, values: sampled.map(rounded) };
    },
  };
}

/** What is drawn a few pixels high needs no more digits. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
