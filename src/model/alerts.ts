/**
 * Alerts: rules watch the weather and the system, incidents record when one of them held. The rules
 * as their file and the API have them, and the incidents as the table and the API have them.
 */
import { type TProperties, type TSchema, Type } from 'typebox';
import { EVENT_CLASSES, SEVERITIES as EVENT_SEVERITIES } from './anomaly-events.ts';
import { ENGINE_KINDS } from './engine-figures.ts';
import { FORECAST_VARIABLES } from './forecast.ts';
import { QUALITY_TESTS, VERDICTS } from './quality.ts';
import { number, type Of, orNull, record, text, time, timeOrNull, whole } from './schema.ts';
import { VARIABLE_NAMES } from './variables.ts';

/** `90s`, `10m`, `2h`, `3d`. */
export const DURATION_PATTERN = '^[1-9][0-9]{0,5}[smhd]$|^0s$';
export const RULE_NAME_PATTERN = '^[a-z0-9][a-z0-9-]{0,62}$';

const duration = (description: string) =>
  Type.String({ pattern: DURATION_PATTERN, description: `${description} (90s, 10m, 2h, 3d).` });
const variable = Type.Enum([...VARIABLE_NAMES], { description: 'Name of a variable.' });
const amount = (description: string) => Type.Number({ description });
/** How far conditions look that do not say it. */
const WITHIN = '24h';
const recently = (what: string) =>
  Type.Optional(
    Type.String({
      pattern: DURATION_PATTERN,
      default: WITHIN,
      description: `How long ago ${what} at most: up to 30d.`,
    }),
  );
const share = (description: string) => Type.Number({ minimum: 0, maximum: 100, description });

function condition<const K extends string, T extends TProperties>(
  kind: K,
  properties: T,
  description: string,
) {
  return record({ kind: Type.Literal(kind), ...properties }, description);
}

/** Whose state a condition looks at: that of each city, or that of the system. */
export const CITY_CONDITIONS = {
  value: condition(
    'value',
    {
      variable,
      above: Type.Optional(amount('Holds above this value.')),
      below: Type.Optional(amount('Holds below this value.')),
      clear: Type.Optional(
        amount('Value at which it is over (hysteresis); by default the threshold itself.'),
      ),
    },
    'A variable is above or below a value.',
  ),
  change: condition(
    'change',
    {
      variable,
      by: Type.Number({ exclusiveMinimum: 0, description: 'Holds when it changes by more.' }),
      within: duration('Time in which it changes'),
      direction: Type.Optional(Type.Enum(['any', 'rise', 'fall'], { default: 'any' })),
    },
    'A variable changes by more than an amount within a time.',
  ),
  unusual: condition(
    'unusual',
    {
      variable,
      times: Type.Optional(
        Type.Number({
          minimum: 1,
          maximum: 10,
          default: 2,
          description:
            'How many times farther from the median than the middle eight tenths of the values reach.',
        }),
      ),
    },
    'A variable is outside of what is usual for the month and the hour of the day.',
  ),
  anomaly: condition(
    'anomaly',
    {
      rule: Type.Optional(text('Name of the rule that flagged the value; any by default.')),
      variable: Type.Optional(variable),
      min_score: Type.Optional(amount('Least distance from the expected value, in deviations.')),
    },
    'The newest value of a city is among the published anomalies.',
  ),
  quality: condition(
    'quality',
    {
      test: Type.Optional(
        Type.Enum([...QUALITY_TESTS], { description: 'Name of the test; any by default.' }),
      ),
      variable: Type.Optional(variable),
      verdict: Type.Optional(
        Type.Enum([...VERDICTS], {
          default: 'fail',
          description: 'Which flags count: `suspect` are those that failed, too.',
        }),
      ),
      at_least: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 1_000,
          default: 1,
          description: 'How many values were flagged.',
        }),
      ),
      within: recently('they were observed'),
    },
    'Quality control has flagged values of a city.',
  ),
  event: condition(
    'event',
    {
      variable: Type.Optional(variable),
      class: Type.Optional(
        Type.Enum([...EVENT_CLASSES], {
          description: 'What the evidence makes likely; any by default.',
        }),
      ),
      min_severity: Type.Optional(
        Type.Enum([...EVENT_SEVERITIES], {
          default: 'moderate',
          description: 'Holds for events of this severity and of higher ones.',
        }),
      ),
      within: recently('the event ended'),
    },
    'A city has an anomaly event, or had one lately.',
  ),
  silent: condition(
    'silent',
    { after: duration('Time without an observation') },
    'A city has sent no observation for a time.',
  ),
  availability: condition(
    'availability',
    {
      below_pct: share('Holds when fewer of the expected observations arrived, %.'),
      over: Type.Enum(['day', 'week', 'month'], { description: 'The last 24 h, 7 or 30 days.' }),
    },
    'Too few of the expected observations of a city arrived.',
  ),
  forecast: condition(
    'forecast',
    {
      variable: Type.Enum([...FORECAST_VARIABLES], { description: 'Name of the variable.' }),
      above: Type.Optional(amount('Holds when a forecast value is above this.')),
      below: Type.Optional(amount('Holds when a forecast value is below this.')),
      within: Type.Optional(
        Type.String({
          pattern: DURATION_PATTERN,
          default: WITHIN,
          description: 'How far ahead values are looked at: 1h to 48h.',
        }),
      ),
      quantile: Type.Optional(
        Type.Enum(['low', 'median', 'high'], {
          default: 'median',
          description:
            'Which forecast: `low` and `high` are passed in one case of ten each, so that `low` with `below` warns more often, and `low` with `above` less often.',
        }),
      ),
    },
    'A variable is forecast to be above or below a value within a time.',
  ),
} as const;

