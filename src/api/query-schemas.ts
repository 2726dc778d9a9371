/** What each address may be asked: the schemas of the queries. */
import { type Static, type TSchema, Type } from 'typebox';
import { INCIDENT_STATES, RULE_NAME_PATTERN } from '../model/alerts.ts';
import { EVENT_CLASSES, SEVERITIES } from '../model/anomaly-events.ts';
import { CITY_ID_PATTERN } from '../model/city.ts';
import { FORECAST_VARIABLES } from '../model/forecast.ts';
import { PERIODS } from '../model/outages.ts';
import { EXPLAINED } from '../model/provenance.ts';
import { DRIFT_VARIABLES, QUALITY_TESTS, VERDICTS } from '../model/quality.ts';
import { VARIABLE_NAMES } from '../model/variables.ts';
import { FORMATS } from './formats.ts';
import { type CursorKind, cursorPattern, TIME_PATTERN } from './parameters.ts';
import { SEARCH_PARAMETERS, TIME_CURSOR } from './search-parameters.ts';

export function parameters<T extends Record<string, TSchema>>(properties: T) {
  return Type.Object(properties, { additionalProperties: false });
}

const FIRST_TEN = 'the first 10 cities by id';
const FIRST_FIFTY = 'the first 50 cities by id, and `meta.reason` says so';

export const city = (maximum: number, without = 'all cities') =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64, pattern: CITY_ID_PATTERN.source }), {
      minItems: 1,
      maxItems: maximum,
      description: `Id of a city; repeat it for up to ${maximum}. Without it ${without}.`,
    }),
  );

/** A parameter that is given once for each value. */
const several = <T extends string>(
  values: readonly T[],
  description: string,
  without?: readonly NoInfer<T>[],
) =>
  Type.Array(Type.Enum([...values]), {
    minItems: 1,
    maxItems: values.length,
    ...(without === undefined ? {} : { default: [...without] }),
    description,
  });

const time = (what: string) =>
  Type.Optional(
    Type.String({
      format: 'date-time',
      pattern: TIME_PATTERN,
      maxLength: 40,
      description: `${what} (ISO 8601 with an offset, up to microseconds; in addresses + is %2B).`,
    }),
  );

export const limit = (value: number, maximum: number) =>
  Type.Integer({ minimum: 1, maximum, default: value, description: 'Rows of a page at most.' });

const from = time('Only what was observed at this time or later');
const to = time('Only what was observed before this time');
export const cursor = (kinds: readonly CursorKind[]) =>
  Type.Optional(
    Type.String({
      maxLength: 512,
      pattern: cursorPattern(kinds),
      description: '`meta.next_cursor` of the page before.',
    }),
  );
export const format = Type.Enum([...FORMATS], {
  default: 'json',
  description:
    'CSV has one header row and nothing else, Parquet typed columns with times in UTC; the meta of both is in headers `X-Isobar-…`.',
});
export const excel = Type.Boolean({
  default: false,
  description:
    'With `format=csv`: for spreadsheets. A byte order mark; each time as two columns, `…_local` (the clock of the city) and `…_utc`, written 2024-10-31 14:00:00; an apostrophe before texts that would run as a formula. Plain CSV has every value as it is.',
});

const variable = Type.Enum([...VARIABLE_NAMES], {
  default: 'temperature_c',
  description: 'Name of a variable.',
});

/** What the cursor of each address that has pages consists of: the key of its rows. */
export const CURSORS = {
  cities: ['string'],
  'city-statistics': ['string'],
  'live-statistics': ['string'],
  'live-trends': ['string', 'string', 'number'],
  'hourly-trends': ['string', 'string', 'number'],
  anomalies: TIME_CURSOR,
  'raw-data': ['time', 'string'],
  'anomaly-events': ['time', 'string', 'string'],
  'station-drift': ['time', 'string', 'string'],
  'quality-flags': ['time', 'string', 'string', 'string'],
  incidents: ['time', 'string'],
  outages: ['time', 'string'],
} as const satisfies Record<string, readonly CursorKind[]>;

/** What every address of a table has, beside what is its own. */
const page = (kinds: readonly CursorKind[], [usual, most]: readonly [number, number]) => ({
  ...{ limit: limit(usual, most), cursor: cursor(kinds), format, excel },
});
const datasetQuery = (kinds: readonly CursorKind[]) =>
  parameters({ city: city(200), from, to, ...page(kinds, [10_000, 50_000]) });
export const DATASET_QUERY_SCHEMAS = {
  'city-statistics': datasetQuery(CURSORS['city-statistics']),
  'hourly-trends': datasetQuery(CURSORS['hourly-trends']),
  anomalies: parameters({
    ...SEARCH_PARAMETERS,
    ...{ city: city(200), from, to, limit: limit(10_000, 50_000), format, excel },
  }),
};
const liveQuery = (kinds: readonly CursorKind[]) =>
  parameters({ city: city(200), ...page(kinds, [10_000, 50_000]) });
