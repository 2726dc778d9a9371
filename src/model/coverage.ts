/**
 * Coverage: the share of the expected observations that hold a value. ONE rule, as the SQL that the
 * analytics (on both engines) and the API run; coverage-sums.ts is the same for observations that come
 * one by one.
 *
 * Of two neighbours that hold a value, the longer of their intervals counts. What is missing between
 * them is counted by their distance, to the nearest whole interval: a distance of up to one and a
 * half intervals lacks nothing, as in the charts. Observations that come early and late by turns
 * lack nothing either as long as each is the nearest to a slot of its own, of slots at whole
 * intervals since 1970. So empty slots are counted as well, and in the end the smaller of the two
 * sums is the one that holds.
 *
 * Expected are all intervals from the first observation to the last, whether they hold a value or
 * not. A value that begins later or ends earlier than the observations is missing there.
 *
 * All counts are sums over neighbours. So months are counted for themselves, and joining two adds
 * what is missing between the last of one and the first of the other.
 */

/** What coverage is published of: any value, and that of a variable. */
export const COVERED_VALUES = ['value', 'temperature_c', 'humidity_pct'] as const;
export type CoveredValue = (typeof COVERED_VALUES)[number];

/**
 * A moment is the seconds since 1970 times 2^25, plus the seconds of the interval (at most a year):
 * one number that is ordered as time is, so that a neighbour comes with its interval.
 */
const UNIT = 2 ** 25;

const INTERVAL_S = 'least(greatest(coalesce(interval_s, 3600), 1), 31536000)';

/** Of a row that has `observed_at` and `interval_s`. */
export const MOMENT = `CAST(floor(unix_micros(observed_at) / 1e6) AS BIGINT) * ${UNIT} + ${INTERVAL_S}`;

/** The place of its time between two slots of a grid of its interval, in microseconds. */
export const PHASE = `unix_micros(observed_at) % (${intervalOf('moment')} * 1000000)`;

/** Its interval in seconds. */
export function intervalOf(moment: string): string {
  return `(${moment} & ${UNIT - 1})`;
}

/** Its time in seconds since 1970. */
export function secondsOf(moment: string): string {
  return `((${moment} - ${intervalOf(moment)}) / ${UNIT}e0)`;
}

/** Whether something may be missing between two moments; NULL when one of them is. */
export function isFar(from: string, to: string): string {
  return `${to} - ${from} > ${intervalOf(to)} * ${UNIT}`;
}

/** The columns `from_s`, `to_s` and `step_s` of two moments: their times, and their interval. */
export function spanOf(from: string, to: string): string {
  const step = longerInterval(from, to);
  return `${secondsOf(from)} AS from_s, ${secondsOf(to)} AS to_s, ${step} AS step_s`;
}

function longerInterval(from: string, to: string): string {
  return `greatest(${intervalOf(from)}, ${intervalOf(to)})`;
}

/** Intervals in a distance of seconds, to the nearest whole one. */
function stepsIn(distance: string, step: string): string {
  return `ceil(${distance} / ${step} - 0.5e0)`;
}

/** Over the columns of `spanOf`: intervals from the one time to the other, by distance and by slots. */
const STEPS = [
  stepsIn('(to_s - from_s)', 'step_s'),
  'floor(to_s / step_s + 0.5e0) - floor(from_s / step_s + 0.5e0)',
] as const;

/**
 * Whether two neighbours have a gap between them, by their distance: the count by slots is one of
 * sums, and has no single gaps.
 */
export const IS_MISSING = `${STEPS[0]} > 1`;

/** Names of the counts as columns. */
export const MISSING_COLUMNS: readonly string[] = STEPS.map((_, count) => `missing_s_${count}`);

/** Columns: seconds that lack a value between two neighbours that hold one, by each count. */
export const MISSING_BETWEEN = STEPS.map(
  (steps, count) => `step_s * greatest(0e0, ${steps} - 1) AS missing_s_${count}`,
).join(',\n    ');

/** Seconds from an end of the observations to the first or last value, which are missing. */
export const MISSING_BESIDE_S = `step_s * greatest(0e0, ${STEPS[0]})`;

/** The same of two moments: from an end of the observations to the first or last value. */
export function missingBeside(from: string, to: string): string {
  const step = longerInterval(from, to);
  return `${step} * greatest(0e0, ${stepsIn(secondsBetween(from, to), step)})`;
}

/** Of the rows of a group: seconds that are missing, by the count that finds least. */
export const MISSING_LEAST = `least(${MISSING_COLUMNS.map((name) => `sum(${name})`).join(', ')})`;

/** Seconds that are expected from one moment to another, the interval of the last included. */
export function expectedBetween(from: string, to: string): string {
  const interval = intervalOf(to);
  return `${interval} * (floor(${secondsBetween(from, to)} / ${interval} + 0.5e0) + 1)`;
}

function secondsBetween(from: string, to: string): string {
  return `(${secondsOf(to)} - ${secondsOf(from)})`;
}

/** Seconds of the slots from one moment to another, both included, at steps of `step_s`. */
export function slotsBetween(from: string, to: string): string {
  return `(${secondsBetween(from, to)} + step_s)`;
}
