/** Outages: when a city was silent and why, and how much of what was expected arrived. */
import { Type } from 'typebox';
import { number, type Of, orNull, record, text, time, timeOrNull, whole } from './schema.ts';

/**
 * Why an observation is missing. `station`: isobar polled, and the provider had only older ones;
 * `provider`: it was down or refused; `network`: it could not be reached; `budget`: no call was left;
 * `paused`: by request; `isobar`: no process collected, or its log took nothing; `unknown`: from
 * before this was recorded.
 */
export const CAUSES = [
  'station',
  'provider',
  'network',
  'budget',
  'paused',
  'isobar',
  'unknown',
] as const;
export type Cause = (typeof CAUSES)[number];

/** What the collector does: `collecting`, or what keeps it from that. */
export const ACTIVITIES = [
  'collecting',
  'provider',
  'network',
  'budget',
  'paused',
  'isobar',
] as const;
export type Activity = (typeof ACTIVITIES)[number];

export const StretchSchema = record(
  {
    stretch_id: text('Identity.'),
    began_at: time('Begin.'),
    ended_at: time('End, or the last sign of life so far.'),
    activity: Type.Enum([...ACTIVITIES], {
      description: '`collecting`, or what kept the collector from it.',
    }),
    reason: text('State of the collector, as `/api/status` has it.'),
  },
  'A time in which a collector did one thing.',
);
export type Stretch = Of<typeof StretchSchema>;

export const OutageSchema = record(
  {
    city_id: text('Identity of the city.'),
    from: time('When the first of the missing observations was due.'),
    to: timeOrNull('When the next one arrived or another cause began; null while it lasts.'),
    missed: whole('Observations that are missing.'),
    silent_s: Type.Number({ description: 'Seconds from `from` to `to`, or until now.' }),
    cause: Type.Enum([...CAUSES], { description: 'Why they are missing.' }),
  },
  'One row per time in which a city was silent for one cause.',
);
export type Outage = Of<typeof OutageSchema>;

export const PERIODS = ['day', 'month', 'year'] as const;
export type Period = (typeof PERIODS)[number];

const seconds = (what: string) => Type.Number({ description: `Silent seconds: ${what}.` });

export const AvailabilitySchema = record(
  {
    city_id: text('Identity of the city.'),
    from: time('Begin of the period (UTC).'),
    expected: whole('Observations that were expected.'),
    arrived: whole('Observations that arrived.'),
    pct: number('Share that arrived, %; null where nothing was expected.'),
    station_pct: number(
      'The same without what was missed while isobar did not or could not ask, %: that of the station.',
    ),
    silent_s: seconds('all of them'),
    station_s: seconds('the provider had only older observations'),
    provider_s: seconds('the provider was down or refused'),
    network_s: seconds('the provider could not be reached'),
    budget_s: seconds('the budget was spent'),
    paused_s: seconds('polling was paused'),
    isobar_s: seconds('no process collected'),
    unknown_s: seconds('from before this was recorded'),
    main_cause: orNull(Type.Enum([...CAUSES]), 'The cause of most of them; null without any.'),
  },
  'One row per city and period.',
);
export type Availability = Of<typeof AvailabilitySchema>;