export const LIVE_QUERY_SCHEMAS = {
  'live-statistics': liveQuery(CURSORS['live-statistics']),
  'live-trends': liveQuery(CURSORS['live-trends']),
};
const PUBLISHED_ROWS = [1_000, 10_000] as const;
const variables = Type.Optional(
  several(VARIABLE_NAMES, 'Name of a variable; repeat it for several. Without it all.'),
);
export const StationDriftQuerySchema = parameters({
  city: city(200),
  from,
  to,
  variable: Type.Optional(
    several(DRIFT_VARIABLES, 'What is compared; repeat it for several. Without it all.'),
  ),
  ...page(CURSORS['station-drift'], PUBLISHED_ROWS),
});
export const QualityFlagsQuerySchema = parameters({
  city: city(200),
  from,
  to,
  variable: variables,
  test: Type.Optional(
    several(QUALITY_TESTS, 'Name of a test; repeat it for several. Without it all.'),
  ),
  verdict: Type.Optional(
    Type.Enum([...VERDICTS], { description: 'Only flags of this verdict. Without it both.' }),
  ),
  ...page(CURSORS['quality-flags'], PUBLISHED_ROWS),
});
export const AnomalyEventsQuerySchema = parameters({
  city: city(200),
  from: time('Only what began at this time or later'),
  to: time('Only what began before this time'),
  variable: variables,
  class: Type.Optional(
    several(EVENT_CLASSES, 'Likely cause; repeat it for several. Without it all.'),
  ),
  severity: Type.Optional(several(SEVERITIES, 'Severity; repeat it for several. Without it all.')),
  ...page(CURSORS['anomaly-events'], PUBLISHED_ROWS),
});
export const RawDataQuerySchema = parameters({
  city: city(200),
  from,
  to,
  ...page(CURSORS['raw-data'], [100, 1_000]),
});
export const ExplainQuerySchema = parameters({
  dataset: Type.Enum([...EXPLAINED], {
    default: 'city_statistics',
    description: 'What the number is of; `observations` are the rows of the table.',
  }),
  city: Type.String({
    ...{ minLength: 1, maxLength: 64, pattern: CITY_ID_PATTERN.source },
    description: 'Id of the city.',
  }),
  time: time('The observation, the anomaly, or a time in the hour (UTC) of the trends'),
  from: time('Of statistics and trends of a range: where it begins'),
  to: time('Where the range ends'),
});
export const CitiesQuerySchema = parameters({
  city: city(200),
  limit: limit(1_000, 10_000),
  cursor: cursor(CURSORS.cities),
  format,
  excel,
});
export const ChartQuerySchema = parameters({ city: city(50, FIRST_FIFTY), from, to });
export const SeriesQuerySchema = parameters({
  variable: several(VARIABLE_NAMES, 'Name of a variable; repeat it for several.', [
    'temperature_c',
  ]),
  city: city(50, FIRST_FIFTY),
  from,
  to,
  points: Type.Integer({
    minimum: 10,
    maximum: 10_000,
    default: 1_000,
    description: 'Points of a series, roughly: more observations are sampled.',
  }),
  format,
  excel,
});
export const ClimatologyQuerySchema = parameters({
  variable,
  city: city(10, FIRST_TEN),
  format,
  excel,
});
export const HourlyMeansQuerySchema = parameters({
  variable,
  city: city(10, FIRST_TEN),
  from,
  to,
  period: Type.Enum(['day', 'week', 'month'], {
    default: 'day',
    description: 'Whose mean a row is: weeks begin on Monday.',
  }),
  format,
  excel,
});
export const WindRoseQuerySchema = parameters({
  city: city(10, FIRST_TEN),
  from,
  to,
  format,
  excel,
});
export const RecentHoursQuerySchema = parameters({
  city: city(50, FIRST_FIFTY),
  hours: Type.Integer({
    minimum: 1,
    maximum: 168,
    default: 6,
    description: 'Hours up to now, the one that has begun among them.',
  }),
  format,
  excel,
});
export const ForecastQuerySchema = parameters({
  variable: several(FORECAST_VARIABLES, 'Name of a variable; repeat it for several.', [
    'temperature_c',
  ]),
  city: city(50, FIRST_FIFTY),
  format,
  excel,
});
export const OutagesQuerySchema = parameters({
  city: city(50, FIRST_FIFTY),
  from,
  to,
  limit: limit(100, 1_000),
  cursor: cursor(CURSORS.outages),
  format,
  excel,
});
export const AvailabilityQuerySchema = parameters({
  city: city(50, FIRST_FIFTY),
  period: Type.Enum([...PERIODS], { default: 'day', description: 'What a row is about (UTC).' }),
  from,
  to,
  format,
  excel,
});
export const EventsQuerySchema = parameters({
  city: city(200),
  since: Type.Optional(
    Type.String({
      maxLength: 8_000,
      description: 'A position (`meta.position`); the header Last-Event-ID goes first.',
    }),
  ),
});
const person = Type.String({
  minLength: 1,
  maxLength: 100,
  default: 'page',
  description: 'Who does it.',
});
const note = Type.Optional(Type.String({ maxLength: 500, description: 'For people.' }));
const ruleName = Type.String({
  pattern: RULE_NAME_PATTERN,
  title: 'the name of a rule',
  description: 'Name of a rule.',
});
const incident = Type.String({
  pattern: '^[0-9a-f]{16}$',
  title: 'the id of an incident, 16 digits of 0-9 and a-f',
  description: 'Id of an incident.',
});
export const IncidentsQuerySchema = parameters({
  state: Type.Optional(
    several(INCIDENT_STATES, 'State; repeat it for several. Without it all states.'),
  ),
  rule: Type.Optional(ruleName),
  city: city(200),
  incident: Type.Optional(incident),
  from: time('Only what was opened at this time or later'),
  to: time('Only what was opened before this time'),
  limit: limit(100, 1_000),
  cursor: cursor(CURSORS.incidents),
});
export const AcknowledgeQuerySchema = parameters({ incident, by: person, note });
export const SilenceQuerySchema = parameters({
  rule: Type.Optional(ruleName),
  city: Type.Optional(
    Type.String({ pattern: CITY_ID_PATTERN.source, description: 'Id of a city.' }),
  ),
  for: Type.String({
    pattern: '^[1-9][0-9]{0,4}[mhd]$',
    title: 'a duration such as 30m, 2h or 3d',
    default: '2h',
    description: 'How long (30m, 2h, 3d).',
  }),
  by: person,
  note,
});
export const EndSilenceQuerySchema = parameters({
  silence: Type.String({ minLength: 1, maxLength: 64, description: 'Id of a silence.' }),
});
export const EndSessionsQuerySchema = parameters({
  session: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: '`session_id` of one session; without it all others.',
    }),
  ),
});
export const NoQuerySchema = parameters({});
export const OidcLoginQuerySchema = parameters({
  to: Type.Optional(
    Type.String({
      maxLength: 2_048,
      description: 'Path of this server to go on to, such as /?sheet=incidents; / without it.',
    }),
  ),
});
export const OidcCallbackQuerySchema = parameters({
  code: Type.Optional(Type.String({ description: 'What the provider takes for a token.' })),
  state: Type.Optional(Type.String({ description: 'Of the login that this belongs to.' })),
  error: Type.Optional(Type.String({ description: 'Why a code is missing.' })),
});

