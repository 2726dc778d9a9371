/** One month of one city's clock, from its days. */
import { MONTH_MISSING_MOST, RAIN_COVERAGE_LEAST_PCT } from '../../model/climate.ts';
import type { Row } from '../../sql/engine.ts';
import { type DayTally, dateOf, SUMMARISED } from './day-tally.ts';
import { Extremes } from './extremes.ts';
import { Moments } from './moments.ts';
import { oneOf } from './one-of.ts';

const DAY_S = 86_400;
const KINDS = ['frost_day', 'ice_day', 'summer_day', 'hot_day', 'tropical_night'] as const;

/** Null without any amount. */
class Sum {
  total: number | null = null;

  add(amount: number | null): void {
    if (amount !== null) this.total = (this.total ?? 0) + amount;
  }
}

export class MonthTally {
  /** `2024-10` */
  readonly month: string;
  #observations = 0;
  #days = 0;
  /** Days of the month that are complete, from 1 on. */
  readonly #complete = new Set<number>();
  readonly #means = recordOf(SUMMARISED, () => new Moments());
  readonly #lows = new Moments();
  readonly #highs = new Moments();
  readonly #extremes = recordOf(SUMMARISED, () => new Extremes());
  readonly #fallen = recordOf(['rain', 'snow'], () => ({ mm: new Sum(), seconds: new Sum() }));
  readonly #heating = new Sum();
  readonly #cooling = new Sum();
  readonly #kinds = recordOf(KINDS, () => new Sum());
  #wet: ReadonlySet<number | null> = new Set([null]);

  constructor(month: string) {
    this.month = month;
  }

  add(day: DayTally): void {
    this.#observations += day.count;
    this.#days += 1;
    if (day.isComplete) this.#addComplete(day);
    for (const name of SUMMARISED) this.#extremes[name].join(day.values[name].extremes);
    for (const kind of ['rain', 'snow'] as const) {
      this.#fallen[kind].mm.add(day[kind].mm);
      this.#fallen[kind].seconds.add(day[kind].seconds);
    }
    const { heating, cooling } = day.degreeDays;
    this.#heating.add(heating);
    this.#cooling.add(cooling);
    const { kinds } = day;
    for (const kind of KINDS) this.#kinds[kind].add(numberOf(kinds[`is_${kind}`]));
    this.#wet = new Set(
      [...this.#wet].flatMap((count) =>
        [...day.wet].map((isWet) => (isWet === null ? count : (count ?? 0) + Number(isWet))),
      ),
    );
  }

  #addComplete(day: DayTally): void {
    this.#complete.add(Number(dateOf(day.day).slice(8)));
    for (const name of SUMMARISED) addKnown(this.#means[name], day.values[name].moments.mean);
    const { min, max } = day.values.temperature_c.extremes;
    addKnown(this.#lows, min);
    addKnown(this.#highs, max);
  }

  get #length(): number {
    const [year = 0, month = 0] = this.month.split('-').map(Number);
    return new Date(Date.UTC(year, month, 0)).getUTCDate();
  }

  /** WMO-No. 1203: few days are missing, and few of them in a row. */
  get #isFull(): boolean {
    let [missing, run, longest] = [0, 0, 0];
    for (let day = 1; day <= this.#length; day += 1) {
      run = this.#complete.has(day) ? 0 : run + 1;
      if (run > 0) missing += 1;
      longest = Math.max(longest, run);
    }
    return missing <= MONTH_MISSING_MOST.days && longest <= MONTH_MISSING_MOST.inARow;
  }

  /** Whether its rain counts for what is usual. */
  get isRainFull(): boolean {
    const least = RAIN_COVERAGE_LEAST_PCT * (DAY_S / 100) * this.#length;
    return (this.#fallen.rain.seconds.total ?? 0) >= least;
  }

  /** How many wet days it has: several answers where the order of adding rain decides. */
  get wetDays(): ReadonlySet<number | null> {
    return this.#wet;
  }

  row(city_id: string, city: unknown): Row {
    const { temperature_c, pressure_hpa, wind_speed_ms, wind_gust_ms } = this.#extremes;
    const means = this.#means;
    const { rain, snow } = this.#fallen;
    return {
      ...{ city_id, city, month: this.month, observation_count: this.#observations },
      ...{ day_count: this.#days, complete_day_count: this.#complete.size, is_full: this.#isFull },
      temperature_c_mean: means.temperature_c.mean,
      temperature_c_min_mean: this.#lows.mean,
      temperature_c_max_mean: this.#highs.mean,
      temperature_c_min: temperature_c.min,
      temperature_c_min_at: temperature_c.minAt,
      temperature_c_max: temperature_c.max,
      temperature_c_max_at: temperature_c.maxAt,
      humidity_pct_mean: means.humidity_pct.mean,
      pressure_hpa_mean: means.pressure_hpa.mean,
      ...{ pressure_hpa_min: pressure_hpa.min, pressure_hpa_max: pressure_hpa.max },
      wind_speed_ms_mean: means.wind_speed_ms.mean,
      wind_speed_ms_max: wind_speed_ms.max,
      ...{ wind_gust_ms_max: wind_gust_ms.max, wind_gust_ms_max_at: wind_gust_ms.maxAt },
      ...{ rain_mm: rain.mm.total, rain_reported_s: rain.seconds.total },
      ...{ snow_mm: snow.mm.total, snow_reported_s: snow.seconds.total },
      heating_degree_days: this.#heating.total,
      cooling_degree_days: this.#cooling.total,
      ...Object.fromEntries(KINDS.map((kind) => [`${kind}_count`, this.#kinds[kind].total])),
      wet_day_count: oneOf(this.#wet),
    };
  }
}

function recordOf<K extends string, T>(names: readonly K[], make: () => T): Readonly<Record<K, T>> {
  return Object.fromEntries(names.map((name) => [name, make()])) as Record<K, T>;
}

function addKnown(moments: Moments, value: number | null): void {
  if (value !== null) moments.add(value);
}

function numberOf(isSo: boolean | null): number | null {
  return isSo === null ? null : Number(isSo);
}
