/**
 * Rows of days, months, what is usual and records: the same names in files, API and page. Days,
 * months and years are those of the city's clock.
 */
import { Type } from 'typebox';
import {
  DAY_COVERAGE_LEAST_PCT,
  DAY_LIMITS,
  MONTH_MISSING_MOST,
  NORMAL_YEARS,
  RAIN_COVERAGE_LEAST_PCT,
} from './climate.ts';
import { number, type Of, orNull, record, text, timeOrNull, whole } from './schema.ts';

export const CLIMATE_DATASETS = [
  'daily_summaries',
  'monthly_summaries',
  'climate_normals',
  'records',
] as const;
export type ClimateDataset = (typeof CLIMATE_DATASETS)[number];

export function isClimateDataset(name: string): name is ClimateDataset {
  return (CLIMATE_DATASETS as readonly string[]).includes(name);
}

const CITY = { city_id: text('Identity of the city.'), city: text('Name of the city.') };
const flag = (description: string) => orNull(Type.Boolean(), description);
const { frost_below_c, summer_least_c, hot_least_c, tropical_least_c, wet_least_mm } = DAY_LIMITS;
const BASE = `${DAY_LIMITS.degree_day_base_c} °C`;

/** Of a day and of a month alike. */
const EXTREMES = {
  temperature_c_min: number('Lowest temperature, °C.'),
  temperature_c_min_at: timeOrNull('When it was lowest for the first time.'),
  temperature_c_max: number('Highest temperature, °C.'),
  temperature_c_max_at: timeOrNull('When it was highest for the first time.'),
};
const PRESSURES = {
  pressure_hpa_mean: number('Mean pressure, hPa.'),
  pressure_hpa_min: number('Lowest pressure, hPa.'),
  pressure_hpa_max: number('Highest pressure, hPa.'),
};
const WINDS = {
  wind_speed_ms_mean: number('Mean wind speed, m/s.'),
  wind_speed_ms_max: number('Highest wind speed, m/s.'),
  wind_gust_ms_max: number('Highest gust, m/s.'),
  wind_gust_ms_max_at: timeOrNull('When it was highest for the first time.'),
};
const FALLEN = {
  rain_mm: number(
    'Rain, mm: each value counts for the hour before it, at most for the interval of its source. Null without any value.',
  ),
  rain_reported_s: number(
    'Seconds that these values stand for; what is missing may have been dry.',
  ),
  snow_mm: number('Snow, mm, counted as rain.'),
  snow_reported_s: number('Seconds that these values stand for.'),
};

export const DailySummarySchema = record(
  {
    ...CITY,
    date: text('Day of the city’s clock, such as 2024-10-31.'),
    clock: Type.Enum(['local', 'utc', 'mixed'], {
      description:
        'Whose day it is: that of the city, that of UTC where no observation says what the city’s clock says, or both.',
    }),
    observation_count: whole('Number of observations.'),
    coverage_pct: Type.Number({
      description: 'Share of the day’s 24 hours that hold a temperature, %.',
    }),
    temperature_c_mean: number('Mean of the observed temperatures, °C.'),
    ...EXTREMES,
    temperature_c_stddev: number('Sample deviation of the temperature, °C; null below two values.'),
    temperature_c_first: number('First temperature of the day, °C.'),
    temperature_c_last: number('Last temperature of the day, °C.'),
    humidity_pct_mean: number('Mean relative humidity, %.'),
    humidity_pct_min: number('Lowest relative humidity, %.'),
    humidity_pct_max: number('Highest relative humidity, %.'),
    ...PRESSURES,
    ...WINDS,
    wind_direction_deg_mean: number(
      'Where the wind came from, °: the mean of unit vectors, calm left out.',
    ),
    ...FALLEN,
    heating_degree_days: number(`Kelvins by which the mean is below ${BASE}, if it is.`),
    cooling_degree_days: number(`Kelvins by which the mean is above ${BASE}, if it is.`),
    is_frost_day: flag(
      `Whether the lowest temperature is below ${frost_below_c} °C. This and what follows is null where too little was observed to say so: less than ${DAY_COVERAGE_LEAST_PCT} % of the day.`,
    ),
    is_ice_day: flag(`Whether the highest temperature is below ${frost_below_c} °C.`),
    is_summer_day: flag(`Whether the highest temperature is ${summer_least_c} °C or more.`),
    is_hot_day: flag(`Whether the highest temperature is ${hot_least_c} °C or more.`),
    is_tropical_night: flag(
      `Whether the lowest temperature of the day is ${tropical_least_c} °C or more.`,
    ),
    is_wet_day: flag(`Whether ${wet_least_mm} mm of rain or more fell.`),
  },
  'One row per city and day.',
);

const COUNTS = {
  frost_day_count: number('Frost days.'),
  ice_day_count: number('Ice days.'),
  summer_day_count: number('Summer days.'),
  hot_day_count: number('Hot days.'),
  tropical_night_count: number('Tropical nights.'),
  wet_day_count: number('Wet days; null without any value of rain.'),
};

