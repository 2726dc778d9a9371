/** Every address of the API, in ONE table: the handlers, `/openapi.json`, `/docs` and `docs/api.md` follow it. */
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import { CITY_ID_PATTERN } from '../model/city.ts';
import { VARIABLE_NAMES } from '../model/variables.ts';
import { FORMATS, MEDIA_TYPES } from './formats.ts';
import { type CursorKind, cursorPattern, TIME_PATTERN } from './parameters.ts';
import {
  AnomaliesAnswerSchema,
  ChartAnswerSchema,
  CitiesAnswerSchema,
  CityStatisticsAnswerSchema,
  ClimatologyAnswerSchema,
  HourlyMeansAnswerSchema,
  HourlyTrendsAnswerSchema,
  RawDataAnswerSchema,
  SeriesAnswerSchema,
  WindRoseAnswerSchema,
} from './schemas.ts';
import {
  ControlAnswerSchema,
  HealthSchema,
  LiveSchema,
  StatusAnswerSchema,
} from './status-schemas.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly tag: 'data' | 'live' | 'operation' | 'pages';
  readonly summary: string;
  readonly description: string;
  readonly query: TObject;
  /** Media type → schema, or null where there is none. */
  readonly answers: Readonly<Record<string, TSchema | null>>;
  /** What callers should expect beside an answer, and beside what every address refuses. */
  readonly errors: readonly ErrorCode[];
}

function parameters<T extends Record<string, TSchema>>(properties: T) {
  return Type.Object(properties, { additionalProperties: false });
}

const FIRST_TEN = 'the first 10 cities by id';
const FIRST_FIFTY = 'the first 50 cities by id, and `meta.reason` says so';

const city = (maximum: number, without = 'all cities') =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64, pattern: CITY_ID_PATTERN.source }), {
      minItems: 1,
      maxItems: maximum,
      description: `Id of a city; repeat it for up to ${maximum}. Without it ${without}.`,
    }),
  );

const time = (what: string) =>
  Type.Optional(
    Type.String({
      format: 'date-time',
      pattern: TIME_PATTERN,
      maxLength: 40,
      description: `${what} (ISO 8601 with an offset, up to microseconds; in addresses + is %2B).`,
    }),
  );

const limit = (value: number, maximum: number) =>
  Type.Integer({ minimum: 1, maximum, default: value, description: 'Rows of a page at most.' });

const from = time('Only what was observed at this time or later');
const to = time('Only what was observed before this time');
const cursor = (kinds: readonly CursorKind[]) =>
  Type.Optional(
    Type.String({
      maxLength: 512,
      pattern: cursorPattern(kinds),
      description: '`meta.next_cursor` of the page before.',
    }),
  );
