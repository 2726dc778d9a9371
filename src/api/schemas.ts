/**
 * What the API answers, declared once: the TypeScript types, `/openapi.json`, `/docs` and
 * `docs/api.md` come from these schemas, and every answer is tested against its own.
 */
import { type Static, Type } from 'typebox';
import { FacetsSchema } from '../model/anomaly-facets.ts';
import { AnomalySchema, CityStatisticsSchema, HourlyTrendSchema } from '../model/datasets.ts';
import { CityForecastSchema } from '../model/forecast.ts';
import { RecentHourSchema } from '../model/hours.ts';
import { LiveStatisticsSchema, LiveTrendSchema } from '../model/live-statistics.ts';
import { AvailabilitySchema, OutageSchema } from '../model/outages.ts';
import { ExplanationSchema } from '../model/provenance.ts';
import { number, type Of, orNull, record, text, time, timeOrNull, whole } from '../model/schema.ts';
import { VARIABLE_NAMES, VARIABLES } from '../model/variables.ts';

/** How old, how complete, of which version: comes with every data answer. */
export const META = {
  source: Type.Array(Type.String(), {
    description: 'Where the observations come from: `openweathermap`, `simulator`, `import:…`.',
  }),
  simulated: Type.Boolean({ description: 'Whether the observations are made up.' }),
  observed_from: timeOrNull('Time of the oldest observation that the answer rests on.'),
  observed_to: timeOrNull('Time of the newest observation that the answer rests on.'),
  computed_at: timeOrNull('When the data was computed.'),
  age_s: number('Seconds since the newest observation of these cities in this version.'),
  stale: Type.Boolean({
    description: 'Whether that is longer than `api.stale_after_s`, or the last refresh failed.',
  }),
  reason: orNull(Type.String(), 'Why the data is empty, stale or not of the newest version.'),
  table_version: orNull(Type.Integer(), 'Version of the table; null before the first landing.'),
  analytics_version: orNull(
    Type.Integer(),
    'Version of the analytics; null before the first publication.',
  ),
  coverage_pct: number('Share of the expected observations that are there, %; null if not known.'),
  row_count: whole('Rows in this answer.'),
};

export const MetaSchema = record(META, 'How old, how complete, and of which version.');

export const nextCursor = orNull(
  Type.String(),
  'Give it as `cursor` to get the next page; null on the last one.',
);

export const PagedMetaSchema = record(
  { ...META, next_cursor: nextCursor },
  'As everywhere, and where the next page begins.',
);

const LiveMetaSchema = record(
  {
    ...PagedMetaSchema.properties,
    unpublished: record(
      {
        merged: whole('Observations that were merged into the published statistics.'),
        waiting: whole(
          'Observations that count once they were published: late ones, corrections, new cities.',
        ),
      },
      'What came since the publication.',
    ),
  },
  'As everywhere.',
);
export const AnomaliesMetaSchema = record(
  {
    ...META,
    next_cursor: nextCursor,
    not_enough_values: Type.Array(Type.String(), {
      description: 'Ids of the cities with too few values for the rule.',
    }),
    index_version: Type.Optional(
      orNull(
        Type.Integer(),
        'With `q`, `sort`, `facets` and the like: version of the analytics that the index answered from; null when the published rows answered.',
      ),
    ),
    facets: Type.Optional(FacetsSchema),
  },
  'As everywhere, and what the rule could not judge.',
);

export const CitiesMetaSchema = record(
  {
    ...META,
    next_cursor: nextCursor,
    oldest_observed_at: timeOrNull('Time of the oldest observation that there is of any city.'),
    position: text('Where the events stood: give it to `/api/events` as `since`.'),
  },
  'As everywhere, when all observations begin, and where the events stood.',
);

function measurement<N extends keyof typeof VARIABLES>(name: N) {
  return number(`${VARIABLES[name].label}, ${VARIABLES[name].unit}.`);
}

const MEASUREMENTS = {
  temperature_c: measurement('temperature_c'),
  feels_like_c: measurement('feels_like_c'),
  humidity_pct: measurement('humidity_pct'),
  pressure_hpa: measurement('pressure_hpa'),
  wind_speed_ms: measurement('wind_speed_ms'),
  wind_gust_ms: measurement('wind_gust_ms'),
  wind_direction_deg: measurement('wind_direction_deg'),
  cloud_cover_pct: measurement('cloud_cover_pct'),
  visibility_m: measurement('visibility_m'),
  rain_1h_mm: measurement('rain_1h_mm'),
  snow_1h_mm: measurement('snow_1h_mm'),
  condition_id: orNull(Type.Integer(), 'OpenWeatherMap’s condition code.'),
  condition: orNull(Type.String(), 'Its description.'),
};

