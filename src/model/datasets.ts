/** The datasets' rows: the same names in the files, the API and the page. Times are ISO 8601, UTC. */
import { Type } from 'typebox';
import type { CoveredValue } from './coverage.ts';
import { number, type Of, record, text, time, timeOrNull, whole } from './schema.ts';

export const DATASETS = ['city_statistics', 'hourly_trends', 'anomalies'] as const;
export type Dataset = (typeof DATASETS)[number];

export const CityStatisticsSchema = record(
  {
    city_id: text('Identity of the city.'),
    city: text('Name of the city.'),
    country: text('Country of the city, empty when unknown.'),
    observation_count: whole('Number of observations.'),
    temperature_c_mean: number('Mean temperature, °C.'),
    temperature_c_min: number('Lowest temperature, °C.'),
    temperature_c_min_at: timeOrNull('When it was lowest for the first time.'),
    temperature_c_max: number('Highest temperature, °C.'),
    temperature_c_max_at: timeOrNull('When it was highest for the first time.'),
    temperature_c_stddev: number('Sample deviation of the temperature, °C; null below two values.'),
    humidity_pct_mean: number('Mean relative humidity, %.'),
    first_observed_at: time('Time of the oldest observation.'),
    last_observed_at: time('Time of the newest observation.'),
    coverage_pct: Type.Number({
      description: 'Share of the expected observations, first to last, that hold any value, %.',
    }),
    temperature_c_coverage_pct: number('The same for temperatures; null if not known.'),
    humidity_pct_coverage_pct: number('The same for humidities; null if not known.'),
  },
  'One row per city.',
);

/** Rows of hourly_trends that a city has at most: two clocks of 24 hours. */
export const HOURS_OF_A_CITY = 48;

export const HourlyTrendSchema = record(
  {
    city_id: text('Identity of the city.'),
    city: text('Name of the city.'),
    clock: Type.Enum(['utc', 'local'], { description: 'Whose clock `hour` is read from.' }),
    hour: Type.Integer({ minimum: 0, maximum: 23, description: 'Hour of the day.' }),
    observation_count: whole('Number of observations.'),
    temperature_c_mean: number('Mean temperature, °C.'),
    humidity_pct_mean: number('Mean relative humidity, %.'),
    wind_speed_ms_mean: number('Mean wind speed, m/s.'),
    wind_direction_deg_mean: number('Where the wind comes from, °: the mean of unit vectors.'),
  },
  'One row per city, clock and hour of the day.',
);

export const AnomalySchema = record(
  {
    city_id: text('Identity of the city.'),
    city: text('Name of the city.'),
    observed_at: time('Time of the observation.'),
    variable: text('Name of the variable.'),
    value: Type.Number({ description: 'Observed value.' }),
    expected: Type.Number({ description: 'What the rule expected.' }),
    score: Type.Number({ description: 'Deviations from the expected value, signed.' }),
    threshold: Type.Number({ description: 'Deviations from which a value is flagged.' }),
    rule: Type.Enum(['three_sigma'], { description: 'Name of the rule.' }),
    observation_count: whole('Number of values that the rule looked at.'),
    reason: text('One sentence that a layman understands.'),
  },
  'One row per flagged value and rule.',
);

/**
 * What the next observation of a city is merged into: in the files and not in the API; publications of
 * earlier versions do not have it.
 */
export const CityStatisticsSumsSchema = record(
  {
    temperature_c_count: whole('Number of temperatures.'),
    humidity_pct_count: whole('Number of humidities.'),
    held_s: Type.Number({ description: 'Expected seconds that hold a value.' }),
    expected_s: Type.Number({ description: 'Expected seconds, first to last.' }),
    first_interval_s: whole('Interval of the source of the oldest observation, seconds.'),
    last_interval_s: whole('Interval of the source of the newest observation, seconds.'),
    ...sumsOf('value', 'any value'),
    ...sumsOf('temperature_c', 'a temperature'),
    ...sumsOf('humidity_pct', 'a humidity'),
  },
  'The sums behind a row of city_statistics.',
);

/** The same of the hours of the day. */
export const HourlyTrendSumsSchema = record(
  {
    temperature_c_count: whole('Number of temperatures.'),
    humidity_pct_count: whole('Number of humidities.'),
    wind_speed_ms_count: whole('Number of wind speeds.'),
    wind_direction_deg_count: whole('Number of wind directions.'),
    wind_direction_sin: Type.Number({ description: 'Sum of the sines of the directions.' }),
    wind_direction_cos: Type.Number({ description: 'Sum of the cosines of the directions.' }),
  },
  'The sums behind a row of hourly_trends.',
);

export type CityStatistics = Of<typeof CityStatisticsSchema> &
  Partial<Of<typeof CityStatisticsSumsSchema>>;
export type HourlyTrend = Of<typeof HourlyTrendSchema> & Partial<Of<typeof HourlyTrendSumsSchema>>;
export type Anomaly = Of<typeof AnomalySchema>;

/** Of the coverage of `value`; null where it was never held. */
function sumsOf<V extends CoveredValue>(value: V, held: string) {
  const seconds = (description: string) => number(`${description}; null if it was never held.`);
  const sums = {
    last_s: seconds(`When ${held} was held last, seconds since 1970`),
    interval_s: seconds('Interval of the source of that observation, seconds'),
    missing_before_s: seconds(`Expected seconds before the first one that holds ${held}`),
    missing_s_0: seconds(`Seconds that lack ${held} in between, by distance`),
    missing_s_1: seconds(`Seconds that lack ${held} in between, by slots`),
  };
  const named = Object.entries(sums).map(([name, schema]) => [`${value}_${name}`, schema]);
  return Object.fromEntries(named) as {
    [N in keyof typeof sums & string as `${V}_${N}`]: (typeof sums)[N];
  };
}
