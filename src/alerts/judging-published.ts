/** Conditions on what was published of a city: anomalies, flags of quality control, events. */
import type { ConditionOf } from '../model/alerts.ts';
import { type AnomalyEvent, SEVERITIES } from '../model/anomaly-events.ts';
import type { Anomaly } from '../model/datasets.ts';
import type { QualityFlag } from '../model/quality.ts';
import { formatTime } from '../model/time-zone.ts';
import { VARIABLES, type VariableName } from '../model/variables.ts';
import { amount, EVIDENCE_MAX, MISSING, minuteOf, shown, type Verdict } from './judging.ts';

/** `published` are the anomalies at the time of the newest observation. */
export function judgeAnomaly(when: ConditionOf<'anomaly'>, published: readonly Anomaly[]): Verdict {
  const { rule, variable, min_score = 0 } = when;
  const found = published.find(
    (anomaly) =>
      (rule === undefined || anomaly.rule === rule) &&
      (variable === undefined || anomaly.variable === variable) &&
      Math.abs(anomaly.score) >= min_score,
  );
  if (found === undefined) return { ...MISSING, state: 'clear' };
  const name = found.variable as VariableName;
  return {
    ...MISSING,
    state: 'holds',
    value: found.value,
    threshold: found.threshold,
    unit: VARIABLES[name]?.unit ?? null,
    variable: name,
    summary: found.reason,
    evidence: [{ at: Date.parse(found.observed_at), value: found.value }],
  };
}

/** `flags` are those of the city, in any order; null where its values are not checked. */
export function judgeQuality(
  when: ConditionOf<'quality'>,
  withinMs: number,
  flags: readonly QualityFlag[] | null,
  now: number,
): Verdict {
  if (flags === null) return MISSING;
  const { test, variable, verdict = 'fail', at_least = 1 } = when;
  const isWithin = inLast(withinMs, now);
  const found = flags
    .filter(
      (flag) =>
        (test === undefined || flag.test === test) &&
        (variable === undefined || flag.variable === variable) &&
        (verdict === 'suspect' || flag.verdict === 'fail') &&
        isWithin(flag.observed_at, flag.observed_at),
    )
    .sort((a, b) => (a.observed_at < b.observed_at ? -1 : 1));
  // A value may fail several tests.
  const values = [...new Map(found.map((flag) => [keyOf(flag), flag])).values()];
  const [first, newest] = [values[0], values.at(-1)];
  if (first === undefined || newest === undefined || values.length < at_least) {
    return { ...MISSING, state: 'clear', variable: variable ?? null };
  }
  const failed = newest.verdict === 'fail' ? 'failed' : 'is suspect by';
  const tests = new Set(
    found.filter((flag) => keyOf(flag) === keyOf(newest)).map((one) => one.test),
  );
  const since = Date.parse(first.observed_at);
  const count = values.length === 1 ? '' : `; ${values.length} values since ${minuteOf(since)}`;
  return {
    ...MISSING,
    state: 'holds',
    since,
    ...{ value: newest.value, variable: newest.variable, unit: VARIABLES[newest.variable].unit },
    summary:
      `${shown(newest.variable, newest.value)} at ${minuteOf(Date.parse(newest.observed_at))} ${failed} ` +
      `quality control (${[...tests].join(', ')})${count}`,
    evidence: values
      .filter((flag) => flag.variable === newest.variable)
      .slice(-EVIDENCE_MAX)
      .map(({ observed_at, value }) => ({ at: Date.parse(observed_at), value })),
  };
}

/** `events` are those of the city, in any order; null where none are looked for. */
export function judgeEvent(
  when: ConditionOf<'event'>,
  withinMs: number,
  events: readonly AnomalyEvent[] | null,
  now: number,
): Verdict {
  if (events === null) return MISSING;
  const { variable, class: wanted, min_severity = 'moderate' } = when;
  const least = SEVERITIES.indexOf(min_severity);
  const isWithin = inLast(withinMs, now);
  const found = events.filter(
    (event) =>
      (variable === undefined || event.variable === variable) &&
      (wanted === undefined || event.class === wanted) &&
      SEVERITIES.indexOf(event.severity) >= least &&
      isWithin(event.began_at, event.ended_at),
  );
  const [most] = found.sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  if (most === undefined) return { ...MISSING, state: 'clear', variable: variable ?? null };
  const [name, peak] = [most.variable, Date.parse(most.peak_at)];
  return {
    ...MISSING,
    state: 'holds',
    since: Math.min(...found.map(({ began_at }) => Date.parse(began_at))),
    ...{ value: most.value, threshold: most.expected, variable: name, unit: VARIABLES[name].unit },
    summary:
      `unusual ${shown(name, most.value)} at ${minuteOf(peak)}, expected ` +
      `${amount(name, most.expected)} (${most.severity}, ${most.class.replaceAll('_', ' ')})`,
    evidence: [{ at: peak, value: most.value }],
  };
}

/** Whether some of the time lies in the last `ms`; what is later than `now` does not count. */
function inLast(ms: number, now: number): (from: string, to: string) => boolean {
  // Times of one format compare as texts.
  const [begin, end] = [formatTime(new Date(now - ms)), formatTime(new Date(now))];
  return (from, to) => from <= end && to > begin;
}

function keyOf({ observed_at, variable }: QualityFlag): string {
  return `${observed_at} ${variable}`;
}