export const MonthlySummarySchema = record(
  {
    ...CITY,
    month: text('Month of the city’s clock, such as 2024-10.'),
    observation_count: whole('Number of observations.'),
    day_count: whole('Days with an observation.'),
    complete_day_count: whole(
      `Days with ${DAY_COVERAGE_LEAST_PCT} % coverage or more; the means and degree days are theirs.`,
    ),
    is_full: Type.Boolean({
      description: `Whether at most ${MONTH_MISSING_MOST.days} days lack that, and at most ${MONTH_MISSING_MOST.inARow} in a row (WMO-No. 1203).`,
    }),
    temperature_c_mean: number('Mean of the daily means, °C.'),
    temperature_c_min_mean: number('Mean of the lowest temperatures of the days, °C.'),
    temperature_c_max_mean: number('Mean of the highest temperatures of the days, °C.'),
    ...EXTREMES,
    humidity_pct_mean: number('Mean of the daily means of the relative humidity, %.'),
    ...PRESSURES,
    ...WINDS,
    ...FALLEN,
    heating_degree_days: number(`Kelvin days below ${BASE}.`),
    cooling_degree_days: number(`Kelvin days above ${BASE}.`),
    ...COUNTS,
  },
  'One row per city and month.',
);

export const ClimateNormalSchema = record(
  {
    ...CITY,
    calendar_month: Type.Integer({ minimum: 1, maximum: 12, description: 'Month of the year.' }),
    year_count: whole('Years in which this month is full; the means are theirs.'),
    year_from: orNull(Type.Integer(), 'First of these years.'),
    year_to: orNull(Type.Integer(), 'Last of these years.'),
    basis: Type.Enum(['normal', 'period_average', 'few_years'], {
      description: `\`normal\` from ${NORMAL_YEARS.normal} years on, \`period_average\` from ${NORMAL_YEARS.periodAverage} years on (WMO-No. 1203).`,
    }),
    temperature_c_mean: number('Mean temperature, °C.'),
    temperature_c_min_mean: number('Mean of the lowest temperatures of the days, °C.'),
    temperature_c_max_mean: number('Mean of the highest temperatures of the days, °C.'),
    humidity_pct_mean: number('Mean relative humidity, %.'),
    pressure_hpa_mean: number('Mean pressure, hPa.'),
    wind_speed_ms_mean: number('Mean wind speed, m/s.'),
    rain_mm: number(
      `Mean sum of the rain, mm, of months that were observed for ${RAIN_COVERAGE_LEAST_PCT} %.`,
    ),
    heating_degree_days: number(`Kelvin days below ${BASE}.`),
    cooling_degree_days: number(`Kelvin days above ${BASE}.`),
    ...COUNTS,
  },
  'One row per city and month of the year: the means of the years that there are.',
);

export const RecordSchema = record(
  {
    ...CITY,
    variable: text('Name of the variable.'),
    calendar_month: Type.Integer({
      minimum: 0,
      maximum: 12,
      description: 'Month of the year; 0 for all of them.',
    }),
    highest: number('Highest value.'),
    highest_at: timeOrNull('When it was highest for the first time.'),
    lowest: number('Lowest value; null for variables of which it says nothing.'),
    lowest_at: timeOrNull('When it was lowest for the first time.'),
    since: text('First day with a value.'),
    observation_count: whole('Number of values.'),
  },
  'One row per city, variable and month of the year: the highest and the lowest value.',
);

export type DailySummary = Of<typeof DailySummarySchema>;
export type MonthlySummary = Of<typeof MonthlySummarySchema>;
export type ClimateNormal = Of<typeof ClimateNormalSchema>;
/** One row of the dataset `records`. */
export type WeatherRecord = Of<typeof RecordSchema>;

export interface ClimateRows {
  readonly daily_summaries: DailySummary;
  readonly monthly_summaries: MonthlySummary;
  readonly climate_normals: ClimateNormal;
  readonly records: WeatherRecord;
}

export const CLIMATE_SCHEMAS = {
  daily_summaries: DailySummarySchema,
  monthly_summaries: MonthlySummarySchema,
  climate_normals: ClimateNormalSchema,
  records: RecordSchema,
} as const;

export interface ClimateSelection {
  /** City ids; all when empty. */
  readonly cities: readonly string[];
  /** Dates such as 2024-10-31, of days and of the first days of months: `to` is exclusive. */
  readonly from: string | null;
  readonly to: string | null;
  /** The key of the row after which rows begin; null for the first. */
  readonly after: readonly (string | number)[] | null;
  /** Rows at most; null for all. */
  readonly limit: number | null;
}

export const ALL_ROWS: ClimateSelection = {
  ...{ cities: [], from: null, to: null },
  ...{ after: null, limit: null },
};

/** What rows are known by, and ordered by. */
export const CLIMATE_KEYS: Readonly<Record<ClimateDataset, readonly string[]>> = {
  daily_summaries: ['city_id', 'date'],
  monthly_summaries: ['city_id', 'month'],
  climate_normals: ['city_id', 'calendar_month'],
  records: ['city_id', 'variable', 'calendar_month'],
};
