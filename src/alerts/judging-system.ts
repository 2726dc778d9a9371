/** Whether a condition holds for the system, judged by its status. */
import {
  type Condition,
  type ConditionOf,
  STEPS,
  type SystemConditionKind,
  secondsOf,
} from '../model/alerts.ts';
import type { Status } from '../model/status.ts';
import { MISSING, type Verdict } from './judging.ts';

/** What an engine is like now. */
export interface EngineState {
  readonly kind: string;
  readonly state: 'ok' | 'warning' | 'failing' | 'unreachable';
  /** What is wrong, for people; empty when all is well. */
  readonly problem: string;
}

export interface SystemFacts {
  readonly status: Status;
  readonly engines: readonly EngineState[];
  /** Records rejected in the last hour, by reason. */
  readonly rejectedLastHour: Readonly<Record<string, number>>;
  readonly now: number;
}

export type SystemCondition = Extract<Condition, { readonly kind: SystemConditionKind }>;

const NOTHING = { ...MISSING, state: 'clear' } as const satisfies Verdict;

export function judgeSystem(when: SystemCondition, facts: SystemFacts): Verdict {
  switch (when.kind) {
    case 'step_failing':
      return judgeSteps(when, facts.status);
    case 'lag':
      return judgeLag(secondsOf(when.above), facts.status);
    case 'landing_age':
      return judgeLandingAge(secondsOf(when.above), facts);
    case 'budget':
      return judgeBudget(when, facts.status);
    case 'rejected':
      return judgeRejected(when, facts);
    case 'engine':
      return judgeEngines(when, facts.engines);
  }
}

type Step = (typeof STEPS)[number];

function judgeSteps({ step }: ConditionOf<'step_failing'>, status: Status): Verdict {
  const wanted = step === 'any' ? STEPS : [step];
  const problems = wanted.flatMap((name) => {
    const problem = stepProblem(name, status);
    return problem === null ? [] : [{ name, problem }];
  });
  if (problems.length === 0) return NOTHING;
  return {
    ...NOTHING,
    state: 'holds',
    subjects: problems.map(({ name }) => name),
    summary: problems.map(({ name, problem }) => `${name} fails: ${problem}`).join('; '),
  };
}

/** States in which polling goes on, or was stopped on purpose. */
const WELL = new Set(['starting', 'live', 'paused', 'stopped']);

function stepProblem(step: Step, status: Status): string | null {
  switch (step) {
    case 'collect': {
      const { collector } = status;
      return collector === null || WELL.has(collector.state) ? null : collector.message;
    }
    case 'log':
      return status.log.error?.message ?? (status.log.full ? 'the log is full' : null);
    case 'land':
      return status.landing.error?.message ?? null;
    case 'table':
      return status.table.error?.message ?? null;
    case 'analyze':
      return status.analytics.error?.message ?? null;
    case 'export':
      return status.raw_export?.error?.message ?? null;
    case 'stream':
      return status.streaming?.error?.message ?? null;
  }
}

function judgeLag(aboveS: number, { log }: Status): Verdict {
  if (log.partitions.length === 0) return MISSING;
  const late = log.partitions.filter(({ lag_s }) => lag_s > aboveS);
  const most = Math.max(...log.partitions.map(({ lag_s }) => lag_s));
  return {
    ...NOTHING,
    state: late.length > 0 ? 'holds' : 'clear',
    value: Math.round(most),
    threshold: aboveS,
    unit: 's',
    subjects: late.map(({ partition }) => `partition ${partition}`),
    summary:
      `the oldest of ${late.reduce((sum, { waiting }) => sum + waiting, 0)} records has waited ` +
      `${Math.round(most)} s for its landing`,
  };
}

function judgeLandingAge(aboveS: number, { status, now }: SystemFacts): Verdict {
  const at = status.table.committed_at;
  if (at === null) return MISSING;
  const age = Math.max(0, (now - Date.parse(at)) / 1_000);
  const shown = age < 120 ? `${Math.round(age)} s` : `${Math.round(age / 60)} minutes`;
  return {
    ...NOTHING,
    state: age > aboveS ? 'holds' : 'clear',
    since: Date.parse(at),
    value: Math.round(age),
    threshold: aboveS,
    unit: 's',
    summary: `nothing has landed for ${shown}`,
  };
}

function judgeBudget({ period, left_below_pct }: ConditionOf<'budget'>, status: Status): Verdict {
  const calls = status.collector?.calls[period];
  if (calls === undefined || calls.limit <= 0) return MISSING;
  const left = Math.max(0, (100 * (calls.limit - calls.used)) / calls.limit);
  return {
    ...NOTHING,
    state: left < left_below_pct ? 'holds' : 'clear',
    value: left,
    threshold: left_below_pct,
    unit: '%',
    subjects: [period],
    summary: `${calls.used} of ${calls.limit} calls of the ${period} are used`,
  };
}

function judgeRejected(
  { above_per_hour, reason }: ConditionOf<'rejected'>,
  { rejectedLastHour }: SystemFacts,
): Verdict {
  const counted = Object.entries(rejectedLastHour).filter(([name, count]) =>
    count > 0 && reason === undefined ? name !== 'duplicate' : name === reason,
  );
  const records = counted.reduce((sum, [, count]) => sum + count, 0);
  return {
    ...NOTHING,
    state: records > above_per_hour ? 'holds' : 'clear',
    value: records,
    threshold: above_per_hour,
    unit: 'records/h',
    subjects: counted.map(([name]) => name),
    summary: `${records} records were rejected in the last hour`,
  };
}

const BAD = ['warning', 'failing', 'unreachable'] as const;

function judgeEngines(
  { engine, state = 'unreachable' }: ConditionOf<'engine'>,
  engines: readonly EngineState[],
): Verdict {
  const watched = engines.filter(({ kind }) => engine === 'any' || kind === engine);
  if (watched.length === 0) return MISSING;
  const bad: readonly string[] = BAD.slice(BAD.indexOf(state));
  const found = watched.filter((one) => bad.includes(one.state));
  return {
    ...NOTHING,
    state: found.length > 0 ? 'holds' : 'clear',
    subjects: found.map(({ kind }) => kind),
    summary: found.map((one) => `${one.kind} is ${one.state}: ${one.problem}`).join('; '),
  };
}