const OBSERVED = {
  observed_at: time('The provider’s own time of the observation.'),
  collected_at: time('When the answer came.'),
  source: text('Where it comes from.'),
};

const TRACE = {
  trace_id: Type.String({
    pattern: '^[0-9a-f]{32}$',
    description:
      'W3C trace id of the provider’s call, the same in logs, events and exported spans; made from ' +
      '`city_id`, `collected_at` and the numbers of the import.',
  }),
};

export const ObservationRowSchema = record(
  {
    city_id: text('Identity of the city.'),
    city: text('Name of the city.'),
    country: text('Country of the city.'),
    ...OBSERVED,
    interval_s: orNull(Type.Integer(), 'Expected seconds between two observations of the source.'),
    hour_utc: orNull(Type.Integer(), 'Hour of the day in UTC.'),
    hour_local: orNull(Type.Integer(), 'Hour of the day on the city’s clock.'),
    ...MEASUREMENTS,
    utc_offset_s: orNull(Type.Integer(), 'Seconds to add to UTC for the city’s clock.'),
    provider_city_id: orNull(Type.Integer(), 'The provider’s number of the city; no identity.'),
    log_id: text('Identity of the log.'),
    log_partition: whole('Partition of the log.'),
    log_offset: whole('Offset in the partition.'),
    import_id: orNull(Type.Integer(), 'Number of the import; null for live data.'),
    import_row: orNull(Type.Integer(), 'Number of the record in its import.'),
    rejected_fields: orNull(
      Type.String(),
      'JSON list of the fields that were not used: field, value, reason.',
    ),
    response: orNull(Type.String(), 'The provider’s answer as it came.'),
  },
  'One row per observation: the columns of the table.',
);

export const RawDataRowSchema = record(
  { ...ObservationRowSchema.properties, ...TRACE },
  'One row per observation, newest first: the columns of the table and its trace.',
);

export const LatestObservationSchema = record(
  {
    ...OBSERVED,
    interval_s: orNull(Type.Integer(), 'Expected seconds between two observations of the source.'),
    utc_offset_s: orNull(Type.Integer(), 'Seconds to add to UTC for the city’s clock.'),
    age_s: Type.Number({ description: 'Seconds since `observed_at` when the data was made.' }),
    landed: Type.Boolean({ description: 'Whether the table has it already, or only the log.' }),
    version: text(
      'Of two reports of one observation the one whose version sorts higher, by characters, counts.',
    ),
    ...MEASUREMENTS,
    ...TRACE,
  },
  'Newest observation of one city.',
);

export const CityEntrySchema = record(
  {
    city_id: text('Identity of the city.'),
    name: text('Name of the city.'),
    country: text('Country of the city, empty when unknown.'),
    latitude: number('Degrees north; null when not known.'),
    longitude: number('Degrees east; null when not known.'),
    time_zone: orNull(Type.String(), 'IANA time zone; null when not known.'),
    elevation_m: number('Metres above sea level; null when not known.'),
    latest: Type.Union([LatestObservationSchema, Type.Null()], {
      description: 'Its newest observation, null before the first.',
    }),
  },
  'One entry per city.',
);

export const SeriesSchema = record(
  {
    city_id: text('Identity of the city.'),
    city: text('Name of the city.'),
    time_zone: orNull(Type.String(), 'IANA time zone of the city.'),
    variable: Type.Enum([...VARIABLE_NAMES], { description: 'Name of the variable.' }),
    unit: text('Unit of the values.'),
    interval_s: orNull(Type.Integer(), 'Expected seconds between two observations.'),
    sampled: Type.Boolean({
      description: 'Whether there were more observations than points: lowest and highest are kept.',
    }),
    observed_at: Type.Array(Type.String({ format: 'date-time' }), {
      description: 'Times, ascending.',
    }),
    values: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
      description: 'Value at each of these times; null in a gap.',
    }),
  },
  'One entry per city and variable.',
);