export const STEPS = ['collect', 'log', 'land', 'table', 'analyze', 'export', 'stream'] as const;

export const SYSTEM_CONDITIONS = {
  step_failing: condition(
    'step_failing',
    { step: Type.Enum(['any', ...STEPS], { description: 'Step of the pipeline.' }) },
    'A step of the pipeline fails.',
  ),
  lag: condition(
    'lag',
    { above: duration('Age of the oldest record that has not landed') },
    'Records wait too long for their landing.',
  ),
  landing_age: condition(
    'landing_age',
    { above: duration('Time since something last landed') },
    'Nothing has landed for a time.',
  ),
  budget: condition(
    'budget',
    {
      period: Type.Enum(['minute', 'day', 'month'], { description: 'Period of the budget.' }),
      left_below_pct: share('Holds when less of the budget is left, %.'),
    },
    'Few calls of the provider are left.',
  ),
  rejected: condition(
    'rejected',
    {
      above_per_hour: Type.Number({ minimum: 0, description: 'Records in the last hour.' }),
      reason: Type.Optional(text('Reason, such as `invalid`; by default all but duplicates.')),
    },
    'Too many records are rejected.',
  ),
  engine: condition(
    'engine',
    {
      engine: Type.Enum(['any', ...ENGINE_KINDS], {
        description: 'Kind of the engine.',
      }),
      state: Type.Optional(
        Type.Enum(['unreachable', 'failing', 'warning'], {
          default: 'unreachable',
          description: 'Holds in this state and in worse ones.',
        }),
      ),
    },
    'An engine cannot be reached or one of its figures is beyond its threshold.',
  ),
} as const;

export const CONDITIONS = { ...CITY_CONDITIONS, ...SYSTEM_CONDITIONS } as const;
export type ConditionKind = keyof typeof CONDITIONS;
export type CityConditionKind = keyof typeof CITY_CONDITIONS;
export type SystemConditionKind = keyof typeof SYSTEM_CONDITIONS;
export type ConditionOf<K extends ConditionKind> = Of<(typeof CONDITIONS)[K]>;
export type Condition = { [K in ConditionKind]: ConditionOf<K> }[ConditionKind];

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];
const severity = Type.Enum([...SEVERITIES], { description: 'How much it matters.' });

const channels = Type.Array(Type.String({ pattern: RULE_NAME_PATTERN }), {
  maxItems: 16,
  description: 'Names of channels.',
});
const clock = (description: string) =>
  Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', description });
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const ActiveSchema = record(
  {
    from: clock('Begin, on the clock of the city (UTC for the system).'),
    to: clock('End; before the begin it is that of the next day.'),
    days: Type.Optional(
      Type.Array(Type.Enum([...WEEKDAYS]), {
        minItems: 1,
        uniqueItems: true,
        description: 'Days on which it begins; every day by default.',
      }),
    ),
  },
  'When the rule may open incidents.',
);

const EscalationSchema = record(
  { after: duration('Time without an acknowledgement'), channels },
  'Who else is notified when an incident is not acknowledged.',
);

