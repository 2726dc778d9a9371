/**
 * Coverage that grows with each observation, in order of time: the sums of the rule in coverage.ts, which
 * says what is counted.
 */
import { COVERED_VALUES, type CoveredValue } from './coverage.ts';

/** When an observation was made, in whole seconds since 1970, and the interval of its source. */
export interface Moment {
  readonly at_s: number;
  readonly interval_s: number;
}

/** Of a value that was held at least once. */
export interface ValueCoverage {
  /** Seconds that lack it before it was held for the first time. */
  readonly missing_before_s: number;
  /** When it was held last. */
  readonly last: Moment;
  /** Seconds that lack it in between: by distance, and by slots. */
  readonly missing_s: readonly [number, number];
}

export interface Coverage {
  readonly first: Moment;
  readonly last: Moment;
  readonly values: Readonly<Record<CoveredValue, ValueCoverage | null>>;
}

export interface CoveredSeconds {
  readonly expected_s: number;
  readonly held_s: Readonly<Record<CoveredValue, number>>;
}

const INTERVAL_S = { unknown: 3_600, least: 1, most: 31_536_000 } as const;

export function momentOf(observedAt: string, interval_s: number | null): Moment {
  const { unknown, least, most } = INTERVAL_S;
  return {
    at_s: Math.floor(Date.parse(observedAt) / 1_000),
    interval_s: Math.min(Math.max(interval_s ?? unknown, least), most),
  };
}

/** `moment` is later than all of it. */
export function addToCoverage(
  before: Coverage,
  moment: Moment,
  held: Readonly<Record<CoveredValue, boolean>>,
): Coverage {
  const { first } = before;
  const values = { ...before.values };
  for (const value of COVERED_VALUES) {
    if (held[value]) values[value] = addValue(values[value], first, moment);
  }
  return { first, last: moment, values };
}

export function coveredSeconds({ first, last, values }: Coverage): CoveredSeconds {
  const steps = Math.floor((last.at_s - first.at_s) / last.interval_s + 0.5);
  const expected_s = last.interval_s * (steps + 1);
  const heldOf = (value: CoveredValue): number => {
    const of = values[value];
    if (of === null) return 0;
    const missing = Math.min(...of.missing_s) + of.missing_before_s + missingBeside(of.last, last);
    return Math.max(0, expected_s - missing);
  };
  const held = COVERED_VALUES.map((value) => [value, heldOf(value)] as const);
  return { expected_s, held_s: Object.fromEntries(held) as Record<CoveredValue, number> };
}

function addValue(before: ValueCoverage | null, first: Moment, moment: Moment): ValueCoverage {
  if (before === null) {
    const missing_before_s = missingBeside(first, moment);
    return { missing_before_s, last: moment, missing_s: [0, 0] };
  }
  const [byDistance, bySlots] = before.missing_s;
  const [moreByDistance, moreBySlots] = missingBetween(before.last, moment);
  const missing_s = [byDistance + moreByDistance, bySlots + moreBySlots] as const;
  return { ...before, last: moment, missing_s };
}

/** Seconds that are missing between two neighbours, by each count. */
function missingBetween(from: Moment, to: Moment): readonly [number, number] {
  const step = longerInterval(from, to);
  const slotOf = ({ at_s }: Moment) => Math.floor(at_s / step + 0.5);
  const steps = [stepsIn(to.at_s - from.at_s, step), slotOf(to) - slotOf(from)] as const;
  return [step * Math.max(0, steps[0] - 1), step * Math.max(0, steps[1] - 1)];
}

/** Seconds from an end of the observations to the first or last value. */
function missingBeside(from: Moment, to: Moment): number {
  const step = longerInterval(from, to);
  return step * Math.max(0, stepsIn(to.at_s - from.at_s, step));
}

function longerInterval(a: Moment, b: Moment): number {
  return Math.max(a.interval_s, b.interval_s);
}

/** Intervals in a distance of seconds, to the nearest whole one. */
function stepsIn(distance: number, step: number): number {
  return Math.ceil(distance / step - 0.5);
}
