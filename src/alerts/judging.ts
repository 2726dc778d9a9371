/** Whether a condition holds for a city, judged at an observation or at a look at the clock. */
import type { ConditionOf } from '../model/alerts.ts';
import type { CityForecast } from '../model/forecast.ts';
import { VARIABLES, type VariableName } from '../model/variables.ts';

/** `between`: no longer beyond the threshold, not yet beyond the value at which it is over. */
export type VerdictState = 'holds' | 'between' | 'clear' | 'missing';

export interface Evidence {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly value: number | null;
}

export interface Verdict {
  readonly state: VerdictState;
  /** Since when, where that is known better than by the first look that found it. */
  readonly since?: number;
  readonly value: number | null;
  readonly threshold: number | null;
  readonly unit: string | null;
  readonly variable: VariableName | null;
  /** Cities, steps, partitions or engines that it holds for. */
  readonly subjects: readonly string[];
  /** What is the case, without the name of the city: `temperature −2.1 °C, below 0 °C`. */
  readonly summary: string;
  readonly evidence: readonly Evidence[];
}

export type Values = Readonly<Partial<Record<VariableName, number | null>>>;

export interface Point {
  /** When it was observed: milliseconds since 1970. */
  readonly at: number;
  readonly values: Values;
}

/** What is usual at a time: the middle eight tenths and the median. */
export interface Usual {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Of one city, oldest first; the last one is judged. */
type Points = readonly Point[];

export const EVIDENCE_MAX = 48;
/** Of what is not known. */
export const MISSING = {
  state: 'missing',
  value: null,
  threshold: null,
  unit: null,
  variable: null,
  subjects: [],
  summary: '',
  evidence: [],
} as const satisfies Verdict;

export function judgeValue(when: ConditionOf<'value'>, points: Points): Verdict {
  const { variable, above, below } = when;
  const value = newest(points, variable);
  if (value === null) return { ...MISSING, variable };
  const beyond =
    above !== undefined && value > above
      ? above
      : below !== undefined && value < below
        ? below
        : null;
  const threshold = beyond ?? above ?? below ?? null;
  const state = beyond !== null ? 'holds' : isOver(when, value) ? 'clear' : 'between';
  const side = threshold === above ? 'above' : 'below';
  return {
    ...MISSING,
    state,
    value,
    threshold,
    unit: VARIABLES[variable].unit,
    variable,
    summary: `${shown(variable, value)}, ${side} ${amount(variable, threshold)}`,
    evidence: evidenceOf(points, variable),
  };
}

/** Called only for values that are not beyond the threshold. */
function isOver({ above, below, clear }: ConditionOf<'value'>, value: number): boolean {
  if (clear === undefined) return true;
  if (above !== undefined && below === undefined) return value <= clear;
  return below !== undefined && above === undefined ? value >= clear : true;
}

export function judgeChange(
  when: ConditionOf<'change'>,
  withinMs: number,
  points: Points,
): Verdict {
  const { variable, by, direction = 'any' } = when;
  const last = points.at(-1);
  const value = newest(points, variable);
  if (last === undefined || value === null) return { ...MISSING, variable };
  const before = points
    .slice(0, -1)
    .filter(({ at, values }) => at >= last.at - withinMs && (values[variable] ?? null) !== null);
  if (before.length === 0) return { ...MISSING, variable, value };
  let change = 0;
  for (const { values } of before) {
    const step = difference(variable, values[variable] as number, value);
    const wanted = direction === 'any' || (direction === 'rise' ? step > 0 : step < 0);
    if (wanted && Math.abs(step) > Math.abs(change)) change = step;
  }
  const { unit, digits, label } = VARIABLES[variable];
  return {
    ...MISSING,
    state: Math.abs(change) > by ? 'holds' : 'clear',
    value,
    threshold: by,
    unit,
    variable,
    summary:
      `${label.toLowerCase()} ${change < 0 ? 'fell' : 'rose'} by ${Math.abs(change).toFixed(digits)} ` +
      `${unit} within ${when.within}, more than ${by} ${unit}`,
    evidence: evidenceOf(points, variable),
  };
}

/** Of directions the shorter way round. */
function difference(variable: VariableName, from: number, to: number): number {
  if (VARIABLES[variable].aggregate !== 'vector_mean') return to - from;
  return ((((to - from) % 360) + 540) % 360) - 180;
}

/** `usual` is null where too little is known. */
export function judgeUnusual(
  when: ConditionOf<'unusual'>,
  points: Points,
  usual: Usual | null,
): Verdict {
  const { variable, times = 2 } = when;
  const value = newest(points, variable);
  if (value === null || usual === null) return { ...MISSING, variable, value };
  const { digits, unit } = VARIABLES[variable];
  // A variable that hardly ever changes at this hour has a band of its own rounding at least.
  const least = 5 * 10 ** -digits;
  const isAbove = value > usual.median;
  const half = Math.max(least, isAbove ? usual.high - usual.median : usual.median - usual.low);
  const threshold = usual.median + (isAbove ? 1 : -1) * times * half;
  const holds = isAbove ? value > threshold : value < threshold;
  return {
    ...MISSING,
    state: holds ? 'holds' : 'clear',
    value,
    threshold,
    unit,
    variable,
    summary:
      `${shown(variable, value)}, ${isAbove ? 'above' : 'below'} ${amount(variable, threshold)}; ` +
      `usual are ${amount(variable, usual.low)} to ${amount(variable, usual.high)}`,
    evidence: evidenceOf(points, variable),
  };
}

/** At a start it takes as long until a city that sent something meanwhile has been asked. */
const SILENT_GRACE_MS = 900_000;

export interface SilenceFacts {
  /** Null for a city that never sent anything since `watchedSince`. */
  readonly newestAt: number | null;
  readonly watchedSince: number;
  /** Time since then in which isobar did not ask. */
  readonly stoppedMs: number;
  readonly now: number;
}

export function judgeSilent(
  afterMs: number,
  { newestAt, watchedSince, stoppedMs, now }: SilenceFacts,
): Verdict {
  const since = newestAt ?? watchedSince;
  const silentMs = Math.max(0, now - since - stoppedMs);
  const isSilent = silentMs > afterMs;
  // Whether it was silent while nothing watched is not known.
  if (isSilent && now - watchedSince < Math.min(afterMs, SILENT_GRACE_MS)) return MISSING;
  return {
    ...MISSING,
    state: isSilent ? 'holds' : 'clear',
    since,
    value: Math.round(silentMs / 1_000),
    threshold: afterMs / 1_000,
    unit: 's',
    summary:
      newestAt === null
        ? 'no observation since it is watched'
        : `no observation since ${minuteOf(since)}`,
  };
}

const HOUR_MS = 3_600_000;
/** An older forecast is not judged: what is silent is a condition of its own. */
const FORECAST_AGE_MS = 6 * HOUR_MS;

/** `forecast` is null where none was issued; only its hours after `now` are looked at. */
export function judgeForecast(
  when: ConditionOf<'forecast'>,
  withinMs: number,
  forecast: CityForecast | null,
  now: number,
): Verdict {
  const { variable, above, below, quantile = 'median' } = when;
  const issuedAt = forecast === null ? Number.NaN : Date.parse(forecast.issued_at);
  const evidence = (forecast?.[quantile] ?? [])
    .map((value, at) => ({ at: issuedAt + (at + 1) * HOUR_MS, value }))
    .filter(({ at }) => at > now && at <= now + withinMs);
  if (evidence.length === 0 || now - issuedAt > FORECAST_AGE_MS) return { ...MISSING, variable };
  const most = evidence.reduce((one, other) => (other.value > one.value ? other : one));
  const least = evidence.reduce((one, other) => (other.value < one.value ? other : one));
  const isAbove = above !== undefined && most.value > above;
  const isBelow = below !== undefined && least.value < below;
  const looksUp = isAbove || (!isBelow && above !== undefined);
  const [found, threshold = null] = looksUp ? [most, above] : [least, below];
  const { unit, label } = VARIABLES[variable];
  return {
    ...MISSING,
    state: isAbove || isBelow ? 'holds' : 'clear',
    ...{ value: found.value, threshold, unit, variable, evidence },
    summary:
      `forecast ${label.toLowerCase()} ${amount(variable, found.value)} (${quantile}) at ` +
      `${minuteOf(found.at)}, ${looksUp ? 'above' : 'below'} ${amount(variable, threshold)}`,
  };
}

/** `pct` is null where nothing was expected. */
export function judgeAvailability(
  { below_pct, over }: ConditionOf<'availability'>,
  pct: number | null,
): Verdict {
  if (pct === null) return MISSING;
  return {
    ...MISSING,
    state: pct < below_pct ? 'holds' : 'clear',
    value: pct,
    threshold: below_pct,
    unit: '%',
    summary: `${pct.toFixed(1)} % of the observations of the last ${over} arrived, less than ${below_pct} %`,
  };
}

function newest(points: Points, variable: VariableName): number | null {
  return points.at(-1)?.values[variable] ?? null;
}

function evidenceOf(points: Points, variable: VariableName): Evidence[] {
  return points
    .slice(-EVIDENCE_MAX)
    .map(({ at, values }) => ({ at, value: values[variable] ?? null }));
}

/** `2024-10-31 14:00 UTC`, of milliseconds since 1970. */
export function minuteOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

export function shown(variable: VariableName, value: number): string {
  return `${VARIABLES[variable].label.toLowerCase()} ${amount(variable, value)}`;
}

export function amount(variable: VariableName, value: number | null): string {
  const { digits, unit } = VARIABLES[variable];
  return value === null ? '' : `${value.toFixed(digits)} ${unit}`;
}
