/**
 * Quality control of one station's series: jumps, spikes, values that stand still, and variables that
 * contradict each other. Series are in order of time.
 */
import type { QualityTest, Verdict } from '../model/quality.ts';
import type { VariableName } from '../model/variables.ts';

export interface Series {
  /** Milliseconds since 1970, ascending. */
  readonly at: Float64Array;
  /** An entry per time, NaN for none. */
  readonly values: Readonly<Partial<Record<VariableName, Float64Array>>>;
  /** Metres above sea level; null where it is not known. */
  readonly elevation: number | null;
}

export interface SeriesFlag {
  /** Index in the series. */
  readonly index: number;
  readonly variable: VariableName;
  readonly test: QualityTest;
  readonly verdict: Verdict;
  /** What the value was compared with, in the variable's unit; null where that is not a number. */
  readonly expected: number | null;
}

const HOUR_MS = 3_600_000;

/**
 * Most that a value changes within 1, 2, 3, 6 and 12 hours. Source: WMO, Guide on the Global
 * Data-processing System (WMO-No. 305), 1993, chapter 6, time consistency.
 */
const STEP_HOURS = [1, 2, 3, 6, 12] as const;
const STEPS: Readonly<Partial<Record<VariableName, readonly number[]>>> = {
  temperature_c: [4, 7, 9, 15, 25],
  pressure_hpa: [3, 6, 9, 18, 36],
};

/** How much the variable may change in so many hours; null beyond twelve. */
export function stepMost(variable: VariableName, hours: number): number | null {
  const most = STEPS[variable];
  if (most === undefined || hours > 12) return null;
  const [first = 0] = most;
  if (hours <= 1) return first;
  const next = STEP_HOURS.findIndex((limit) => limit >= hours);
  const [from = 1, to = 1] = [STEP_HOURS[next - 1], STEP_HOURS[next]];
  const [low = 0, high = 0] = [most[next - 1], most[next]];
  return low + ((high - low) * (hours - from)) / (to - from);
}

/** A departure that ends within so long is a spike. */
const SPIKE_HOURS_MOST = 2;
/** What may be left of the jump when the value is back: the weather has gone on meanwhile. */
const RETURN_SHARE = 0.6;

export function checkSteps({ at, values }: Series): SeriesFlag[] {
  const flags: SeriesFlag[] = [];
  for (const variable of Object.keys(STEPS) as VariableName[]) {
    const series = values[variable];
    if (series === undefined) continue;
    const held = [...series.keys()].filter((index) => Number.isFinite(series[index]));
    flags.push(...spikesIn(variable, held, series, at));
  }
  return flags;
}

/**
 * Jumps beyond what the hours between allow. When the value jumps back to where it was, what lies
 * between is a spike and fails; otherwise the first value after the jump is suspect.
 */
function spikesIn(
  variable: VariableName,
  held: readonly number[],
  series: Float64Array,
  at: Float64Array,
): SeriesFlag[] {
  const flags: SeriesFlag[] = [];
  const valueAt = (position: number) => series[held[position] ?? -1] ?? Number.NaN;
  const timeOf = (position: number) => at[held[position] ?? -1] ?? Number.NaN;
  const mostBetween = (a: number, b: number) =>
    stepMost(variable, (timeOf(b) - timeOf(a)) / HOUR_MS) ?? Number.POSITIVE_INFINITY;
  for (let position = 1; position < held.length; position += 1) {
    const before = position - 1;
    const jump = valueAt(position) - valueAt(before);
    if (Math.abs(jump) <= mostBetween(before, position)) continue;
    const end = endOfSpike(position);
    const expected = valueAt(before);
    if (end === null) {
      const index = held[position] ?? -1;
      flags.push({ index, variable, test: 'step', verdict: 'suspect', expected });
      continue;
    }
    for (const index of held.slice(position, end)) {
      flags.push({ index, variable, test: 'spike', verdict: 'fail', expected });
    }
    position = end;
  }
  return flags;

  /** The position where the value is back; null when it does not come back in time. */
  function endOfSpike(position: number): number | null {
    const before = position - 1;
    const jump = valueAt(position) - valueAt(before);
    for (let end = position + 1; end < held.length; end += 1) {
      if (timeOf(end) - timeOf(before) > (SPIKE_HOURS_MOST + 1) * HOUR_MS) return null;
      const back = (valueAt(end - 1) - valueAt(end)) * Math.sign(jump);
      const away = Math.abs(valueAt(end) - valueAt(before));
      const isBack = away <= RETURN_SHARE * Math.abs(jump);
      if (isBack && back > mostBetween(end - 1, end)) return end;
    }
    return null;
  }
}

interface Stillness {
  /** Hours without any change that are suspect, and that fail. */
  readonly suspectHours: number;
  readonly failHours: number;
  /** Values at which the variable may stay: saturated air, no wind. */
  readonly mayStay: (value: number) => boolean;
}

