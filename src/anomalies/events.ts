/** From flagged values to events, and from what happened beside each event to its likely cause. */
import {
  type AnomalyEvent,
  EVENT_ORDER,
  type EventClass,
  type EventSeverity,
} from '../model/anomaly-events.ts';
import { byColumns } from '../model/order.ts';
import type { QualityFlag } from '../model/quality.ts';
import { formatTime } from '../model/time-zone.ts';
import type { VariableName } from '../model/variables.ts';

/** One value that the rule flagged. */
export interface FlaggedValue {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number;
  readonly expected: number;
  /** Spreads from the expected value, signed. */
  readonly score: number;
}

/** An event without what is beside it. */
export interface Run {
  readonly city_id: string;
  readonly variable: VariableName;
  readonly from: number;
  readonly to: number;
  readonly peak: FlaggedValue;
  readonly count: number;
}

const HOUR_MS = 3_600_000;
/** Flagged values to one side that are no further apart are of one event. */
const APART_MS = 3 * HOUR_MS;

/** `flagged` in order of time. */
export function runsOf(
  city_id: string,
  variable: VariableName,
  flagged: readonly FlaggedValue[],
): Run[] {
  const runs: Run[] = [];
  for (const value of flagged) {
    const last = runs.at(-1);
    const isSame =
      last !== undefined &&
      value.at - last.to <= APART_MS &&
      Math.sign(last.peak.score) === Math.sign(value.score);
    if (!isSame) {
      runs.push({ city_id, variable, from: value.at, to: value.at, peak: value, count: 1 });
      continue;
    }
    const isPeak = Math.abs(value.score) > Math.abs(last.peak.score);
    const peak = isPeak ? value : last.peak;
    runs[runs.length - 1] = { ...last, to: value.at, peak, count: last.count + 1 };
  }
  return runs;
}

const HIGH_SCORE = 5;
const EXTREME_SCORE = 8;

export function severityOf(score: number): EventSeverity {
  const size = Math.abs(score);
  return size < HIGH_SCORE ? 'moderate' : size < EXTREME_SCORE ? 'high' : 'extreme';
}

/** What is known beside the runs. */
export interface Surroundings {
  readonly flags: readonly QualityFlag[];
  /** Cities within reach of each. */
  readonly neighbours: ReadonlyMap<string, readonly string[]>;
  /** What the season had at the peak of a run. */
  readonly season: (run: Run) => Season;
}

export interface Season {
  readonly years: number;
  /** What the peak is among all that is known of the season; null where it is within. */
  readonly beyond: 'highest' | 'lowest' | null;
}

/** Events so near in time are beside each other. */
const BESIDE_MS = 3 * HOUR_MS;
/** Earlier years that a record needs. */
const RECORD_YEARS = 2;

/** Flags that say that the sensor is wrong; a jump alone may be weather. */
function isAgainstSensor({ test, verdict }: QualityFlag): boolean {
  return verdict === 'fail' || test !== 'step';
}

/** In order of time, city and variable. */
export function explainRuns(runs: readonly Run[], surroundings: Surroundings): AnomalyEvent[] {
  const flags = Map.groupBy(
    surroundings.flags.filter(isAgainstSensor),
    ({ city_id, variable }) => `${city_id} ${variable}`,
  );
  const byCity = Map.groupBy(runs, ({ city_id }) => city_id);
  return runs.map((run) => explain(run, flags, byCity, surroundings)).sort(byColumns(EVENT_ORDER));
}

function explain(
  run: Run,
  flags: ReadonlyMap<string, readonly QualityFlag[]>,
  byCity: ReadonlyMap<string, readonly Run[]>,
  { neighbours, season }: Surroundings,
): AnomalyEvent {
  const { city_id, variable, from, to, peak, count } = run;
  const own = flags.get(`${city_id} ${variable}`) ?? [];
  const flagCount = own.filter(({ observed_at }) => {
    const at = Date.parse(observed_at);
    return at >= from && at <= to;
  }).length;
  const beside = (byCity.get(city_id) ?? []).filter((other) => isBeside(run, other));
  const others = [...new Set(beside.map((other) => other.variable))]
    .filter((name) => name !== variable)
    .sort();
  const near = (neighbours.get(city_id) ?? []).filter((id) =>
    (byCity.get(id) ?? []).some((other) => other.variable === variable && isBeside(run, other)),
  ).length;
  const { years, beyond } = season(run);
  const record = years < RECORD_YEARS ? null : beyond;
  return {
    ...{ city_id, variable, rule: 'seasonal' },
    began_at: formatTime(new Date(from)),
    ended_at: formatTime(new Date(to)),
    peak_at: formatTime(new Date(peak.at)),
    ...{ value: peak.value, expected: peak.expected, score: peak.score },
    flagged_count: count,
    severity: severityOf(peak.score),
    class: classOf(flagCount, others.length, near, record),
    flag_count: flagCount,
    other_variables: others.join(' '),
    neighbour_count: near,
    record,
    season_years: years,
    spread: Math.abs((peak.value - peak.expected) / peak.score),
  };
}

function isBeside(run: Run, other: Run): boolean {
  return other.from <= run.to + BESIDE_MS && other.to >= run.from - BESIDE_MS;
}

/** A front changes several variables, or passes several cities. */
function classOf(
  flags: number,
  variables: number,
  neighbours: number,
  record: AnomalyEvent['record'],
): EventClass {
  if (flags > 0 && neighbours === 0) return 'sensor_fault';
  if (variables + neighbours >= 2) return 'front';
  return record === null ? 'unexplained' : 'record';
}
