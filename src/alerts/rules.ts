/** Rules as the evaluation needs them: the configured ones, and those that are there from the start. */
import { createHash } from 'node:crypto';
import {
  type AlertRule,
  CITY_CONDITIONS,
  type Condition,
  type Severity,
  secondsOf,
} from '../model/alerts.ts';

export interface Rule {
  readonly name: string;
  /** Changes with the text of the rule. */
  readonly version: string;
  readonly when: Condition;
  /** Null: all cities. */
  readonly cities: ReadonlySet<string> | null;
  readonly forMs: number;
  readonly resolveAfterMs: number;
  readonly severity: Severity;
  readonly channels: readonly string[];
  readonly repeatMs: number | null;
  readonly escalate: { readonly afterMs: number; readonly channels: readonly string[] } | null;
  readonly active: NonNullable<AlertRule['active']> | null;
  readonly missing: 'keep' | 'resolve';
  readonly group: 'city' | 'rule';
  readonly inhibitedBy: readonly string[];
  /** As it was written. */
  readonly source: AlertRule;
}

/**
 * What every pipeline wants to know. A configured rule of the same name replaces one of these;
 * `enabled: false` switches it off.
 */
export const BUILT_IN_RULES: readonly AlertRule[] = [
  {
    name: 'collecting-fails',
    description: 'The provider cannot be polled, or refuses.',
    when: { kind: 'step_failing', step: 'collect' },
    for: '10m',
    severity: 'critical',
  },
  {
    name: 'log-fails',
    when: { kind: 'step_failing', step: 'log' },
    for: '5m',
    severity: 'critical',
  },
  {
    name: 'landing-fails',
    when: { kind: 'step_failing', step: 'land' },
    for: '5m',
    severity: 'critical',
  },
  {
    name: 'lake-fails',
    when: { kind: 'step_failing', step: 'table' },
    for: '5m',
    severity: 'critical',
  },
  {
    name: 'analytics-fail',
    when: { kind: 'step_failing', step: 'analyze' },
    for: '10m',
    severity: 'warning',
    inhibited_by: ['lake-fails'],
  },
  {
    name: 'stream-fails',
    description: 'The streaming query fails, or its sums are not those of the table.',
    when: { kind: 'step_failing', step: 'stream' },
    for: '5m',
    severity: 'warning',
    inhibited_by: ['log-fails', 'lake-fails'],
  },
  {
    name: 'records-wait',
    description: 'Records are collected and do not land.',
    when: { kind: 'lag', above: '10m' },
    for: '2m',
    severity: 'warning',
    inhibited_by: ['landing-fails', 'lake-fails'],
  },
  {
    name: 'records-rejected',
    when: { kind: 'rejected', above_per_hour: 100, reason: 'invalid' },
    severity: 'warning',
    resolve_after: '1h',
  },
  {
    name: 'budget-low',
    when: { kind: 'budget', period: 'day', left_below_pct: 5 },
    severity: 'warning',
  },
  {
    name: 'city-silent',
    description: 'A city has sent no observation for two hours.',
    when: { kind: 'silent', after: '2h' },
    severity: 'warning',
    inhibited_by: ['collecting-fails', 'log-fails'],
  },
  {
    name: 'engine-unreachable',
    when: { kind: 'engine', engine: 'any', state: 'unreachable' },
    for: '2m',
    severity: 'critical',
  },
];

const MINUTE_MS = 60_000;
/** A value near its threshold goes to and fro; what the system says of itself does not. */
const RESOLVE_AFTER_MS = { city: 30 * MINUTE_MS, system: 5 * MINUTE_MS };
/** These are over with the next observation, or look back over a time of their own. */
const RESOLVED_AT_ONCE = new Set(['silent', 'availability', 'quality', 'event']);

/** The rules in effect. `defaultChannels` are those of rules that name none. */
export function compileRules(
  configured: readonly AlertRule[],
  defaultChannels: readonly string[],
): readonly Rule[] {
  const replaced = new Set(configured.map(({ name }) => name));
  const builtIn = BUILT_IN_RULES.filter(({ name }) => !replaced.has(name));
  return [...configured, ...builtIn]
    .filter(({ enabled }) => enabled !== false)
    .map((rule) => compileRule(rule, defaultChannels));
}

function compileRule(rule: AlertRule, defaultChannels: readonly string[]): Rule {
  const { when, escalate, repeat } = rule;
  const channels = rule.channels ?? defaultChannels;
  return {
    name: rule.name,
    version: versionOf(rule),
    when,
    cities: rule.cities === undefined ? null : new Set(rule.cities),
    forMs: millisecondsOf(rule.for ?? '0s'),
    resolveAfterMs:
      rule.resolve_after === undefined ? resolveAfter(when) : millisecondsOf(rule.resolve_after),
    severity: rule.severity ?? 'warning',
    channels,
    repeatMs: repeat === undefined || repeat === '0s' ? null : millisecondsOf(repeat),
    escalate:
      escalate === undefined
        ? null
        : { afterMs: millisecondsOf(escalate.after), channels: escalate.channels },
    active: rule.active ?? null,
    missing: rule.missing ?? 'keep',
    group: rule.group ?? 'city',
    inhibitedBy: rule.inhibited_by ?? [],
    source: rule,
  };
}

export function isCityCondition({ kind }: Condition): boolean {
  return kind in CITY_CONDITIONS;
}

function resolveAfter(when: Condition): number {
  if (RESOLVED_AT_ONCE.has(when.kind)) return 0;
  return isCityCondition(when) ? RESOLVE_AFTER_MS.city : RESOLVE_AFTER_MS.system;
}

function millisecondsOf(duration: string): number {
  return secondsOf(duration) * 1_000;
}

/** Of the text alone, whatever the order of its keys. */
function versionOf(rule: AlertRule): string {
  const text = JSON.stringify(rule, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
