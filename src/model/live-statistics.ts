/** Statistics and trends that are ahead of those that were published: rows of the API. */
import { CityStatisticsSchema, HourlyTrendSchema } from './datasets.ts';
import { type Of, record, whole } from './schema.ts';

const unpublished_count = whole('Observations among them that the published row lacks.');

export const LiveStatisticsSchema = record(
  { ...CityStatisticsSchema.properties, unpublished_count },
  'One row per city.',
);

export const LiveTrendSchema = record(
  { ...HourlyTrendSchema.properties, unpublished_count },
  'One row per city, clock and hour of the day.',
);

export type LiveStatistics = Of<typeof LiveStatisticsSchema>;
export type LiveTrend = Of<typeof LiveTrendSchema>;
