/** The dataset city_statistics: one row per city, over all of its observations. */
import type { Row } from '../../sql/engine.ts';
import { CityCoverage } from './coverage.ts';
import { Extremes } from './extremes.ts';
import { Moments } from './moments.ts';
import type { RawRow } from './raw-row.ts';
import type { Recount } from './recount.ts';

export class CityTally {
  city: string | null = null;
  country: string | null = null;
  count = 0;
  first = '';
  last = '';
  readonly temperature = new Moments();
  readonly extremes = new Extremes();
  readonly humidity = new Moments();
  readonly coverage = new CityCoverage();

  add(row: RawRow): void {
    if (this.count === 0) this.first = row.observed_at;
    this.count += 1;
    this.last = row.observed_at;
    this.city = row.city ?? this.city;
    this.country = row.country ?? this.country;
    this.coverage.add(row);
    const { temperature_c, humidity_pct } = row.values;
    if (humidity_pct !== null) this.humidity.add(humidity_pct);
    if (temperature_c === null) return;
    this.temperature.add(temperature_c);
    this.extremes.add(temperature_c, row.observed_at);
  }
}

export class CityStatisticsRecount implements Recount {
  readonly key = ['city_id'];
  readonly tallies = new Map<string, CityTally>();

  add(row: RawRow): void {
    let tally = this.tallies.get(row.city_id);
    if (tally === undefined) {
      tally = new CityTally();
      this.tallies.set(row.city_id, tally);
    }
    tally.add(row);
  }

  *rows(): Iterable<Row> {
    for (const [city_id, tally] of this.tallies) {
      const { temperature, extremes, humidity, coverage } = tally;
      const { expectedSeconds } = coverage;
      const share = (held: number) => (100 * held) / expectedSeconds;
      yield {
        city_id,
        city: tally.city,
        country: tally.country,
        observation_count: tally.count,
        temperature_c_mean: temperature.mean,
        temperature_c_min: extremes.min,
        temperature_c_min_at: extremes.minAt,
        temperature_c_max: extremes.max,
        temperature_c_max_at: extremes.maxAt,
        temperature_c_stddev: temperature.stddev,
        humidity_pct_mean: humidity.mean,
        temperature_c_count: temperature.count,
        humidity_pct_count: humidity.count,
        first_observed_at: tally.first,
        last_observed_at: tally.last,
        coverage_pct: share(coverage.heldSeconds('value')),
        temperature_c_coverage_pct: share(coverage.heldSeconds('temperature_c')),
        humidity_pct_coverage_pct: share(coverage.heldSeconds('humidity_pct')),
        held_s: coverage.heldSeconds('value'),
        expected_s: expectedSeconds,
        ...coverage.sums(),
      };
    }
  }
}
