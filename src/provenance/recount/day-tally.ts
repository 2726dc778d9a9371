/** One day of one city's clock, from its observations in the order of time. */
import { DAY_COVERAGE_LEAST_PCT, DAY_LIMITS } from '../../model/climate.ts';
import { Directions } from './directions.ts';
import { Extremes } from './extremes.ts';
import { Moments } from './moments.ts';
import { intervalOf, type RawRow } from './raw-row.ts';

const DAY_S = 86_400;
const HOUR_S = 3_600;
/** A sum of rain so near to the limit is of a wet day or not, by the order of adding. */
const ROUNDING = 1e-9;

/** The variables of which days, months and records are published. */
export const SUMMARISED = [
  'temperature_c',
  'humidity_pct',
  'pressure_hpa',
  'wind_speed_ms',
  'wind_gust_ms',
] as const;
export type Summarised = (typeof SUMMARISED)[number];

/** Days since 1970, by the city's clock; by UTC where that is not known. */
export function dayOf({ seconds, utc_offset_s }: RawRow): number {
  return Math.floor((seconds + (utc_offset_s ?? 0)) / DAY_S);
}

/** `2024-10-31` */
export function dateOf(day: number): string {
  return new Date(day * DAY_S * 1_000).toISOString().slice(0, 10);
}

class Values {
  readonly moments = new Moments();
  readonly extremes = new Extremes();
}

/** Rain or snow: amounts of the hour before each observation. */
class Fallen {
  mm: number | null = null;
  seconds: number | null = null;

  add(amount: number, seconds: number): void {
    this.mm = (this.mm ?? 0) + (amount * seconds) / HOUR_S;
    this.seconds = (this.seconds ?? 0) + seconds;
  }
}

export class DayTally {
  readonly city_id: string;
  readonly day: number;
  count = 0;
  readonly values: Readonly<Record<Summarised, Values>> = {
    temperature_c: new Values(),
    humidity_pct: new Values(),
    pressure_hpa: new Values(),
    wind_speed_ms: new Values(),
    wind_gust_ms: new Values(),
  };
  readonly directions = new Directions();
  readonly rain = new Fallen();
  readonly snow = new Fallen();
  firstTemperature: number | null = null;
  lastTemperature: number | null = null;
  #clocks = 0;
  #longestInterval = 0;
  #hours = 0;
  #lastHour = Number.NaN;

  constructor(city_id: string, day: number) {
    this.city_id = city_id;
    this.day = day;
  }

  add(row: RawRow): void {
    const { observed_at, seconds, utc_offset_s, values } = row;
    this.count += 1;
    if (utc_offset_s !== null) this.#clocks += 1;
    const interval = intervalOf(row);
    this.#longestInterval = Math.max(this.#longestInterval, interval);
    for (const name of SUMMARISED) {
      const value = values[name];
      if (value === null) continue;
      this.values[name].moments.add(value);
      this.values[name].extremes.add(value, observed_at);
    }
    if (values.temperature_c !== null) this.#addTemperature(values.temperature_c, seconds);
    this.directions.add(values);
    const stoodFor = Math.min(interval, HOUR_S);
    if (values.rain_1h_mm !== null) this.rain.add(values.rain_1h_mm, stoodFor);
    if (values.snow_1h_mm !== null) this.snow.add(values.snow_1h_mm, stoodFor);
  }

  #addTemperature(value: number, seconds: number): void {
    this.firstTemperature ??= value;
    this.lastTemperature = value;
    const hour = Math.floor(seconds / HOUR_S);
    if (hour !== this.#lastHour) this.#hours += 1;
    this.#lastHour = hour;
  }

  get clock(): 'local' | 'utc' | 'mixed' {
    if (this.#clocks === 0) return 'utc';
    return this.#clocks === this.count ? 'local' : 'mixed';
  }

  /** An hour of UTC that holds a temperature counts; three where the source reports every three. */
  get coveragePct(): number {
    return Math.min(100, (this.#hours * Math.max(HOUR_S, this.#longestInterval)) / (DAY_S / 100));
  }

  get isComplete(): boolean {
    return this.coveragePct >= DAY_COVERAGE_LEAST_PCT;
  }

  /** Kelvins below and above the base; null of days that are not complete. */
  get degreeDays(): { readonly heating: number | null; readonly cooling: number | null } {
    const { mean } = this.values.temperature_c.moments;
    if (!this.isComplete || mean === null) return { heating: null, cooling: null };
    const below = DAY_LIMITS.degree_day_base_c - mean;
    return { heating: Math.max(0, below), cooling: Math.max(0, -below) };
  }

  /** Column → whether it is a day of this kind; null where too little was observed. */
  get kinds() {
    const { min, max } = this.values.temperature_c.extremes;
    return {
      is_frost_day: this.#once(min !== null && min < DAY_LIMITS.frost_below_c),
      is_ice_day: this.#always(max !== null && max < DAY_LIMITS.frost_below_c),
      is_summer_day: this.#once(max !== null && max >= DAY_LIMITS.summer_least_c),
      is_hot_day: this.#once(max !== null && max >= DAY_LIMITS.hot_least_c),
      is_tropical_night: this.#always(min !== null && min >= DAY_LIMITS.tropical_least_c),
    } as const;
  }

  /** One value is enough to say that it is; that it is not takes a complete day. */
  #once(isSo: boolean): boolean | null {
    if (isSo) return true;
    return this.isComplete ? false : null;
  }

  /** One value is enough to say that it is not. */
  #always(isSo: boolean): boolean | null {
    if (!isSo && this.values.temperature_c.moments.count > 0) return false;
    return this.isComplete ? isSo : null;
  }

  /** Whether it is a wet day: two answers where the order of adding decides. */
  get wet(): ReadonlySet<boolean | null> {
    const { mm, seconds } = this.rain;
    const isKnown = (seconds ?? 0) >= DAY_COVERAGE_LEAST_PCT * (DAY_S / 100);
    const otherwise = isKnown ? false : null;
    const over = (mm ?? 0) - DAY_LIMITS.wet_least_mm;
    if (Math.abs(over) <= ROUNDING) return new Set([true, otherwise]);
    return new Set([over > 0 ? true : otherwise]);
  }
}
