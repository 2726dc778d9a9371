/** The dataset hourly_trends: one row per city, clock and hour of the day. */
import type { Row } from '../../sql/engine.ts';
import { Directions } from './directions.ts';
import { Moments } from './moments.ts';
import type { RawRow } from './raw-row.ts';
import type { Recount } from './recount.ts';

const DAY_S = 86_400;

class HourTally {
  count = 0;
  readonly temperature = new Moments();
  readonly humidity = new Moments();
  readonly speed = new Moments();
  readonly directions = new Directions();

  add({ values }: RawRow): void {
    this.count += 1;
    const { temperature_c, humidity_pct, wind_speed_ms } = values;
    if (temperature_c !== null) this.temperature.add(temperature_c);
    if (humidity_pct !== null) this.humidity.add(humidity_pct);
    if (wind_speed_ms !== null) this.speed.add(wind_speed_ms);
    this.directions.add(values);
  }
}

interface CityHours {
  city: string | null;
  readonly utc: (HourTally | undefined)[];
  readonly local: (HourTally | undefined)[];
}

export class HourlyTrendsRecount implements Recount {
  readonly key = ['city_id', 'clock', 'hour'];
  readonly circular = ['wind_direction_deg_mean'];
  readonly #cities = new Map<string, CityHours>();

  add(row: RawRow): void {
    let hours = this.#cities.get(row.city_id);
    if (hours === undefined) {
      hours = { city: null, utc: [], local: [] };
      this.#cities.set(row.city_id, hours);
    }
    hours.city = row.city ?? hours.city;
    addTo(hours.utc, hourOf(row.seconds), row);
    if (row.utc_offset_s !== null) addTo(hours.local, hourOf(row.seconds + row.utc_offset_s), row);
  }

  *rows(): Iterable<Row> {
    for (const [city_id, hours] of this.#cities) {
      for (const clock of ['local', 'utc'] as const) {
        for (const [hour, tally] of hours[clock].entries()) {
          if (tally === undefined) continue;
          yield {
            ...{ city_id, city: hours.city, clock, hour },
            observation_count: tally.count,
            temperature_c_mean: tally.temperature.mean,
            humidity_pct_mean: tally.humidity.mean,
            wind_speed_ms_mean: tally.speed.mean,
            wind_direction_deg_mean: tally.directions.mean,
            temperature_c_count: tally.temperature.count,
            humidity_pct_count: tally.humidity.count,
            wind_speed_ms_count: tally.speed.count,
            wind_direction_deg_count: tally.directions.count,
            wind_direction_sin: tally.directions.east,
            wind_direction_cos: tally.directions.north,
          };
        }
      }
    }
  }
}

function addTo(hours: (HourTally | undefined)[], hour: number, row: RawRow): void {
  const tally = hours[hour] ?? new HourTally();
  hours[hour] = tally;
  tally.add(row);
}

function hourOf(seconds: number): number {
  return Math.floor((((seconds % DAY_S) + DAY_S) % DAY_S) / 3_600);
}
