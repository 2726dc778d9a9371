/**
 * What is published of a city, as sums that grow with each observation: the same numbers as computing all
 * of its observations again. Observations come in order of time; one that comes late needs the rows.
 */
import { COVERED_VALUES, type CoveredValue } from './coverage.ts';
import { addToCoverage, type Coverage, coveredSeconds, momentOf } from './coverage-sums.ts';
import type { CityStatistics } from './datasets.ts';
import { meanWith, squaresWith } from './running.ts';

export interface CityValues {
  readonly city_id: string;
  readonly city: string;
  /** Null where the record does not say: then it is the one that was said last. */
  readonly country: string | null;
  readonly observed_at: string;
  readonly interval_s: number | null;
  /** Whether it holds any value. */
  readonly has_value: boolean;
  readonly temperature_c: number | null;
  readonly humidity_pct: number | null;
}

type Sums = Required<CityStatistics>;
/** The row but for its coverage, and the sum of squared deviations. */
type Statistics = Omit<Sums, keyof CoverageColumns | 'temperature_c_stddev'>;
type CoverageColumns = Pick<
  Sums,
  | ('coverage_pct' | 'temperature_c_coverage_pct' | 'humidity_pct_coverage_pct')
  | ('held_s' | 'expected_s' | 'first_interval_s' | 'last_interval_s')
  | `${CoveredValue}_${'last_s' | 'interval_s' | 'missing_before_s' | 'missing_s_0' | 'missing_s_1'}`
>;

export class CitySums {
  #statistics: Statistics;
  /** Sum of the squared deviations of the temperature. */
  #squares: number;
  #coverage: Coverage;
  /** The row as it was published, until it grows. */
  #published: Sums | null;

  private constructor(
    statistics: Statistics,
    squares: number,
    coverage: Coverage,
    published: Sums | null,
  ) {
    this.#statistics = statistics;
    this.#squares = squares;
    this.#coverage = coverage;
    this.#published = published;
  }

  /** Of a published row; null when an earlier version of the program made it, without sums. */
  static of(row: CityStatistics): CitySums | null {
    if (!hasSums(row)) return null;
    const deviation = row.temperature_c_stddev ?? 0;
    const squares = deviation * deviation * Math.max(0, row.temperature_c_count - 1);
    return new CitySums(statisticsOf(row), squares, coverageOf(row), row);
  }

  get city(): string {
    return this.#statistics.city;
  }

  /** Whether the observation is later than all others of the city, by whole seconds. */
  isNext({ observed_at }: Pick<CityValues, 'observed_at'>): boolean {
    return momentOf(observed_at, null).at_s > this.#coverage.last.at_s;
  }

  /** The observation is the next one. */
  add(observation: CityValues): void {
    this.#published = null;
    this.#coverage = coverageWith(this.#coverage, observation);
    const { city, country, observed_at } = observation;
    this.#statistics = {
      ...this.#statistics,
      ...this.#temperature(observation),
      ...this.#humidity(observation),
      ...{ city, country: country ?? this.#statistics.country, last_observed_at: observed_at },
      observation_count: this.#statistics.observation_count + 1,
    };
  }

