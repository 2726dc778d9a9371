/**
 * Coverage as docs/architecture.md defines it, from the observations of one city in the order of time:
 * the seconds that are expected from the first to the last, and how many of them hold a value.
 */
import type { Row } from '../../sql/engine.ts';
import { intervalOf, type RawRow } from './raw-row.ts';

interface Stop {
  readonly seconds: number;
  readonly interval: number;
}

/** What is missing between neighbours that hold a value, by both counts. */
interface Value {
  first: Stop | null;
  last: Stop | null;
  byDistance: number;
  bySlots: number;
}

const HOLDS = {
  value: (row: RawRow) => row.hasValue,
  temperature_c: (row: RawRow) => row.values.temperature_c !== null,
  humidity_pct: (row: RawRow) => row.values.humidity_pct !== null,
} as const;

export type CoveredValue = keyof typeof HOLDS;
const VALUES = Object.keys(HOLDS) as CoveredValue[];

export class CityCoverage {
  #first: Stop | null = null;
  #last: Stop | null = null;
  readonly #values: Readonly<Record<CoveredValue, Value>> = {
    value: emptyValue(),
    temperature_c: emptyValue(),
    humidity_pct: emptyValue(),
  };

  add(row: RawRow): void {
    const stop = { seconds: row.seconds, interval: intervalOf(row) };
    this.#first ??= stop;
    this.#last = later(this.#last, stop);
    for (const name of VALUES) if (HOLDS[name](row)) addTo(this.#values[name], stop);
  }

  /** Seconds from the first observation to the last, the interval of the last included. */
  get expectedSeconds(): number {
    const [first, last] = [this.#first, this.#last];
    if (first === null || last === null) return 0;
    const { interval } = last;
    return interval * (Math.floor((last.seconds - first.seconds) / interval + 0.5) + 1);
  }

  /** What the published row is known to go on from. */
  sums(): Row {
    const entries = VALUES.flatMap((name) => {
      const { first, last, byDistance, bySlots } = this.#values[name];
      return [
        [`${name}_last_s`, last?.seconds ?? null],
        [`${name}_interval_s`, last?.interval ?? null],
        [`${name}_missing_before_s`, first && this.#first && missingBeside(this.#first, first)],
        [`${name}_missing_s_0`, first && byDistance],
        [`${name}_missing_s_1`, first && bySlots],
      ];
    });
    return {
      first_interval_s: this.#first?.interval,
      last_interval_s: this.#last?.interval,
      ...Object.fromEntries(entries),
    };
  }

  heldSeconds(name: CoveredValue): number {
    const { first, last, byDistance, bySlots } = this.#values[name];
    if (first === null || last === null || this.#first === null || this.#last === null) return 0;
    const within = Math.min(byDistance, bySlots);
    const beside = missingBeside(this.#first, first) + missingBeside(last, this.#last);
    return Math.max(0, this.expectedSeconds - within - beside);
  }
}

function emptyValue(): Value {
  return { first: null, last: null, byDistance: 0, bySlots: 0 };
}

function addTo(value: Value, stop: Stop): void {
  value.first ??= stop;
  const { last } = value;
  value.last = later(last, stop);
  if (last === null) return;
  const step = Math.max(last.interval, stop.interval);
  const steps = nearestSteps(stop.seconds - last.seconds, step);
  value.byDistance += step * Math.max(0, steps - 1);
  const slots = Math.floor(stop.seconds / step + 0.5) - Math.floor(last.seconds / step + 0.5);
  value.bySlots += step * Math.max(0, slots - 1);
}

/** Where two are of the same second, the longer interval counts. */
function later(last: Stop | null, stop: Stop): Stop {
  if (last !== null && last.seconds === stop.seconds && last.interval > stop.interval) return last;
  return stop;
}

/** Half a step more than a whole number of them counts as none. */
function nearestSteps(seconds: number, step: number): number {
  return Math.ceil(seconds / step - 0.5);
}

function missingBeside(from: Stop, to: Stop): number {
  const step = Math.max(from.interval, to.interval);
  return step * Math.max(0, nearestSteps(to.seconds - from.seconds, step));
}
