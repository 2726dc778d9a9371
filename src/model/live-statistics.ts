/**
 * Statistics of a city that are ahead of those that were published: observations that came since are
 * merged into them one by one, with the same result as computing all of them again.
 */
import { type CityStatistics, CityStatisticsSchema } from './datasets.ts';
import { type Of, record, whole } from './schema.ts';

const { coverage_pct, temperature_c_coverage_pct, humidity_pct_coverage_pct, ...merged } =
  CityStatisticsSchema.properties;

export const LiveStatisticsSchema = record(
  {
    ...merged,
    unpublished_count: whole('Observations among them that the published statistics lack.'),
  },
  'One row per city.',
);

export type LiveStatistics = Of<typeof LiveStatisticsSchema>;

/** The row with the numbers of values, which merging needs. */
export interface Merging extends LiveStatistics {
  readonly temperature_c_count: number;
  readonly humidity_pct_count: number;
}

export interface MergedObservation {
  readonly city: string;
  readonly country: string;
  readonly observed_at: string;
  readonly temperature_c: number | null;
  readonly humidity_pct: number | null;
}

/** Null for a publication of an earlier version, which lacks the numbers of values. */
export function beginMerging(row: CityStatistics): Merging | null {
  const { coverage_pct: _, temperature_c_coverage_pct: __, ...rest } = row;
  const { humidity_pct_coverage_pct: ___, held_s: ____, expected_s: _____, ...kept } = rest;
  const { temperature_c_count, humidity_pct_count } = row;
  if (temperature_c_count === undefined || humidity_pct_count === undefined) return null;
  return { ...kept, temperature_c_count, humidity_pct_count, unpublished_count: 0 };
}

/** `observation` is newer than all others of the city. */
export function mergeObservation(row: Merging, observation: MergedObservation): Merging {
  const { city, country, observed_at } = observation;
  return {
    ...row,
    ...mergeTemperature(row, observation),
    ...mergeHumidity(row, observation),
    ...{ city, country, last_observed_at: observed_at },
    observation_count: row.observation_count + 1,
    unpublished_count: row.unpublished_count + 1,
  };
}

/**
 * By the update of a mean and a sum of squares: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise
 * Algorithm for Computing Sample Variances", 1979.
 */
function mergeTemperature(
  row: Merging,
  { temperature_c: value, observed_at }: MergedObservation,
): Partial<Merging> {
  if (value === null) return {};
  const { temperature_c_count: before, temperature_c_mean: mean } = row;
  const count = before + 1;
  const difference = value - (mean ?? value);
  const squares = (row.temperature_c_stddev ?? 0) ** 2 * Math.max(0, before - 1);
  const sum = squares + (difference * difference * before) / count;
  const isLowest = row.temperature_c_min === null || value < row.temperature_c_min;
  const isHighest = row.temperature_c_max === null || value > row.temperature_c_max;
  return {
    temperature_c_count: count,
    temperature_c_mean: (mean ?? value) + difference / count,
    temperature_c_stddev: count < 2 ? null : Math.sqrt(sum / (count - 1)),
    ...(isLowest ? { temperature_c_min: value, temperature_c_min_at: observed_at } : {}),
    ...(isHighest ? { temperature_c_max: value, temperature_c_max_at: observed_at } : {}),
  };
}

function mergeHumidity(
  { humidity_pct_count: before, humidity_pct_mean: mean }: Merging,
  { humidity_pct: value }: MergedObservation,
): Partial<Merging> {
  if (value === null) return {};
  const count = before + 1;
  return {
    humidity_pct_count: count,
    humidity_pct_mean: (mean ?? value) + (value - (mean ?? value)) / count,
  };
}