export type AnomaliesQuery = Static<(typeof DATASET_QUERY_SCHEMAS)['anomalies']>;
export type DatasetQuery = Static<ReturnType<typeof datasetQuery>>;
/** What the queries of tables with pages and a range have in common. */
export type PagedQuery = DatasetQuery;
export type LiveQuery = Static<(typeof LIVE_QUERY_SCHEMAS)['live-statistics']>;
export type StationDriftQuery = Static<typeof StationDriftQuerySchema>;
export type RawDataQuery = Static<typeof RawDataQuerySchema>;
export type ExplainQuery = Static<typeof ExplainQuerySchema>;
export type AnomalyEventsQuery = Static<typeof AnomalyEventsQuerySchema>;
export type QualityFlagsQuery = Static<typeof QualityFlagsQuerySchema>;
export type CitiesQuery = Static<typeof CitiesQuerySchema>;
export type ChartQuery = Static<typeof ChartQuerySchema>;
export type SeriesQuery = Static<typeof SeriesQuerySchema>;
export type ClimatologyQuery = Static<typeof ClimatologyQuerySchema>;
export type RecentHoursQuery = Static<typeof RecentHoursQuerySchema>;
export type ForecastQuery = Static<typeof ForecastQuerySchema>;
export type HourlyMeansQuery = Static<typeof HourlyMeansQuerySchema>;
export type WindRoseQuery = Static<typeof WindRoseQuerySchema>;
export type IncidentsQuery = Static<typeof IncidentsQuerySchema>;
export type AcknowledgeQuery = Static<typeof AcknowledgeQuerySchema>;
export type SilenceQuery = Static<typeof SilenceQuerySchema>;
export type EndSilenceQuery = Static<typeof EndSilenceQuerySchema>;
export type EndSessionsQuery = Static<typeof EndSessionsQuerySchema>;
export type OutagesQuery = Static<typeof OutagesQuerySchema>;
export type AvailabilityQuery = Static<typeof AvailabilityQuerySchema>;
export type EventsQuery = Static<typeof EventsQuerySchema>;
export type OidcLoginQuery = Static<typeof OidcLoginQuerySchema>;
