/** Anomaly events: runs of values that the rule `seasonal` flags, each with its peak and its likely cause. */
import { Type } from 'typebox';
import { number, type Of, record, text, time, whole } from './schema.ts';
import { VARIABLE_NAMES, type VariableName } from './variables.ts';

export const SEVERITIES = ['moderate', 'high', 'extreme'] as const;
export type EventSeverity = (typeof SEVERITIES)[number];

export const EVENT_CLASSES = ['sensor_fault', 'front', 'record', 'unexplained'] as const;
export type EventClass = (typeof EVENT_CLASSES)[number];

export const AnomalyEventSchema = record(
  {
    city_id: text('Identity of the city.'),
    variable: Type.Enum([...VARIABLE_NAMES], { description: 'Name of the variable.' }),
    rule: Type.Enum(['seasonal'], { description: 'Name of the rule.' }),
    began_at: time('Time of its first flagged value.'),
    ended_at: time('Time of its last flagged value.'),
    peak_at: time('Time of its most unusual value.'),
    value: Type.Number({ description: 'That value.' }),
    expected: Type.Number({
      description: 'What season, hour and the last hours made likely then.',
    }),
    score: Type.Number({ description: 'Spreads from the expected value, signed.' }),
    flagged_count: whole('Number of flagged values.'),
    severity: Type.Enum([...SEVERITIES], {
      description: 'By the score of the peak: below 5, below 8, or more.',
    }),
    class: Type.Enum([...EVENT_CLASSES], { description: 'What the evidence makes likely.' }),
    flag_count: whole(
      'Quality flags on the variable in this time that say that the sensor is wrong.',
    ),
    other_variables: text('Variables of the city that had an event as well, separated by blanks.'),
    neighbour_count: whole('Cities within 300 km that had an event of the variable, too.'),
    record: Type.Union([Type.Enum(['highest', 'lowest']), Type.Null()], {
      description: 'Whether no value of this season was as high or low; null if not.',
    }),
    season_years: whole('Earlier years that the season is known of.'),
    spread: number('How far values usually are from the expected one, in the variable’s unit.'),
  },
  'One row per event.',
);

export type AnomalyEvent = Of<typeof AnomalyEventSchema>;

/** The columns that events are ordered by. */
export const EVENT_ORDER = ['began_at', 'city_id', 'variable'] as const;

export const EventRatesSchema = record(
  {
    variable: Type.Enum([...VARIABLE_NAMES], { description: 'Name of the variable.' }),
    fault_size: Type.Number({ description: 'Size of the faults, in the variable’s unit.' }),
    caught_pct: Type.Number({ description: 'Share of them that the rule flags, %.' }),
    false_events_per_city_day: Type.Number({
      description:
        'Events away from any fault, a city and day; real weather that is unusual counts.',
    }),
  },
  'How good the rule is, of faults of one hour in real hourly history.',
);

export type EventRates = Of<typeof EventRatesSchema>;

/** Which events are asked for. */
export interface AnomalyEventSelection {
  /** Ids; all when empty. */
  readonly cities: readonly string[];
  /** Of their beginning. ISO 8601 in UTC; `from` is inclusive, `to` exclusive, null for no limit. */
  readonly from: string | null;
  readonly to: string | null;
  /** All when empty. */
  readonly variables: readonly VariableName[];
  readonly classes: readonly EventClass[];
  readonly severities: readonly EventSeverity[];
  /** Only events after this one, in their order; null for the first. */
  readonly after: {
    readonly began_at: string;
    readonly city_id: string;
    readonly variable: string;
  } | null;
  readonly limit: number;
}

/** A city of which the rule knows too little to flag anything. */
export interface LearningCity {
  readonly city_id: string;
  readonly days: number;
}
