/** The addresses of days, months, what is usual and records, and of spells, for the table of routes. */
import { data } from './route-kinds.ts';
import {
  ClimateNormalsAnswerSchema,
  DailySummariesAnswerSchema,
  GrowingSeasonsAnswerSchema,
  HeatWavesAnswerSchema,
  MonthlySummariesAnswerSchema,
  RecordsAnswerSchema,
  SPELL_QUERY_SCHEMAS,
  SUMMARY_QUERY_SCHEMAS,
} from './summary-schemas.ts';

const PUBLISHED =
  'From the published version; definitions and their sources are in docs/climate.md.';
const SHORT =
  'A page ends after a million days were read, with fewer rows than `limit` or none; `meta.next_cursor` goes on.';

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
    `${PUBLISHED} Values that failed quality control are left out.`,
    SUMMARY_QUERY_SCHEMAS.records,
    RecordsAnswerSchema,
  ),
  data(
    '/api/heat-waves',
    'One row per city and heat wave: from when to when, how many days, and how hot.',
    `${PUBLISHED} Three hot days or more in a row; a day that is missing ends one. Those that reach into the range are given whole, with their days outside of it. ${SHORT}`,
    SPELL_QUERY_SCHEMAS['heat-waves'],
    HeatWavesAnswerSchema,
  ),
  data(
    '/api/growing-seasons',
    'One row per city and year: the growing season.',
    `${PUBLISHED} South of the equator a year is from July on. \`hemisphere\` says which rule was used, and is null for a city whose coordinates are not known; the season is null there, and where fewer than 90 % of the days are complete. ${SHORT}`,
    SPELL_QUERY_SCHEMAS['growing-seasons'],
    GrowingSeasonsAnswerSchema,
  ),
] as const;
