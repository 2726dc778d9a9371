/** The hours of the day of one city, on both clocks, as sums that grow with each observation. */
import type { HourlyTrend } from './datasets.ts';
import { meanWith } from './running.ts';
import { unitVector } from './wind.ts';

/** What of an observation its hours grow by. Calm has no direction. */
export interface HourValues {
  readonly hour_utc: number;
  /** Null where the city's clock is not known. */
  readonly hour_local: number | null;
  readonly temperature_c: number | null;
  readonly humidity_pct: number | null;
  readonly wind_speed_ms: number | null;
  readonly wind_direction_deg: number | null;
}

const CLOCKS = ['local', 'utc'] as const;
const HOURS = 24;
const MEANS = ['temperature_c', 'humidity_pct', 'wind_speed_ms'] as const;
/** Places of an hour's sums: the observations, count and mean of each variable, the directions. */
const AT = { observations: 0, means: 1, directions: 7, sin: 8, cos: 9, count: 10 } as const;
/** Directions whose resultant is below this share of their number cancel out. */
const CANCELLING = 1e-9;

export class HourSums {
  readonly #sums = new Float64Array(CLOCKS.length * HOURS * AT.count);

  /** Of published rows; null when an earlier version of the program made them, without sums. */
  static of(rows: readonly HourlyTrend[]): HourSums | null {
    const hours = new HourSums();
    for (const row of rows) if (!hours.#take(row)) return null;
    return hours;
  }

  #take(row: HourlyTrend): boolean {
    const { wind_direction_deg_count, wind_direction_sin, wind_direction_cos } = row;
    if (wind_direction_deg_count === undefined) return false;
    const at = placeOf(row.clock, row.hour);
    const sums = this.#sums;
    sums[at] = row.observation_count;
    for (const [index, name] of MEANS.entries()) {
      sums[at + AT.means + 2 * index] = row[`${name}_count`] ?? 0;
      sums[at + AT.means + 2 * index + 1] = row[`${name}_mean`] ?? 0;
    }
    sums[at + AT.directions] = wind_direction_deg_count;
    sums[at + AT.sin] = wind_direction_sin ?? 0;
    sums[at + AT.cos] = wind_direction_cos ?? 0;
    return true;
  }

  add(values: HourValues): void {
    this.#add(placeOf('utc', values.hour_utc), values);
    if (values.hour_local !== null) this.#add(placeOf('local', values.hour_local), values);
  }

  #add(at: number, values: HourValues): void {
    this.#grow(at, 1);
    for (const [index, name] of MEANS.entries()) {
      const value = values[name];
      if (value === null) continue;
      const place = at + AT.means + 2 * index;
      const count = this.#grow(place, 1);
      this.#sums[place + 1] = meanWith(this.#at(place + 1), value, count);
    }
    const { wind_direction_deg: direction } = values;
    if (direction === null) return;
    const { sin, cos } = unitVector(direction);
    this.#grow(at + AT.directions, 1);
    this.#grow(at + AT.sin, sin);
    this.#grow(at + AT.cos, cos);
  }

  /** Of hours with an observation, in the order of clocks and hours, with their sums. */
  rows(city_id: string, city: string): Required<HourlyTrend>[] {
    const rows: Required<HourlyTrend>[] = [];
    for (const clock of CLOCKS) {
      for (let hour = 0; hour < HOURS; hour++) {
        const at = placeOf(clock, hour);
        if (this.#at(at) > 0) rows.push({ city_id, city, clock, hour, ...this.#row(at) });
      }
    }
    return rows;
  }

  #row(at: number): Omit<Required<HourlyTrend>, 'city_id' | 'city' | 'clock' | 'hour'> {
    const countOf = (index: number) => this.#at(at + AT.means + 2 * index);
    const meanOf = (index: number) =>
      countOf(index) === 0 ? null : this.#at(at + AT.means + 2 * index + 1);
    const [count, sin, cos] = [AT.directions, AT.sin, AT.cos].map((place) => this.#at(at + place));
    return {
      observation_count: this.#at(at),
      temperature_c_mean: meanOf(0),
      humidity_pct_mean: meanOf(1),
      wind_speed_ms_mean: meanOf(2),
      wind_direction_deg_mean: directionOf(count ?? 0, sin ?? 0, cos ?? 0),
      temperature_c_count: countOf(0),
      humidity_pct_count: countOf(1),
      wind_speed_ms_count: countOf(2),
      wind_direction_deg_count: count ?? 0,
      wind_direction_sin: sin ?? 0,
      wind_direction_cos: cos ?? 0,
    };
  }

  #at(place: number): number {
    return this.#sums[place] ?? 0;
  }

  #grow(place: number, by: number): number {
    const sum = this.#at(place) + by;
    this.#sums[place] = sum;
    return sum;
  }
}

function placeOf(clock: (typeof CLOCKS)[number], hour: number): number {
  return (CLOCKS.indexOf(clock) * HOURS + hour) * AT.count;
}

/** That of the sum of unit vectors, in degrees from north; null where they cancel out. */
function directionOf(count: number, sin: number, cos: number): number | null {
  if (Math.hypot(sin, cos) <= CANCELLING * count) return null;
  const degrees = (Math.atan2(sin, cos) * 180) / Math.PI;
  return degrees < -1e-9 ? 360 + degrees : Math.max(0, degrees);
}