export const ForecastMetaSchema = record(
  {
    ...META,
    cities_ready: whole('Cities whose history has been learned, of all that are forecast.'),
    cities_learning: whole('Cities whose history is still to be learned.'),
  },
  'As everywhere; `age_s` is that of the newest of these forecasts.',
);

export const ForecastSchema = record(
  {
    ...CityForecastSchema.properties,
    city: text('Name of the city.'),
    time_zone: orNull(Type.String(), 'IANA time zone of the city.'),
    unit: text('Unit of the values.'),
    valid_at: Type.Array(Type.String({ format: 'date-time' }), {
      description: 'The hours that are forecast.',
    }),
    note: orNull(Type.String(), 'What to know of this forecast, such as `learning: 9 of 28 days`.'),
  },
  'One entry per city and variable.',
);

export const ClimatologySchema = record(
  {
    city_id: text('Identity of the city.'),
    variable: Type.Enum([...VARIABLE_NAMES], { description: 'Name of the variable.' }),
    unit: text('Unit of the values.'),
    month: Type.Integer({ minimum: 1, maximum: 12, description: 'Month on the city’s clock.' }),
    hour: Type.Integer({ minimum: 0, maximum: 23, description: 'Hour on the city’s clock.' }),
    observation_count: whole('Number of values.'),
    year_count: whole('Number of years that they come from.'),
    low: Type.Number({ description: 'A tenth of the values lie below.' }),
    median: Type.Number({ description: 'Half of the values lie below.' }),
    high: Type.Number({ description: 'A tenth of the values lie above.' }),
  },
  'One row per city, month and hour of the day.',
);

export const HourlyMeanSchema = record(
  {
    city_id: text('Identity of the city.'),
    variable: Type.Enum([...VARIABLE_NAMES], { description: 'Name of the variable.' }),
    unit: text('Unit of the values.'),
    period_start: Type.String({
      format: 'date',
      description: 'First day of the period, on the city’s clock.',
    }),
    hour: Type.Integer({ minimum: 0, maximum: 23, description: 'Hour on the city’s clock.' }),
    observation_count: whole('Number of values.'),
    mean: Type.Number({ description: 'Mean of the values.' }),
  },
  'One row per city, period and hour of the day.',
);

export const WindSectorSchema = record(
  {
    city_id: text('Identity of the city.'),
    direction_deg: number('Middle of the sector that the wind comes from, °; null when calm.'),
    speed_from_ms: Type.Number({ description: 'Lowest speed of the class, m/s.' }),
    speed_to_ms: number('Speed that the class stays below, m/s; 0 when calm, null for none.'),
    observation_count: whole('Number of observations.'),
    share_pct: Type.Number({ description: 'Share of the city’s observations, %.' }),
  },
  'One row per city, sector of 22.5° and class of speed.',
);

export const TraceSchema = record(
  {
    type: Type.Literal('scatter'),
    mode: Type.Enum(['lines', 'lines+markers']),
    name: text('Name of the city.'),
    x: Type.Array(Type.String({ format: 'date-time' })),
    y: Type.Array(Type.Union([Type.Number(), Type.Null()])),
    connectgaps: Type.Literal(false),
    hovertemplate: Type.String(),
    line: Type.Object({ dash: Type.String(), width: Type.Number() }),
    meta: record({ city_id: Type.String() }, 'Which city it is.'),
  },
  'One trace per city, a gap as a point without a value.',
);

const title = Type.Object({ text: Type.String() });

export const LayoutSchema = Type.Object(
  {
    title,
    xaxis: Type.Object({
      type: Type.Literal('date'),
      title,
      range: Type.Optional(
        Type.Array(Type.String({ format: 'date-time' }), { minItems: 2, maxItems: 2 }),
      ),
    }),
    yaxis: Type.Object({ title, rangemode: Type.Optional(Type.String()) }),
    hovermode: Type.String(),
    showlegend: Type.Boolean(),
  },
  { description: 'Layout for Plotly, without colours and fonts.' },
);

export function answer<M extends Type.TSchema, D extends Type.TSchema>(meta: M, data: D) {
  return record({ meta, data }, 'What was asked for, and how good it is.');
}