  #temperature({ temperature_c: value, observed_at }: CityValues): Partial<Statistics> {
    if (value === null) return {};
    const { temperature_c_count: before, temperature_c_mean: mean } = this.#statistics;
    const { temperature_c_min: lowest, temperature_c_max: highest } = this.#statistics;
    const count = before + 1;
    this.#squares += squaresWith(mean, value, count);
    return {
      temperature_c_count: count,
      temperature_c_mean: meanWith(mean, value, count),
      ...(lowest === null || value < lowest
        ? { temperature_c_min: value, temperature_c_min_at: observed_at }
        : {}),
      ...(highest === null || value > highest
        ? { temperature_c_max: value, temperature_c_max_at: observed_at }
        : {}),
    };
  }

  #humidity({ humidity_pct: value }: CityValues): Partial<Statistics> {
    if (value === null) return {};
    const { humidity_pct_count: before, humidity_pct_mean: mean } = this.#statistics;
    const count = before + 1;
    return { humidity_pct_count: count, humidity_pct_mean: meanWith(mean, value, count) };
  }

  /** The row with its sums. */
  row(): Sums {
    return this.#published ?? this.#made();
  }

  #made(): Sums {
    const of = this.#statistics;
    const freedom = of.temperature_c_count - 1;
    const { expected_s, held_s } = coveredSeconds(this.#coverage);
    const shareOf = (value: CoveredValue) => (100 * held_s[value]) / expected_s;
    return {
      city_id: of.city_id,
      city: of.city,
      country: of.country,
      observation_count: of.observation_count,
      temperature_c_count: of.temperature_c_count,
      temperature_c_mean: of.temperature_c_mean,
      temperature_c_min: of.temperature_c_min,
      temperature_c_min_at: of.temperature_c_min_at,
      temperature_c_max: of.temperature_c_max,
      temperature_c_max_at: of.temperature_c_max_at,
      temperature_c_stddev: freedom > 0 ? Math.sqrt(this.#squares / freedom) : null,
      humidity_pct_count: of.humidity_pct_count,
      humidity_pct_mean: of.humidity_pct_mean,
      first_observed_at: of.first_observed_at,
      last_observed_at: of.last_observed_at,
      coverage_pct: shareOf('value'),
      temperature_c_coverage_pct: shareOf('temperature_c'),
      humidity_pct_coverage_pct: shareOf('humidity_pct'),
      held_s: held_s.value,
      expected_s,
      ...coverageColumns(this.#coverage),
    };
  }
}

function hasSums(row: CityStatistics): row is Sums {
  return row.last_interval_s !== undefined && row.temperature_c_count !== undefined;
}

function statisticsOf(row: Sums): Statistics {
  const { city_id, city, country, observation_count } = row;
  const { temperature_c_count, temperature_c_mean, humidity_pct_count, humidity_pct_mean } = row;
  const { temperature_c_min, temperature_c_min_at, temperature_c_max, temperature_c_max_at } = row;
  const { first_observed_at, last_observed_at } = row;
  return {
    ...{ city_id, city, country, observation_count },
    ...{ temperature_c_count, temperature_c_mean, humidity_pct_count, humidity_pct_mean },
    ...{ temperature_c_min, temperature_c_min_at, temperature_c_max, temperature_c_max_at },
    ...{ first_observed_at, last_observed_at },
  };
}

function coverageOf(row: Sums): Coverage {
  const values = COVERED_VALUES.map((value) => {
    const [at_s, interval_s] = [row[`${value}_last_s`], row[`${value}_interval_s`]];
    if (at_s === null || interval_s === null) return [value, null] as const;
    const of = {
      missing_before_s: row[`${value}_missing_before_s`] ?? 0,
      last: { at_s, interval_s },
      missing_s: [row[`${value}_missing_s_0`] ?? 0, row[`${value}_missing_s_1`] ?? 0],
    };
    return [value, of] as const;
  });
  return {
    first: momentOf(row.first_observed_at, row.first_interval_s),
    last: momentOf(row.last_observed_at, row.last_interval_s),
    values: Object.fromEntries(values) as Coverage['values'],
  };
}

function coverageColumns({ first, last, values }: Coverage) {
  const columns = COVERED_VALUES.flatMap((value) => {
    const of = values[value];
    return [
      [`${value}_last_s`, of?.last.at_s ?? null],
      [`${value}_interval_s`, of?.last.interval_s ?? null],
      [`${value}_missing_before_s`, of?.missing_before_s ?? null],
      [`${value}_missing_s_0`, of?.missing_s[0] ?? null],
      [`${value}_missing_s_1`, of?.missing_s[1] ?? null],
    ] as const;
  });
  return {
    first_interval_s: first.interval_s,
    last_interval_s: last.interval_s,
    ...(Object.fromEntries(columns) as Pick<Sums, (typeof columns)[number][0]>),
  };
}

function coverageWith(before: Coverage, observation: CityValues): Coverage {
  const { has_value, temperature_c, humidity_pct, observed_at, interval_s } = observation;
  return addToCoverage(before, momentOf(observed_at, interval_s), {
    value: has_value,
    temperature_c: temperature_c !== null,
    humidity_pct: humidity_pct !== null,
  });
}
