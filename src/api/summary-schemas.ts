/** What the addresses of days, months, what is usual, records and spells are asked and answer. */
import { type Static, Type } from 'typebox';
import { DAY_LIMITS } from '../model/climate.ts';
import {
  ClimateNormalSchema,
  DailySummarySchema,
  MonthlySummarySchema,
  RecordSchema,
} from '../model/climate-datasets.ts';
import { GrowingSeasonSchema, HeatWaveSchema } from '../model/climate-spells.ts';
import { record } from '../model/schema.ts';
import { city, cursor, excel, format, limit, parameters } from './query-schemas.ts';
import { PagedMetaSchema } from './schemas.ts';

const date = (what: string) =>
  Type.Optional(
    Type.String({
      format: 'date',
      pattern: '^[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$',
      title: 'a date such as 2024-10-31',
      description: `${what} (of the city’s clock, such as 2024-10-31).`,
    }),
  );

/** What their cursors consist of: the key of a row. Dates and months are written as names are. */
export const SUMMARY_CURSORS = {
  'daily-summaries': ['string', 'string'],
  'monthly-summaries': ['string', 'string'],
  'climate-normals': ['string', 'number'],
  records: ['string', 'string', 'number'],
} as const;

const rest = { limit: limit(10_000, 50_000), format, excel };

export const SUMMARY_QUERY_SCHEMAS = {
  'daily-summaries': parameters({
    city: city(200),
    from: date('First day'),
    to: date('Day before which they end'),
    cursor: cursor(SUMMARY_CURSORS['daily-summaries']),
    ...rest,
  }),
  'monthly-summaries': parameters({
    city: city(200),
    from: date('Only months that begin on this day or later'),
    to: date('Only months that begin before this day'),
    cursor: cursor(SUMMARY_CURSORS['monthly-summaries']),
    ...rest,
  }),
  'climate-normals': parameters({
    city: city(200),
    cursor: cursor(SUMMARY_CURSORS['climate-normals']),
    ...rest,
  }),
  records: parameters({ city: city(200), cursor: cursor(SUMMARY_CURSORS.records), ...rest }),
};

/** The key of a row, as above. */
export const SPELL_CURSORS = {
  'heat-waves': ['string', 'string'],
  'growing-seasons': ['string', 'number'],
} as const;

const fewer = { limit: limit(1_000, 10_000), format, excel };

export const SPELL_QUERY_SCHEMAS = {
  'heat-waves': parameters({
    city: city(200),
    from: date('Only heat waves that end on this day or later'),
    to: date('Only heat waves that begin before this day'),
    least_c: Type.Number({
      minimum: 15,
      maximum: 60,
      default: DAY_LIMITS.hot_least_c,
      description: 'What the highest temperature of each day has to reach, °C.',
    }),
    cursor: cursor(SPELL_CURSORS['heat-waves']),
    ...fewer,
  }),
  'growing-seasons': parameters({
    city: city(200),
    from: date('Only years that begin on this day or later'),
    to: date('Only years that begin before this day'),
    cursor: cursor(SPELL_CURSORS['growing-seasons']),
    ...fewer,
  }),
};

export type HeatWavesQuery = Static<(typeof SPELL_QUERY_SCHEMAS)['heat-waves']>;
export type GrowingSeasonsQuery = Static<(typeof SPELL_QUERY_SCHEMAS)['growing-seasons']>;

export type SummaryQuery = Static<(typeof SUMMARY_QUERY_SCHEMAS)['daily-summaries']>;

const ANSWER = 'What was asked for, and how good it is.';

export const DailySummariesAnswerSchema = record(
  { meta: PagedMetaSchema, data: Type.Array(DailySummarySchema) },
  ANSWER,
);
export const MonthlySummariesAnswerSchema = record(
  { meta: PagedMetaSchema, data: Type.Array(MonthlySummarySchema) },
  ANSWER,
);
export const ClimateNormalsAnswerSchema = record(
  { meta: PagedMetaSchema, data: Type.Array(ClimateNormalSchema) },
  ANSWER,
);
export const RecordsAnswerSchema = record(
  { meta: PagedMetaSchema, data: Type.Array(RecordSchema) },
  ANSWER,
);
export const HeatWavesAnswerSchema = record(
  { meta: PagedMetaSchema, data: Type.Array(HeatWaveSchema) },
  ANSWER,
);
export const GrowingSeasonsAnswerSchema = record(
  { meta: PagedMetaSchema, data: Type.Array(GrowingSeasonSchema) },
  ANSWER,
);

export type DailySummariesAnswer = Static<typeof DailySummariesAnswerSchema>;
export type MonthlySummariesAnswer = Static<typeof MonthlySummariesAnswerSchema>;
export type ClimateNormalsAnswer = Static<typeof ClimateNormalsAnswerSchema>;
export type RecordsAnswer = Static<typeof RecordsAnswerSchema>;