export const CityStatisticsAnswerSchema = answer(PagedMetaSchema, Type.Array(CityStatisticsSchema));
export const LiveStatisticsAnswerSchema = answer(LiveMetaSchema, Type.Array(LiveStatisticsSchema));
export const LiveTrendsAnswerSchema = answer(LiveMetaSchema, Type.Array(LiveTrendSchema));
export const HourlyTrendsAnswerSchema = answer(PagedMetaSchema, Type.Array(HourlyTrendSchema));
export const AnomaliesAnswerSchema = answer(AnomaliesMetaSchema, Type.Array(AnomalySchema));
export const RawDataAnswerSchema = answer(PagedMetaSchema, Type.Array(RawDataRowSchema));
export const CitiesAnswerSchema = answer(CitiesMetaSchema, Type.Array(CityEntrySchema));
export const SeriesAnswerSchema = answer(MetaSchema, Type.Array(SeriesSchema));
export const ClimatologyAnswerSchema = answer(MetaSchema, Type.Array(ClimatologySchema));
export const ForecastAnswerSchema = answer(ForecastMetaSchema, Type.Array(ForecastSchema));
export const RecentHoursAnswerSchema = answer(MetaSchema, Type.Array(RecentHourSchema));
export const HourlyMeansAnswerSchema = answer(MetaSchema, Type.Array(HourlyMeanSchema));
export const WindRoseAnswerSchema = answer(MetaSchema, Type.Array(WindSectorSchema));
export const OutagesAnswerSchema = answer(PagedMetaSchema, Type.Array(OutageSchema));
export const AvailabilityAnswerSchema = answer(MetaSchema, Type.Array(AvailabilitySchema));
export const ExplainAnswerSchema = record(
  {
    meta: record({ answered_at: time('The server’s clock.') }, 'About the answer.'),
    data: ExplanationSchema,
  },
  'What is behind a number.',
);
export const ChartAnswerSchema = record(
  { meta: MetaSchema, data: Type.Array(TraceSchema), layout: LayoutSchema },
  'A figure for Plotly.',
);

export const ProblemSchema = record(
  {
    type: text('Address that names the kind of error.'),
    title: text('What is wrong in general.'),
    status: whole('HTTP status.'),
    detail: text('What is wrong here.'),
    code: text('Stable name of the error, see docs/errors.md.'),
    instance: text('Path that was asked for.'),
    remedy: text('What to do.'),
    field: Type.Optional(text('The parameter that is wrong.')),
  },
  'An error (application/problem+json).',
);

export type Meta = Static<typeof MetaSchema>;
export type ObservationRow = Static<typeof ObservationRowSchema>;
export type RawDataRow = Static<typeof RawDataRowSchema>;
export type LatestObservation = Static<typeof LatestObservationSchema>;
export type CityEntry = Static<typeof CityEntrySchema>;
export type Series = Static<typeof SeriesSchema>;
export type Forecast = Static<typeof ForecastSchema>;
export type ForecastAnswer = Static<typeof ForecastAnswerSchema>;
export type Climatology = Static<typeof ClimatologySchema>;
export type HourlyMean = Static<typeof HourlyMeanSchema>;
export type WindSector = Static<typeof WindSectorSchema>;
export type Trace = Static<typeof TraceSchema>;
export type Layout = Static<typeof LayoutSchema>;
export type CityStatisticsAnswer = Static<typeof CityStatisticsAnswerSchema>;
export type HourlyTrendsAnswer = Static<typeof HourlyTrendsAnswerSchema>;
export type AnomaliesAnswer = Static<typeof AnomaliesAnswerSchema>;
export type RawDataAnswer = Static<typeof RawDataAnswerSchema>;
export type CitiesAnswer = Static<typeof CitiesAnswerSchema>;
export type SeriesAnswer = Static<typeof SeriesAnswerSchema>;
export type ClimatologyAnswer = Static<typeof ClimatologyAnswerSchema>;
export type HourlyMeansAnswer = Static<typeof HourlyMeansAnswerSchema>;
export type WindRoseAnswer = Static<typeof WindRoseAnswerSchema>;
export type OutagesAnswer = Static<typeof OutagesAnswerSchema>;
export type AvailabilityAnswer = Static<typeof AvailabilityAnswerSchema>;
export type ExplainAnswer = Of<typeof ExplainAnswerSchema>;
export type ChartAnswer = Static<typeof ChartAnswerSchema>;
export type Problem = Static<typeof ProblemSchema>;
