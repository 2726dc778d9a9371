/** The dataset climate_normals: one row per city and month of the year, from its full months. */
import { NORMAL_YEARS } from '../../model/climate.ts';
import type { Row } from '../../sql/engine.ts';
import { Moments } from './moments.ts';
import type { MonthTally } from './month-tally.ts';
import { oneOf } from './one-of.ts';
import type { CityNames, Recount } from './recount.ts';

/** Columns of months whose means are those of full ones. */
const MEANS = [
  ...['temperature_c_mean', 'temperature_c_min_mean', 'temperature_c_max_mean'],
  ...['humidity_pct_mean', 'pressure_hpa_mean', 'wind_speed_ms_mean'],
  ...['heating_degree_days', 'cooling_degree_days'],
  ...['frost_day_count', 'ice_day_count', 'summer_day_count', 'hot_day_count'],
  'tropical_night_count',
];

class CalendarMonth {
  years = 0;
  yearFrom: number | null = null;
  yearTo: number | null = null;
  readonly means = new Map(MEANS.map((name) => [name, new Moments()]));
  readonly rain = new Moments();
  /** Sums of wet days over the months whose rain counts: several where it is not sure. */
  #wetDays: ReadonlySet<number> = new Set([0]);

  add({ month, wetDays, isRainFull }: MonthTally, row: Row): void {
    if (isRainFull) {
      addKnown(this.rain, row.rain_mm);
      const counts = [...wetDays].map((count) => count ?? 0);
      const sums = [...this.#wetDays].flatMap((sum) => counts.map((count) => sum + count));
      this.#wetDays = new Set(sums);
    }
    if (row.is_full !== true) return;
    const year = Number(month.slice(0, 4));
    this.years += 1;
    this.yearFrom = Math.min(year, this.yearFrom ?? year);
    this.yearTo = Math.max(year, this.yearTo ?? year);
    for (const [name, moments] of this.means) addKnown(moments, row[name]);
  }

  get wetDaysMean(): unknown {
    const { count } = this.rain;
    return count === 0 ? null : oneOf(new Set([...this.#wetDays].map((sum) => sum / count)));
  }
}

export class ClimateNormalsRecount implements Recount {
  readonly key = ['city_id', 'calendar_month'];
  readonly #names: CityNames;
  readonly #cities = new Map<string, Map<number, CalendarMonth>>();

  constructor(names: CityNames) {
    this.#names = names;
  }

  addMonth(city_id: string, month: MonthTally, row: Row): void {
    let months = this.#cities.get(city_id);
    if (months === undefined) {
      months = new Map();
      this.#cities.set(city_id, months);
    }
    const number = Number(month.month.slice(5));
    const found = months.get(number) ?? new CalendarMonth();
    months.set(number, found);
    found.add(month, row);
  }

  *rows(): Iterable<Row> {
    for (const [city_id, months] of this.#cities) {
      for (const [calendar_month, month] of months) {
        yield {
          ...{ city_id, city: this.#names.get(city_id), calendar_month },
          ...{ year_count: month.years, year_from: month.yearFrom, year_to: month.yearTo },
          basis: basisOf(month.years),
          ...Object.fromEntries([...month.means].map(([name, { mean }]) => [name, mean])),
          ...{ rain_mm: month.rain.mean, wet_day_count: month.wetDaysMean },
        };
      }
    }
  }
}

function basisOf(years: number): string {
  if (years >= NORMAL_YEARS.normal) return 'normal';
  return years >= NORMAL_YEARS.periodAverage ? 'period_average' : 'few_years';
}

function addKnown(moments: Moments, value: unknown): void {
  if (typeof value === 'number') moments.add(value);
}