const RULE_PROPERTIES = {
  name: Type.String({ pattern: RULE_NAME_PATTERN, description: 'Name; it is unique.' }),
  description: Type.Optional(Type.String({ maxLength: 500, description: 'For people.' })),
  cities: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      minItems: 1,
      maxItems: 10_000,
      description: 'Ids of cities; all of them by default.',
    }),
  ),
  for: Type.Optional(duration('How long the condition holds before an incident opens')),
  resolve_after: Type.Optional(duration('How long it does not hold before the incident ends')),
  severity: Type.Optional(severity),
  channels: Type.Optional(channels),
  repeat: Type.Optional(duration('Time after which an incident is notified again')),
  escalate: Type.Optional(EscalationSchema),
  active: Type.Optional(ActiveSchema),
  missing: Type.Optional(
    Type.Enum(['keep', 'resolve'], {
      description:
        'What becomes of an open incident while there is nothing to judge by; `keep` by default.',
    }),
  ),
  group: Type.Optional(
    Type.Enum(['city', 'rule'], {
      description: 'One incident for each city (default), or one for all of them.',
    }),
  ),
  inhibited_by: Type.Optional(
    Type.Array(Type.String({ pattern: RULE_NAME_PATTERN }), {
      maxItems: 16,
      description: 'Rules whose open incidents explain those of this one: nothing is sent then.',
    }),
  ),
  enabled: Type.Optional(Type.Boolean({ description: 'false: it is not evaluated.' })),
} satisfies TProperties;

export const AlertRuleSchema = record(
  { ...RULE_PROPERTIES, when: Type.Union(Object.values(CONDITIONS) as TSchema[]) },
  'A rule.',
);
/** All but `when`, whose schema its kind decides. */
export const AlertRuleBaseSchema = record({ ...RULE_PROPERTIES, when: Type.Unknown() }, 'A rule.');
export type AlertRule = Omit<Of<typeof AlertRuleBaseSchema>, 'when'> & { readonly when: Condition };

const NotifiedSchema = record(
  {
    channel: text('Name of the channel.'),
    kind: Type.Enum(['opened', 'repeated', 'escalated', 'resolved']),
    number: whole('Counts those of one kind and channel, from 1; 0 is sent again and again.'),
    state: Type.Enum(['waiting', 'sent', 'given_up']),
    at: time('When it was sent or given up, else when it was made.'),
  },
  'A message about it.',
);

const EvidenceSchema = record(
  { at: time('Time of the observation or of the look.'), value: number('Value; null if missing.') },
  'A value around its begin.',
);

export const INCIDENT_STATES = ['open', 'acknowledged', 'resolved'] as const;

export const IncidentSchema = record(
  {
    incident_id: text('Identity: the same for the same rule, subject and begin.'),
    rule: text('Name of the rule.'),
    rule_version: text('Changes with the text of the rule.'),
    severity,
    state: Type.Enum([...INCIDENT_STATES]),
    city_id: orNull(Type.String(), 'The city, or null for the system or several cities.'),
    city: orNull(Type.String(), 'Its name.'),
    subjects: Type.Array(Type.String(), {
      description: 'Which cities, steps, partitions or engines; at most 100.',
    }),
    summary: text('One sentence.'),
    variable: orNull(Type.String(), 'The variable, if the rule looks at one.'),
    value: number('Value at which it opened.'),
    threshold: number('What the value was compared with.'),
    unit: orNull(Type.String(), 'Unit of both.'),
    evidence: Type.Array(EvidenceSchema, { description: 'The values that caused it; at most 48.' }),
    began_at: time('Since when the condition held.'),
    opened_at: time('When the incident opened.'),
    acknowledged_at: timeOrNull(),
    acknowledged_by: orNull(Type.String(), 'Who acknowledged it.'),
    note: orNull(Type.String(), 'What that person wrote.'),
    resolved_at: timeOrNull(),
    inhibited_by: orNull(Type.String(), 'The rule whose incident explains this one.'),
    notified: Type.Array(NotifiedSchema, { description: 'Messages about it.' }),
    simulated: Type.Boolean(),
  },
  'One row per incident.',
);

export const IncidentCountsSchema = record(
  {
    open: Type.Integer(),
    acknowledged: Type.Integer(),
    resolved: Type.Integer(),
    critical: Type.Integer({ description: 'Those of `open` that are critical.' }),
  },
  'Incidents by state.',
);

export type Incident = Of<typeof IncidentSchema>;
export type IncidentCounts = Of<typeof IncidentCountsSchema>;
export type IncidentState = Incident['state'];
export type Notified = Incident['notified'][number];
export type MessageKind = Notified['kind'];

/** Seconds that a condition looks ahead or back. */
export function secondsWithin({ within = WITHIN }: { readonly within?: string }): number {
  return secondsOf(within);
}

/** Seconds of `10m` and the like. */
export function secondsOf(duration: string): number {
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[duration.at(-1) ?? ''];
  if (unit === undefined) throw new Error(`not a duration: ${duration}`);
  return Number(duration.slice(0, -1)) * unit;
}