const format = Type.Enum([...FORMATS], {
  default: 'json',
  description:
    'CSV has one header row and nothing else, Parquet typed columns with times in UTC; the meta of both is in headers `X-Isobar-…`.',
});
const excel = Type.Boolean({
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
  'hourly-trends': ['string', 'string', 'number'],
  anomalies: ['time', 'string', 'string', 'string'],
  'raw-data': ['time', 'string'],
} as const satisfies Record<string, readonly CursorKind[]>;

const datasetQuery = (kinds: readonly CursorKind[]) =>
  parameters({
    city: city(200),
    from,
    to,
    limit: limit(10_000, 50_000),
    cursor: cursor(kinds),
    format,
    excel,
  });
export const DATASET_QUERY_SCHEMAS = {
  'city-statistics': datasetQuery(CURSORS['city-statistics']),
  'hourly-trends': datasetQuery(CURSORS['hourly-trends']),
  anomalies: datasetQuery(CURSORS.anomalies),
};
export const RawDataQuerySchema = parameters({
  city: city(200),
  from,
  to,
  limit: limit(100, 1_000),
  cursor: cursor(CURSORS['raw-data']),
  format,
  excel,
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
  variable: Type.Array(Type.Enum([...VARIABLE_NAMES]), {
    minItems: 1,
    maxItems: VARIABLE_NAMES.length,
    default: ['temperature_c'],
    description: 'Name of a variable; repeat it for several.',
  }),
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
export const EventsQuerySchema = parameters({
  city: city(200),
  since: Type.Optional(
    Type.String({
      maxLength: 8_000,
      description: 'A position (`meta.position`); the header Last-Event-ID goes first.',
    }),
  ),
});
export const NoQuerySchema = parameters({});

export type DatasetQuery = Static<ReturnType<typeof datasetQuery>>;
export type RawDataQuery = Static<typeof RawDataQuerySchema>;
export type CitiesQuery = Static<typeof CitiesQuerySchema>;
export type ChartQuery = Static<typeof ChartQuerySchema>;
export type SeriesQuery = Static<typeof SeriesQuerySchema>;
export type ClimatologyQuery = Static<typeof ClimatologyQuerySchema>;
export type HourlyMeansQuery = Static<typeof HourlyMeansQuerySchema>;
export type WindRoseQuery = Static<typeof WindRoseQuerySchema>;
export type EventsQuery = Static<typeof EventsQuerySchema>;

/** What every address refuses, or ends with when something unexpected goes wrong. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  'REQUEST_INVALID',
  'REQUEST_REFUSED',
  'REQUEST_TOO_LARGE',
  'INTERNAL',
];
/** Before the first version of the table could be read. */
const READING_ERRORS = [
  'LAKE_UNAVAILABLE',
  'LAKE_MISSING',
  'LAKE_FORBIDDEN',
  'LAKE_LOGIN_REFUSED',
  'TABLE_CORRUPT',
  'TABLE_GAP',
  'TABLE_NEWER',
  'TABLE_PROTOCOL',
  'ENGINE_UNAVAILABLE',
  'ABORTED',
] as const satisfies readonly ErrorCode[];

const RANGE =
  'With `from` or `to` the observations of that time are selected and the rows computed anew; without them the published version answers.';
const DEFAULT_RANGE = 'Without `from` and `to` the last 7 days up to the newest observation.';

export const ROUTES = [
  data(
    '/api/city-statistics',
    'One row per city.',
    RANGE,
    DATASET_QUERY_SCHEMAS['city-statistics'],
    CityStatisticsAnswerSchema,
  ),
  data(
    '/api/hourly-trends',
    'One row per city, clock and hour of the day.',
    RANGE,
    DATASET_QUERY_SCHEMAS['hourly-trends'],
    HourlyTrendsAnswerSchema,
  ),
  data(
    '/api/anomalies',
    'One row per flagged value and rule, newest first.',
    'What is unusual is judged over the whole table; `from` and `to` select among the rows. Cities with fewer than 11 values are named in `meta.not_enough_values`.',
    DATASET_QUERY_SCHEMAS.anomalies,
    AnomaliesAnswerSchema,
  ),
  data(
    '/api/temperature-chart',
    'The temperature as a figure for Plotly.',
    DEFAULT_RANGE,
    ChartQuerySchema,
    ChartAnswerSchema,
  ),
  data(
    '/api/humidity-chart',
    'The relative humidity as a figure for Plotly.',
    DEFAULT_RANGE,
    ChartQuerySchema,
    ChartAnswerSchema,
  ),
  data(
    '/api/series',
    'Any variables over time, sampled for drawing.',
    `${DEFAULT_RANGE} Where there are more observations than points, the lowest and the highest of each interval are kept; a gap is a null. Calm wind has no direction. \`meta.coverage_pct\` counts from the first observation of each city to its last.`,
    SeriesQuerySchema,
    SeriesAnswerSchema,
  ),
  data(
    '/api/climatology',
    'What is usual at each hour of the day in each month.',
    'Over all observations of the city: the middle eight tenths of the values and their median. A month and hour with fewer than 20 values has no row.',
    ClimatologyQuerySchema,
    ClimatologyAnswerSchema,
  ),
  data(
    '/api/hourly-means',
    'Means by day and hour of the day, as for a heat map.',
    `${DEFAULT_RANGE} Days and hours are those of the city’s clock.`,
    HourlyMeansQuerySchema,
    HourlyMeansAnswerSchema,
  ),
  data(
    '/api/wind-rose',
    'How often the wind came from where, and how strong.',
    `${DEFAULT_RANGE} Calm is a speed of 0, which has no direction; a wind without a direction that is not calm is left out.`,
    WindRoseQuerySchema,
    WindRoseAnswerSchema,
  ),
  data(
    '/api/raw-data',
    'One row per observation, newest first.',
    'The columns of the table. Paging by cursor neither repeats nor leaves out a row, whatever lands meanwhile.',
    RawDataQuerySchema,
    RawDataAnswerSchema,
  ),
  data(
    '/api/cities',
    'The cities, each with its newest observation.',
    'The newest observation comes from the table or, before it has landed, from the log.',
    CitiesQuerySchema,
    CitiesAnswerSchema,
  ),
  {
    method: 'GET',
    path: '/api/events',
    tag: 'live',
    summary: 'What happens, as it happens (server-sent events).',
    description:
      'Events: `observation` (from the log’s tail), `version` (fetch again), `status` (a room’s state changed), `reset` (missed events are no longer available: fetch everything again), `bye` (the server stops). The id is a position that every server of the same log understands.',
    query: EventsQuerySchema,
    answers: { 'text/event-stream': null },
    errors: ['PARAMETER_INVALID', 'CITY_UNKNOWN', 'BUSY', ...READING_ERRORS],
  },
  operation('GET', '/api/status', 'Every room’s state.', StatusAnswerSchema, []),
  operation('POST', '/api/pause', 'Stops polling.', ControlAnswerSchema, ['NOT_FOUND']),
  operation('POST', '/api/resume', 'Goes on polling.', ControlAnswerSchema, ['NOT_FOUND']),
  operation('POST', '/api/refresh', 'Lands what waits and computes anew.', ControlAnswerSchema, [
    'NOT_FOUND',
  ]),
  operation('GET', '/livez', 'Whether the process answers.', LiveSchema, []),
  operation('GET', '/readyz', 'Whether it can answer data; 503 if not.', HealthSchema, []),
  operation(
    'GET',
    '/healthz',
    'What is well and what is not; 503 when something fails.',
    HealthSchema,
    [],
  ),
  {
    ...page('/metrics', 'Metrics for Prometheus.', 'text/plain', 'operation'),
    errors: ['PARAMETER_INVALID'],
  },
  page('/', 'The dashboard.', 'text/html', 'pages'),
  page('/docs', 'This description for people.', 'text/html', 'pages'),
  page('/openapi.json', 'This description for programs (OpenAPI 3.1).', MEDIA_TYPES.json, 'pages'),
] as const satisfies readonly Route[];

export type RoutePath = (typeof ROUTES)[number]['path'];

function data<P extends string>(
  path: P,
  summary: string,
  description: string,
  query: TObject,
  schema: TSchema,
) {
  const { json, csv, parquet } = MEDIA_TYPES;
  const files = 'format' in query.properties ? { [csv]: null, [parquet]: null } : {};
  const answers: Record<string, TSchema | null> = { [json]: schema, ...files };
  return {
    method: 'GET',
    path,
    tag: 'data',
    summary,
    description,
    query,
    answers,
    errors: ['PARAMETER_INVALID', 'CITY_UNKNOWN', 'BUSY', 'QUERY_FAILED', ...READING_ERRORS],
  } as const;
}

function operation<P extends string>(
  method: 'GET' | 'POST',
  path: P,
  summary: string,
  schema: TSchema,
  errors: readonly ErrorCode[],
) {
  const answers: Record<string, TSchema | null> = { [MEDIA_TYPES.json]: schema };
  return {
    method,
    path,
    tag: 'operation',
    summary,
    description: '',
    query: NoQuerySchema,
    answers,
    errors: ['PARAMETER_INVALID', ...errors],
  } as const;
}

function page<P extends string>(path: P, summary: string, type: string, tag: Route['tag']) {
  const answers: Record<string, TSchema | null> = { [type]: null };
  return {
    method: 'GET',
    path,
    tag,
    summary,
    description: '',
    query: NoQuerySchema,
    answers,
    errors: [],
  } as const;
}
