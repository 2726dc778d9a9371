/** The addresses of days, months, what is usual and records, for the table of routes. */
import { data } from './route-kinds.ts';
import {
  ClimateNormalsAnswerSchema,
  DailySummariesAnswerSchema,
  MonthlySummariesAnswerSchema,
  RecordsAnswerSchema,
  SUMMARY_QUERY_SCHEMAS,
} from './summary-schemas.ts';

const PUBLISHED =
  'From the published version; definitions and their sources are in docs/climate.md.';

export const SUMMARY_ROUTES = [
  data(
    '/api/daily-summaries',
    'One row per city and day: means, extremes with their times, sums, kinds of days.',
    `${PUBLISHED} A day of which too little was observed is there, with its coverage; what cannot be said of it is null.`,
    SUMMARY_QUERY_SCHEMAS['daily-summaries'],
    DailySummariesAnswerSchema,
  ),
  data(
    '/api/monthly-summaries',
    'One row per city and month: means of days, extremes with their times, sums, counts of days.',
    `${PUBLISHED} \`is_full\` says whether enough days are complete; the month that has begun is among the rows.`,
    SUMMARY_QUERY_SCHEMAS['monthly-summaries'],
    MonthlySummariesAnswerSchema,
  ),
  data(
    '/api/climate-normals',
    'One row per city and month of the year: means of the years that there are.',
    `${PUBLISHED} \`basis\` says whether these are enough for a normal in the sense of WMO: 30 years.`,
    SUMMARY_QUERY_SCHEMAS['climate-normals'],
    ClimateNormalsAnswerSchema,
  ),
  data(
    '/api/records',
    'One row per city, variable and month of the year: the highest and the lowest value, and when.',
    `${PUBLISHED} Values are as they were observed: a broken sensor sets records, too.`,
    SUMMARY_QUERY_SCHEMAS.records,
    RecordsAnswerSchema,
  ),
] as const;
