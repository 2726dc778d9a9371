/**
 * The climatological test of quality control: a value that no earlier year had at this hour of this
 * season, and that is far from what they had. Such a value may be a record, so that it is suspect and
 * never fails.
 */
import type { QualityFlag } from '../model/quality.ts';
import { DEVIATIONS_PER_MAD, medianOf } from '../model/statistics.ts';
import { formatTime } from '../model/time-zone.ts';
import type { VariableName } from '../model/variables.ts';
import {
  daysIn,
  type HoursOfDays,
  hoursNear,
  hoursOfDay,
  nearHour,
  windowsBetween,
} from './baseline.ts';
import { SCALES } from './scales.ts';

/** Spreads from the median of the season that are far. */
const SPREADS = 6;
/** How far they are at least, on the scale of the variable: ordinary extremes of a calm season. */
const FAR_LEAST: Readonly<Partial<Record<VariableName, number>>> = {
  temperature_c: 15,
  humidity_pct: 60,
  pressure_hpa: 30,
  wind_speed_ms: 3,
};
/** Earlier years that the season must be known of, and values at this hour. */
export const YEARS_LEAST = 2;
const VALUES_LEAST = 60;
const HOURS = 24;
const DAY_MS = 86_400_000;

export interface SeasonedSeries {
  readonly city_id: string;
  readonly variable: VariableName;
  /** Milliseconds since 1970, ascending; an entry per time in `series`, NaN for none. */
  readonly at: Float64Array;
  readonly series: Float64Array;
  /** Values by day and hour, on the scale of the variable. */
  readonly days: HoursOfDays;
  /** Values before this time are not judged. */
  readonly from: number;
}

export function flagUnseasonal(options: SeasonedSeries): QualityFlag[] {
  const { city_id, variable, at, series, days, from } = options;
  const [scale, farLeast] = [SCALES[variable], FAR_LEAST[variable]];
  if (scale === undefined || farLeast === undefined) return [];
  const limits = { spreadLeast: scale.spreadLeast, farLeast };
  const flags: QualityFlag[] = [];
  let season: Season | null = null;
  for (const [index, time] of at.entries()) {
    const value = series[index] ?? Number.NaN;
    if (time < from || Number.isNaN(value)) continue;
    const day = Math.floor(time / DAY_MS);
    if (season?.day !== day) season = new Season(days, day, limits);
    const found = season.judge(Math.floor(hoursOfDay(time)), scale.to(value));
    if (found === null) continue;
    flags.push({
      ...{ city_id, observed_at: formatTime(new Date(time)), variable },
      ...{ test: 'climatology', verdict: 'suspect', value, compared: null },
      expected: scale.from(found.median),
      spread: scale.from(found.median + found.spread) - scale.from(found.median),
    });
  }
  return flags;
}

export interface KnownSeason {
  /** Earlier years that have a value around the day. */
  readonly years: number;
  /** Whether a value of the hour can be judged. */
  readonly isEnough: boolean;
}

/** How much is known of the season and hour of a time, in milliseconds since 1970. */
export function knownSeason(days: HoursOfDays, time: number): KnownSeason {
  const years = earlierYears(days, Math.floor(time / DAY_MS));
  const values = nearHour(years.flat(), Math.floor(hoursOfDay(time)));
  const isEnough = years.length >= YEARS_LEAST && values.length >= VALUES_LEAST;
  return { years: years.length, isEnough };
}

/** The days around this one in each earlier year that has any. */
function earlierYears(known: HoursOfDays, day: number): Float64Array[][] {
  const [, ...earlier] = windowsBetween(day, day);
  return earlier.map((window) => daysIn(known, window)).filter(({ length }) => length > 0);
}

/** What the earlier years had around one day. */
class Season {
  readonly day: number;
  readonly #limits: Limits;
  /** Days of all earlier years; none where too few years are known. */
  readonly #days: readonly Float64Array[];
  /** By hour of the day. */
  readonly #low = new Float64Array(HOURS).fill(Number.POSITIVE_INFINITY);
  readonly #high = new Float64Array(HOURS).fill(Number.NEGATIVE_INFINITY);

  constructor(known: HoursOfDays, day: number, limits: Limits) {
    this.day = day;
    this.#limits = limits;
    const years = earlierYears(known, day);
    this.#days = years.length < YEARS_LEAST ? [] : years.flat();
    for (const values of this.#days) {
      for (let hour = 0; hour < HOURS; hour += 1) {
        const value = values[hour] ?? Number.NaN;
        if (value < (this.#low[hour] ?? 0)) this.#low[hour] = value;
        if (value > (this.#high[hour] ?? 0)) this.#high[hour] = value;
      }
    }
  }

  /** Null for a value that is not far from those of the hour, or where too few are known. */
  judge(hour: number, scaled: number): Usual | null {
    if (this.#days.length === 0 || this.#hadBeyond(hour, scaled)) return null;
    const values = nearHour(this.#days, hour);
    if (values.length < VALUES_LEAST) return null;
    const { spreadLeast, farLeast } = this.#limits;
    const median = medianOf(values, values.length);
    const apart = values.map((value) => Math.abs(value - median));
    const spread = Math.max(spreadLeast, DEVIATIONS_PER_MAD * medianOf(apart, apart.length));
    const isFar = Math.abs(scaled - median) > Math.max(farLeast, SPREADS * spread);
    return isFar ? { median, spread } : null;
  }

  /** Whether values around the hour were as low or lower, and as high or higher. */
  #hadBeyond(hour: number, scaled: number): boolean {
    const near = hoursNear(hour);
    const isBelow = near.every((one) => scaled < (this.#low[one] ?? 0));
    const isAbove = near.every((one) => scaled > (this.#high[one] ?? 0));
    return !isBelow && !isAbove;
  }
}

interface Limits {
  readonly spreadLeast: number;
  readonly farLeast: number;
}

interface Usual {
  readonly median: number;
  readonly spread: number;
}
