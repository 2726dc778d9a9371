/** The addresses that answer data. */

import {
  AnomalyEventsAnswerSchema,
  QualityFlagsAnswerSchema,
  StationDriftAnswerSchema,
} from './quality-schemas.ts';
import {
  AnomalyEventsQuerySchema,
  AvailabilityQuerySchema,
  ChartQuerySchema,
  CitiesQuerySchema,
  ClimatologyQuerySchema,
  DATASET_QUERY_SCHEMAS,
  ForecastQuerySchema,
  HourlyMeansQuerySchema,
  LIVE_QUERY_SCHEMAS,
  OutagesQuerySchema,
  QualityFlagsQuerySchema,
  RawDataQuerySchema,
  RecentHoursQuerySchema,
  SeriesQuerySchema,
  StationDriftQuerySchema,
  WindRoseQuerySchema,
} from './query-schemas.ts';
import { data } from './route-kinds.ts';
import {
  AnomaliesAnswerSchema,
  AvailabilityAnswerSchema,
  ChartAnswerSchema,
  CitiesAnswerSchema,
  CityStatisticsAnswerSchema,
  ClimatologyAnswerSchema,
  ForecastAnswerSchema,
  HourlyMeansAnswerSchema,
  HourlyTrendsAnswerSchema,
  LiveStatisticsAnswerSchema,
  LiveTrendsAnswerSchema,
  OutagesAnswerSchema,
  RawDataAnswerSchema,
  RecentHoursAnswerSchema,
  SeriesAnswerSchema,
  WindRoseAnswerSchema,
} from './schemas.ts';
import { SUMMARY_ROUTES } from './summary-routes.ts';

const RANGE =
  'With `from` or `to` the observations of that time are selected and the rows computed anew; without them the published version answers.';
const DEFAULT_RANGE = 'Without `from` and `to` the last 7 days up to the newest observation.';

const LAST_90_DAYS = 'Without `from` and `to` the last 90 days.';

export const DATA_ROUTES = [
  data(
    '/api/city-statistics',
    'One row per city.',
    RANGE,
    DATASET_QUERY_SCHEMAS['city-statistics'],
    CityStatisticsAnswerSchema,
  ),
  data(
    '/api/live-statistics',
    'Statistics of each city with the observations that have not been published yet.',
    'The published statistics, and merged into them what lies in the log and is newer than all of its city: `meta.unpublished` counts both, `reason` says why nothing was merged. Equal to what is published once it has landed; that is checked with each publication that follows.',
    LIVE_QUERY_SCHEMAS['live-statistics'],
    LiveStatisticsAnswerSchema,
  ),
  data(
    '/api/hourly-trends',
    'One row per city, clock and hour of the day.',
    RANGE,
    DATASET_QUERY_SCHEMAS['hourly-trends'],
    HourlyTrendsAnswerSchema,
  ),
  data(
    '/api/live-trends',
    'The hours of the day with the observations that have not been published yet.',
    'The published rows of `/api/hourly-trends`, with what lies in the log merged into them, as in `/api/live-statistics`.',
    LIVE_QUERY_SCHEMAS['live-trends'],
    LiveTrendsAnswerSchema,
  ),
  data(
    '/api/anomalies',
    'One row per flagged value and rule, newest first.',
    'What is unusual is judged over the whole table; `from` and `to` select among the rows. `q`, `variable`, `rule`, `min_score`, `max_score`, `sort`, `order` and `facets` are answered by an index of the newest version; where it is behind or away, `meta.index_version` and `meta.reason` say so. Cities with fewer than 11 values are named in `meta.not_enough_values`.',
    DATASET_QUERY_SCHEMAS.anomalies,
    AnomaliesAnswerSchema,
    ['INDEX_UNAVAILABLE', 'INDEX_REFUSED', 'CURSOR_MISMATCH'],
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
    '/api/recent-hours',
    'What the last hours come to so far, by city and hour (UTC).',
    'From the table; with the setting streaming.enabled, hours of which not everything has landed yet come from the stream.',
    RecentHoursQuerySchema,
    RecentHoursAnswerSchema,
  ),
  data(
    '/api/forecast',
    'The next 48 hours, and how good such forecasts were.',
    'The newest forecast of each city: the median and the middle eight tenths, by the model whose errors of the last weeks are the smallest at each horizon. `skill` has the errors of the last 30 days beside those of persistence; a file has one row per city, variable and hour. Wind direction and rain are not forecast.',
    ForecastQuerySchema,
    ForecastAnswerSchema,
  ),
  data(
    '/api/wind-rose',
    'How often the wind came from where, and how strong.',
    `${DEFAULT_RANGE} Calm is a speed of 0, which has no direction; a wind without a direction that is not calm is left out.`,
    WindRoseQuerySchema,
    WindRoseAnswerSchema,
  ),
  ...SUMMARY_ROUTES,
  data(
    '/api/outages',
    'When cities were silent, and why, newest first.',
    `${LAST_90_DAYS} A city is silent from when an observation was due until the next one; a distance of one and a half intervals or more lacks one. What still lasts is listed once the city is late. Neighbours are looked for up to 35 days before and after the range.`,
    OutagesQuerySchema,
    OutagesAnswerSchema,
  ),
  data(
    '/api/availability',
    'How much of what was expected arrived, by day, month or year.',
    `${LAST_90_DAYS} Days are those of UTC; of a long time the last 50,000 rows are given. \`station_pct\` leaves out what was missed while isobar did not ask or could not reach the provider.`,
    AvailabilityQuerySchema,
    AvailabilityAnswerSchema,
  ),
  data(
    '/api/anomaly-events',
    'When the weather was unusual for season and hour, newest first.',
    'One row per run of values that the rule `seasonal` flags, with its peak and its likely cause. Months are judged once their values are checked, the newest first; events are cut where a month (UTC) ends.',
    AnomalyEventsQuerySchema,
    AnomalyEventsAnswerSchema,
  ),
  data(
    '/api/station-drift',
    'How far stations are from what their neighbours make likely, day by day.',
    'Newest days first, for stations with at least five neighbours within 300 km: the median difference of a day (UTC), by distance and height. A difference that grows over weeks is a sensor that drifts; one that stays may be its place.',
    StationDriftQuerySchema,
    StationDriftAnswerSchema,
  ),
  data(
    '/api/quality-flags',
    'Values that failed quality control or are suspect, newest first.',
    'One row per test’s verdict on one value. Values that failed are left out of statistics; nothing is deleted. New values are checked every `analytics.quality_interval_s`.',
    QualityFlagsQuerySchema,
    QualityFlagsAnswerSchema,
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
] as const;
