/**
 * Which alert rule has to open an incident for which fault, and which may. The rules are those of a
 * real pipeline with shorter times, so that a fault is seen within seconds.
 */
import type { AlertRule } from '../../src/model/alerts.ts';
import type { FaultName } from './faults.ts';

const RULES = {
  kafka: {
    name: 'kafka-in-trouble',
    when: { kind: 'engine', engine: 'kafka', state: 'warning' },
    for: '4s',
    resolve_after: '6s',
  },
  hdfs: {
    name: 'hdfs-in-trouble',
    when: { kind: 'engine', engine: 'hdfs', state: 'warning' },
    for: '4s',
    resolve_after: '6s',
  },
  // A job that failed is a warning for ten minutes, a worker that left for a quarter of an hour.
  // While it computes on busy cores, its pages answer late.
  spark: {
    name: 'spark-in-trouble',
    when: { kind: 'engine', engine: 'spark', state: 'failing' },
    for: '16s',
    resolve_after: '6s',
  },
  lag: {
    name: 'records-wait',
    when: { kind: 'lag', above: '20s' },
    for: '2s',
    resolve_after: '5s',
  },
  landing: {
    name: 'nothing-lands',
    when: { kind: 'landing_age', above: '20s' },
    for: '2s',
    resolve_after: '5s',
  },
  log: {
    name: 'log-fails',
    when: { kind: 'step_failing', step: 'log' },
    for: '10s',
    resolve_after: '5s',
  },
  lake: {
    name: 'lake-fails',
    when: { kind: 'step_failing', step: 'table' },
    for: '10s',
    resolve_after: '5s',
  },
  analytics: {
    name: 'analytics-fail',
    when: { kind: 'step_failing', step: 'analyze' },
    for: '20s',
    resolve_after: '5s',
  },
} as const satisfies Readonly<Record<string, AlertRule>>;

type RuleKey = keyof typeof RULES;

/** The producer's times are of years ago: after its first minutes each city counts as silent. */
const NOT_SILENT = { name: 'city-silent', enabled: false, when: { kind: 'silent', after: '2h' } };

/** The text of `alerts.file`, as JSON, which is YAML. The built-in rules are in effect beside it. */
export const ALERT_FILE = JSON.stringify({ rules: [...Object.values(RULES), NOT_SILENT] }, null, 2);

interface Expectation {
  /** The rule that has to open an incident; null for a fault that none has to see, for `why`. */
  readonly rule: RuleKey | null;
  /** So many seconds after the fault began, with time to spare on two busy cores. */
  readonly withinS: number;
  /** Rules that may open one as well, since what they watch is really disturbed. */
  readonly allows: readonly RuleKey[];
  readonly why: string;
}

/** What waits in the log while it, or the lake, is away. */
const LANDING = ['lag', 'landing'] as const;
const OF_KAFKA = ['kafka', 'log', ...LANDING] as const;
const OF_HDFS = ['hdfs', 'lake', 'analytics', ...LANDING] as const;
const OF_SPARK = ['spark', 'analytics'] as const;

function seen(rule: RuleKey, withinS: number, allows: readonly RuleKey[]): Expectation {
  return { rule, withinS, allows, why: '' };
}

function unseen(why: string, allows: readonly RuleKey[] = []): Expectation {
  return { rule: null, withinS: 0, allows, why };
}

export const EXPECTED: Readonly<Record<FaultName, Expectation>> = {
  'a broker is killed': seen('kafka', 40, OF_KAFKA),
  'a broker stops': seen('kafka', 40, OF_KAFKA),
  'all brokers are restarted': seen('kafka', 40, OF_KAFKA),
  'connections to the brokers are cut': unseen('clients connect again within a second', OF_KAFKA),
  'connections to the brokers are slow': unseen('slow is not away', OF_KAFKA),
  'the active NameNode is killed': seen('hdfs', 30, OF_HDFS),
  'the active NameNode stops': seen('hdfs', 30, OF_HDFS),
  'the controller of the active NameNode is killed': unseen(
    'the other NameNode takes over within the time of the rule; HDFS has no figure of controllers',
    OF_HDFS,
  ),
  'a DataNode is killed in the middle of its work': seen('hdfs', 40, OF_HDFS),
  'the disk of a DataNode is full': unseen(
    'others take its blocks; the disks together have room',
    OF_HDFS,
  ),
  // Joining takes as long as a job of Spark is waited for.
  'a DataNode and a worker join, and leave again': seen('hdfs', 150, OF_HDFS),
  'two of three JournalNodes are killed': seen('hdfs', 30, OF_HDFS),
  'a sink is killed': unseen('others take over within the time of the rule', LANDING),
  'a sink stops and wakes up after others took over': unseen(
    'others take over within the time of the rule',
    LANDING,
  ),
  'all sinks are killed': seen('lag', 50, LANDING),
  'the producer is killed': unseen('another one goes on at once', ['landing']),
  'the producer stops': seen('landing', 50, LANDING),
  'the analyzer is killed': unseen('another one goes on at once', ['analytics']),
  'the evaluator is killed': unseen('another one goes on'),
  'the evaluator is killed while a broker is away': seen('kafka', 75, OF_KAFKA),
  'the executors of Spark are killed in the middle of a job': unseen(
    'workers start new ones within seconds',
    OF_SPARK,
  ),
  'the workers of Spark are killed': seen('spark', 60, OF_SPARK),
  'the server of Spark is killed in the middle of a job': seen('spark', 100, OF_SPARK),
  'connections to the NameNodes are cut': unseen('clients connect again within a second', OF_HDFS),
  'connections to the NameNodes are slow': unseen('slow is not away', OF_HDFS),
};

/** The rule that has to open an incident for it; null for none. */
export function expectedRule(fault: FaultName): string | null {
  const { rule } = EXPECTED[fault];
  return rule === null ? null : RULES[rule].name;
}

export function allowedRules(fault: FaultName): readonly string[] {
  const { rule, allows } = EXPECTED[fault];
  return [...(rule === null ? [] : [rule]), ...allows].map((key) => RULES[key].name);
}
