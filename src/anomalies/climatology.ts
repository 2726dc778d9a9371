/**
 * The climatological test of quality control: a value that no earlier year had at this hour of this
 * season, and that is far from what they had. Such a value may be a record, so that it is suspect and
 * never fails.
 */
import type { QualityFlag } from '../model/quality.ts';
import { DEVIATIONS_PER_MAD, medianOf } from '../model/statistics.ts';
import { formatTime } from '../model/time-zone.ts';
import type { VariableName } from '../model/variables.ts';
import { type HoursOfDays, windowsBetween } from './baseline.ts';
import { SCALES, type Scale } from './scales.ts';

/** Spreads from the median of the season that are far. */
export const CLIMATOLOGY_SPREADS = 6;
/** How far they are at least, on the scale of the variable: ordinary extremes of a calm season. */
const FAR_LEAST: Readonly<Partial<Record<VariableName, number>>> = {
  temperature_c: 15,
  humidity_pct: 60,
  pressure_hpa: 30,
  wind_speed_ms: 3,
};
/** Earlier years that the season must be known of, and values at this hour. */
export const CLIMATOLOGY_YEARS = 2;
const VALUES_LEAST = 60;
const HOURS = 24;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

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
  const flags: QualityFlag[] = [];
  let season: Season | null = null;
  for (const [index, time] of at.entries()) {
    const value = series[index] ?? Number.NaN;
    if (time < from || Number.isNaN(value)) continue;
    const day = Math.floor(time / DAY_MS);
    if (season?.day !== day) season = new Season(days, day);
    const found = season.judge(Math.floor(time / HOUR_MS) % HOURS, scale.to(value), {
      ...scale,
      farLeast,
    });
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

/** What the earlier years had around one day. */
class Season {
  readonly day: number;
  /** Days of all earlier years. */
  readonly #days: readonly Float64Array[];
  readonly #hasEnough: boolean;
  /** By hour of the day, of values less than an hour away. */
  readonly #low = new Float64Array(HOURS).fill(Number.POSITIVE_INFINITY);
  readonly #high = new Float64Array(HOURS).fill(Number.NEGATIVE_INFINITY);

  constructor(known: HoursOfDays, day: number) {
    this.day = day;
    const [, ...earlier] = windowsBetween(day, day);
    const years = earlier.map(([first, last]) => daysBetween(known, first, last));
    this.#days = years.flat();
    this.#hasEnough = years.filter(({ length }) => length > 0).length >= CLIMATOLOGY_YEARS;
    if (!this.#hasEnough) return;
    for (const values of this.#days) {
      for (const [hour, value] of values.entries()) {
        if (value < (this.#low[hour] ?? value)) this.#low[hour] = value;
        if (value > (this.#high[hour] ?? value)) this.#high[hour] = value;
      }
    }
  }

  /** Null for a value that is not far from those of the hour. */
  judge(hour: number, scaled: number, { spreadLeast, farLeast }: Limits): Usual | null {
    if (!this.#hasEnough) return null;
    const near = [(hour + HOURS - 1) % HOURS, hour, (hour + 1) % HOURS];
    const low = Math.min(...near.map((at) => this.#low[at] ?? scaled));
    const high = Math.max(...near.map((at) => this.#high[at] ?? scaled));
    if (scaled >= low && scaled <= high) return null;
    const values = Float64Array.from(
      this.#days.flatMap((day) => near.map((at) => day[at] ?? Number.NaN)),
    ).filter((value) => !Number.isNaN(value));
    if (values.length < VALUES_LEAST) return null;
    const median = medianOf(values, values.length);
    const apart = values.map((value) => Math.abs(value - median));
    const spread = Math.max(spreadLeast, DEVIATIONS_PER_MAD * medianOf(apart, apart.length));
    const far = Math.max(farLeast, CLIMATOLOGY_SPREADS * spread);
    const isFar = Math.abs(scaled - median) > far;
    return isFar ? { median, spread } : null;
  }
}

interface Limits extends Pick<Scale, 'spreadLeast'> {
  readonly farLeast: number;
}

interface Usual {
  readonly median: number;
  readonly spread: number;
}

function daysBetween(known: HoursOfDays, first: number, last: number): Float64Array[] {
  const days: Float64Array[] = [];
  for (let day = first; day <= last; day += 1) {
    const values = known.get(day);
    if (values !== undefined) days.push(values);
  }
  return days;
}