const STILL: Readonly<Partial<Record<VariableName, Stillness>>> = {
  temperature_c: { suspectHours: 12, failHours: 24, mayStay: () => false },
  humidity_pct: { suspectHours: 12, failHours: 24, mayStay: (value) => value >= 97 },
  pressure_hpa: { suspectHours: 12, failHours: 24, mayStay: () => false },
  wind_speed_ms: { suspectHours: 12, failHours: 24, mayStay: (value) => value <= 0.5 },
  wind_direction_deg: { suspectHours: 18, failHours: 36, mayStay: () => false },
};
const STILL_COUNT_LEAST = 6;
/** A series is expected to change by so many of its steps between its calmest and liveliest hour. */
const STEPS_A_DAY_LEAST = 4;

/**
 * Values that do not change at all for long. A series of coarse steps, such as whole degrees, repeats
 * itself honestly: only where a usual day has several steps is a day without one suspect.
 */
export function checkPersistence({ at, values }: Series): SeriesFlag[] {
  const flags: SeriesFlag[] = [];
  for (const [variable, still] of Object.entries(STILL) as [VariableName, Stillness][]) {
    const series = values[variable];
    if (series === undefined || stepsADay(series, at) < STEPS_A_DAY_LEAST) continue;
    for (const run of runsOf(series)) {
      const [first = -1] = run;
      const last = run.at(-1) ?? -1;
      const hours = ((at[last] ?? 0) - (at[first] ?? 0)) / HOUR_MS;
      const value = series[first] ?? Number.NaN;
      if (run.length < STILL_COUNT_LEAST || hours < still.suspectHours) continue;
      if (still.mayStay(value)) continue;
      const verdict = hours >= still.failHours ? 'fail' : 'suspect';
      for (const index of run) {
        flags.push({ index, variable, test: 'persistence', verdict, expected: null });
      }
    }
  }
  return flags;
}

/** Runs of one value; times without a value neither end nor lengthen them. */
function runsOf(series: Float64Array): number[][] {
  const runs: number[][] = [];
  for (const [index, value] of series.entries()) {
    if (!Number.isFinite(value)) continue;
    const run = runs.at(-1);
    if (run !== undefined && series[run[0] ?? -1] === value) run.push(index);
    else runs.push([index]);
  }
  return runs;
}

const DAY_MS = 24 * HOUR_MS;

/** How many of its smallest steps the variable covers on a usual day (UTC): the median of the days. */
function stepsADay(series: Float64Array, at: Float64Array): number {
  let step = Number.POSITIVE_INFINITY;
  let before = Number.NaN;
  const days = new Map<number, { low: number; high: number }>();
  for (const [index, value] of series.entries()) {
    if (!Number.isFinite(value)) continue;
    const change = Math.abs(value - before);
    if (change > 0 && change < step) step = change;
    before = value;
    const day = Math.floor((at[index] ?? 0) / DAY_MS);
    const range = days.get(day);
    if (range === undefined) days.set(day, { low: value, high: value });
    else {
      range.low = Math.min(range.low, value);
      range.high = Math.max(range.high, value);
    }
  }
  const steps = [...days.values()]
    .map(({ low, high }) => (high - low) / step)
    .sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 0;
}

/** A gust may be below the mean wind by its rounding alone, m/s. */
const GUST_ROUNDING_MS = 0.6;
/** Where the two differ enough to be told apart. */
const STATION_LEVEL_M_LEAST = 400;

/** Variables that contradict each other, or the station's place. */
export function checkInternal({ at, values, elevation }: Series): SeriesFlag[] {
  const flags: SeriesFlag[] = [];
  const { wind_speed_ms: speeds, wind_gust_ms: gusts, pressure_hpa: pressures } = values;
  const atStation = elevation === null ? null : stationPressure(elevation);
  for (const index of at.keys()) {
    const [speed = Number.NaN, gust = Number.NaN] = [speeds?.[index], gusts?.[index]];
    if (gust < speed - GUST_ROUNDING_MS) {
      const flag = { index, test: 'internal', verdict: 'fail', expected: speed } as const;
      flags.push({ ...flag, variable: 'wind_gust_ms' });
    }
    const pressure = pressures?.[index] ?? Number.NaN;
    if (atStation === null || elevation === null || elevation < STATION_LEVEL_M_LEAST) continue;
    if (Math.abs(pressure - atStation) < Math.abs(pressure - SEA_LEVEL_HPA) / 2) {
      const flag = { index, test: 'internal', verdict: 'fail', expected: SEA_LEVEL_HPA } as const;
      flags.push({ ...flag, variable: 'pressure_hpa' });
    }
  }
  return flags;
}

const SEA_LEVEL_HPA = 1_013.25;

/** Pressure of the standard atmosphere at a height (ISO 2533), hPa: what an unreduced report gives. */
function stationPressure(elevation: number): number {
  return SEA_LEVEL_HPA * (1 - (0.0065 * elevation) / 288.15) ** 5.255_88;
}
