/**
 * The dataset anomalies by its rule three_sigma: temperatures more than three sample deviations from
 * the mean of the city's whole history, of cities with at least 11 values that differ.
 *
 * Mean and deviation are known when all rows have been read. So that no second reading is needed, the
 * published ones choose which values are kept meanwhile: those further than 2.5 deviations out. They
 * decide nothing: where the recounted rule reaches beyond what was kept, that is a difference.
 */
import type { Row } from '../../sql/engine.ts';
import type { CityStatisticsRecount, CityTally } from './city-statistics.ts';
import type { RawRow } from './raw-row.ts';
import type { Recount } from './recount.ts';

const VALUES_LEAST = 11;
const DEVIATIONS = 3;
const DEVIATIONS_KEPT = 2.5;
/** Below this share of the mean a deviation is rounding, not weather. */
const ROUNDING = 1e-9;
/** Values in all cities. */
const KEPT_MAX = 2_000_000;

interface Kept {
  readonly low: number;
  readonly high: number;
  readonly values: { readonly observed_at: string; readonly value: number }[];
}

export class AnomaliesRecount implements Recount {
  readonly key = ['city_id', 'observed_at', 'variable', 'rule'];
  readonly ignored = ['reason'];
  readonly #statistics: CityStatisticsRecount;
  readonly #kept = new Map<string, Kept>();
  #count = 0;

  constructor(statistics: CityStatisticsRecount, published: Iterable<Row>) {
    this.#statistics = statistics;
    for (const { city_id, temperature_c_mean: mean, temperature_c_stddev: stddev } of published) {
      if (typeof mean !== 'number' || typeof stddev !== 'number') continue;
      const [low, high] = [mean - DEVIATIONS_KEPT * stddev, mean + DEVIATIONS_KEPT * stddev];
      this.#kept.set(String(city_id), { low, high, values: [] });
    }
  }

  add({ city_id, observed_at, values: { temperature_c: value } }: RawRow): void {
    const kept = this.#kept.get(city_id);
    if (value === null || kept === undefined || (value >= kept.low && value <= kept.high)) return;
    this.#count += 1;
    if (this.#count <= KEPT_MAX) kept.values.push({ observed_at, value });
  }

  *rows(): Iterable<Row> {
    for (const [city_id, tally] of this.#statistics.tallies) {
      const bounds = boundsOf(tally);
      const kept = this.#kept.get(city_id);
      if (bounds === null || kept === undefined || this.problemOf({ city_id }) !== null) continue;
      for (const { observed_at, value } of kept.values) {
        const deviation = value - bounds.mean;
        if (Math.abs(deviation) <= DEVIATIONS * bounds.stddev) continue;
        yield {
          ...{ city_id, city: tally.city, observed_at, variable: 'temperature_c', value },
          ...{ expected: bounds.mean, score: deviation / bounds.stddev },
          ...{ threshold: DEVIATIONS, rule: 'three_sigma' },
          observation_count: tally.temperature.count,
        };
      }
    }
  }

  /** Where the value is as far out as the rule asks, but for its last digits. */
  isUndecided({ city_id, value }: Row): boolean {
    const bounds = boundsOf(this.#statistics.tallies.get(String(city_id)), ROUNDING / 10);
    if (bounds === null) return false;
    const { mean, stddev } = bounds;
    const scale = Math.max(1, Math.abs(mean), Math.abs(Number(value)));
    if (stddev <= 10 * ROUNDING * scale) return true;
    return Math.abs(Math.abs(Number(value) - mean) - DEVIATIONS * stddev) <= ROUNDING * scale;
  }

  problemOf({ city_id }: Row): string | null {
    if (this.#count > KEPT_MAX) return `more than ${KEPT_MAX} values are far out`;
    const kept = this.#kept.get(String(city_id));
    const bounds = boundsOf(this.#statistics.tallies.get(String(city_id)));
    if (bounds === null || kept === undefined) return null;
    const { mean, stddev } = bounds;
    const isCovered =
      kept.low >= mean - DEVIATIONS * stddev && kept.high <= mean + DEVIATIONS * stddev;
    return isCovered ? null : 'its published statistics are too far from the raw export';
  }
}

/** Null where the rule does not judge. */
function boundsOf(
  tally: CityTally | undefined,
  rounding = ROUNDING,
): { readonly mean: number; readonly stddev: number } | null {
  const { mean = null, stddev = null, count = 0 } = tally?.temperature ?? {};
  if (mean === null || stddev === null || count < VALUES_LEAST) return null;
  return stddev > rounding * Math.max(1, Math.abs(mean)) ? { mean, stddev } : null;
}
