/** The rule `seasonal` on all variables of one city. */
import type { QualityFlag } from '../model/quality.ts';
import type { VariableName } from '../model/variables.ts';
import { baselineOf, daysIn, type HoursOfDays, LEARNING_DAYS, windowsBetween } from './baseline.ts';
import { flagUnseasonal } from './climatology.ts';
import { type FlaggedValue, type Run, runsOf, type Season } from './events.ts';
import { SCALES } from './scales.ts';
import { SeasonalRule, THRESHOLD } from './seasonal-rule.ts';

export const JUDGED_VARIABLES = Object.keys(SCALES) as VariableName[];

export interface CityHistory {
  readonly city_id: string;
  /** Milliseconds since 1970, ascending. */
  readonly at: Float64Array;
  /** An entry per time, NaN for none. */
  readonly values: Readonly<Partial<Record<VariableName, Float64Array>>>;
  /** Values by day and hour, on the scale of the variable, that what is usual follows from. */
  readonly days: Readonly<Partial<Record<VariableName, HoursOfDays>>>;
}

export interface JudgedCity {
  readonly runs: readonly Run[];
  /** Values that no earlier year had. */
  readonly flags: readonly QualityFlag[];
  /** Days that are known of a variable that is still learning. */
  readonly learning: Readonly<Partial<Record<VariableName, number>>>;
}

/** Judges all values, so that the rule knows the weather; flags those from this time on. */
export function judgeCity(history: CityHistory, from: number): JudgedCity {
  const { city_id, at, values, days } = history;
  const runs: Run[] = [];
  const learning: Partial<Record<VariableName, number>> = {};
  for (const variable of JUDGED_VARIABLES) {
    const [series, known] = [values[variable], days[variable]];
    if (series === undefined || known === undefined) continue;
    runs.push(
      ...runsOf(city_id, variable, flagSeries(variable, { at, series, days: known, from })),
    );
    const last = at[series.findLastIndex((value) => !Number.isNaN(value))];
    if (last === undefined) continue;
    const found = baselineOf(known, Math.floor(last / DAY_MS) + 1).days;
    if (found < LEARNING_DAYS) learning[variable] = found;
  }
  return { runs, flags: flagCity(history, from), learning };
}

/** The values from this time on that no earlier year had. */
export function flagCity({ city_id, at, values, days }: CityHistory, from: number): QualityFlag[] {
  return JUDGED_VARIABLES.flatMap((variable) => {
    const [series, known] = [values[variable], days[variable]];
    if (series === undefined || known === undefined) return [];
    return flagUnseasonal({ city_id, variable, at, series, days: known, from });
  });
}

/** The values of one variable from this time on that are unusual, after a look at those before. */
export function flagSeries(
  variable: VariableName,
  { at, series, days, from }: Judging,
): FlaggedValue[] {
  const scale = SCALES[variable];
  if (scale === undefined) return [];
  const rule = new SeasonalRule({ scale, threshold: THRESHOLD, days });
  const flagged: FlaggedValue[] = [];
  for (const [index, time] of at.entries()) {
    const value = series[index] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    const judged = rule.judge(time, value);
    if (judged?.isFlagged !== true || time < from) continue;
    flagged.push({ at: time, value, expected: judged.expected, score: judged.score });
  }
  return flagged;
}

export interface Judging {
  readonly at: Float64Array;
  /** An entry per time, NaN for none. */
  readonly series: Float64Array;
  readonly days: HoursOfDays;
  readonly from: number;
}

const DAY_MS = 86_400_000;

/** What the season of earlier years, and the last weeks, had at the time of the peak. */
export function seasonOf(days: HoursOfDays, { variable, peak, from }: Run): Season {
  const scale = SCALES[variable];
  if (scale === undefined) return NOTHING_KNOWN;
  const [day = 0, first = 0] = [peak.at, from].map((time) => Math.floor(time / DAY_MS));
  let [years, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [back, [begin, end]] of windowsBetween(day, day).entries()) {
    let isKnown = false;
    for (const values of daysIn(days, [begin, Math.min(end, first - 1)])) {
      for (const value of values) {
        if (Number.isNaN(value)) continue;
        isKnown = true;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    if (isKnown && back > 0) years += 1;
  }
  // On the scale: a value that went there and back may have changed in its last digit.
  const scaled = scale.to(peak.value);
  if (scaled > high) return { years, beyond: 'highest' };
  return { years, beyond: scaled < low ? 'lowest' : null };
}

const NOTHING_KNOWN: Season = { years: 0, beyond: null };
