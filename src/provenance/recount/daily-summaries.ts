/** The dataset daily_summaries: one row per city and day of its clock. */
import type { Row } from '../../sql/engine.ts';
import { type DayTally, dateOf } from './day-tally.ts';
import { oneOf } from './one-of.ts';
import type { CityNames, GradualRecount } from './recount.ts';

export class DailySummariesRecount implements GradualRecount {
  readonly key = ['city_id', 'date'];
  readonly circular = ['wind_direction_deg_mean'];
  readonly #names: CityNames;
  #finished: Row[] = [];

  constructor(names: CityNames) {
    this.#names = names;
  }

  addDay(day: DayTally): void {
    this.#finished.push(rowOf(day, this.#names.get(day.city_id)));
  }

  get waiting(): number {
    return this.#finished.length;
  }

  *rows(): Iterable<Row> {
    const finished = this.#finished;
    this.#finished = [];
    yield* finished;
  }
}

function rowOf(day: DayTally, city: unknown): Row {
  const { temperature_c, humidity_pct, pressure_hpa, wind_speed_ms, wind_gust_ms } = day.values;
  const { heating, cooling } = day.degreeDays;
  return {
    ...{ city_id: day.city_id, city, date: dateOf(day.day), clock: day.clock },
    ...{ observation_count: day.count, coverage_pct: day.coveragePct },
    temperature_c_mean: temperature_c.moments.mean,
    temperature_c_min: temperature_c.extremes.min,
    temperature_c_min_at: temperature_c.extremes.minAt,
    temperature_c_max: temperature_c.extremes.max,
    temperature_c_max_at: temperature_c.extremes.maxAt,
    temperature_c_stddev: temperature_c.moments.stddev,
    temperature_c_first: day.firstTemperature,
    temperature_c_last: day.lastTemperature,
    humidity_pct_mean: humidity_pct.moments.mean,
    humidity_pct_min: humidity_pct.extremes.min,
    humidity_pct_max: humidity_pct.extremes.max,
    pressure_hpa_mean: pressure_hpa.moments.mean,
    pressure_hpa_min: pressure_hpa.extremes.min,
    pressure_hpa_max: pressure_hpa.extremes.max,
    wind_speed_ms_mean: wind_speed_ms.moments.mean,
    wind_speed_ms_max: wind_speed_ms.extremes.max,
    wind_gust_ms_max: wind_gust_ms.extremes.max,
    wind_gust_ms_max_at: wind_gust_ms.extremes.maxAt,
    wind_direction_deg_mean: day.directions.mean,
    ...{ rain_mm: day.rain.mm, rain_reported_s: day.rain.seconds },
    ...{ snow_mm: day.snow.mm, snow_reported_s: day.snow.seconds },
    ...{ heating_degree_days: heating, cooling_degree_days: cooling },
    ...day.kinds,
    is_wet_day: oneOf(day.wet),
  };
}
