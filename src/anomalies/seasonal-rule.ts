/**
 * The rule `seasonal`: a value is unusual when it is far from what the season, the hour and the last
 * hours make likely, in terms of how far such values usually are.
 *
 * expected = median of the season and hour (baseline.ts) + how far the last hours were from theirs,
 * which fades. The spread is the mean absolute difference from that, by hour of the day, of values whose
 * own outliers are cut; it has a floor. After hours without a value the spread is that of the season. A
 * value that is flagged does not change what is expected, until the difference has lasted for six hours
 * and is taken for the new level.
 */
import {
  type Baseline,
  baselineOf,
  type HoursOfDays,
  hoursOfDay,
  LEARNING_DAYS,
} from './baseline.ts';
import type { Scale } from './scales.ts';

/** Spreads from the expected value that are unusual (docs/anomalies.md: how it was chosen). */
export const THRESHOLD = 3.3;

export interface SeasonalOptions {
  readonly scale: Scale;
  readonly threshold: number;
  /**
   * Values by day and hour, on the scale, that what is usual follows from; of days before the one that
   * is judged only. Without it the rule remembers those that it judges and does not flag.
   */
  readonly days?: HoursOfDays;
}

export interface Judged {
  /** In the variable's unit. */
  readonly expected: number;
  /** Spreads that the value is away, signed. */
  readonly score: number;
  readonly isFlagged: boolean;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const HOURS = 24;
/** How fast a difference from the usual fades. */
const FADE_HOURS = 18;
/** Hours without a value after which the last difference says less. */
const GAP_HOURS = 2;
/** How old a difference may be that counts for the level, and the share of the last one. */
const LEVEL_HOURS = 6;
const LAST_SHARE = 0.8;
/** A difference that lasts so long is the new level. */
const HOLD_HOURS = 6;
/** Share of a new difference in the spread; differences beyond so many spreads are cut. */
const SPREAD_SHARE = 0.03;
const SPREAD_CUT = 3;
/** A normal distribution's standard deviation is so many times its mean absolute deviation. */
const DEVIATIONS_PER_MEAN = 1.2533;
/** With fewer of the last three weeks' days it learns anew. */
const FORGETTING_DAYS = 7;
const DAYS_KEPT = 5 * 366 + 30;

interface Difference {
  readonly at: number;
  readonly amount: number;
}

/** Of one variable of one city, in order of time. */
export class SeasonalRule {
  readonly #scale: Scale;
  readonly #threshold: number;
  readonly #given: HoursOfDays | null;
  readonly #days = new Map<number, Float64Array>();
  /** By hour of the day: of differences from what is expected, and from the season alone. */
  readonly #spread = new Float64Array(HOURS).fill(Number.NaN);
  readonly #seasonSpread = new Float64Array(HOURS).fill(Number.NaN);
  #day = Number.NaN;
  #hasLearned = false;
  #baseline: Baseline | null = null;
  #recent: Difference[] = [];
  /** Since when all values are flagged; null when the last one is not. */
  #flaggedSince: number | null = null;

  constructor({ scale, threshold, days }: SeasonalOptions) {
    this.#given = days ?? null;
    this.#scale = scale;
    this.#threshold = threshold;
  }

  /** Null while the rule is learning. `at` is in milliseconds since 1970. */
  judge(at: number, value: number): Judged | null {
    const scaled = this.#scale.to(value);
    const day = Math.floor(at / DAY_MS);
    if (day !== this.#day) this.#begin(day);
    const hour = Math.floor(hoursOfDay(at));
    const usual = this.#usualAt(at);
    const judged = Number.isNaN(usual) ? null : this.#judge(at, hour, scaled, usual);
    // A flagged value is not what is usual.
    if (this.#given === null && judged?.isFlagged !== true) this.#remember(day, hour, scaled);
    return judged;
  }

  #begin(day: number): void {
    this.#day = day;
    this.#baseline = baselineOf(this.#given ?? this.#days, day);
    const { days, recentDays } = this.#baseline;
    if (days >= LEARNING_DAYS) this.#hasLearned = true;
    else if (recentDays < FORGETTING_DAYS) this.#hasLearned = false;
    for (const known of this.#days.keys()) {
      if (known >= day - DAYS_KEPT) break;
      this.#days.delete(known);
    }
  }

  /** Between the middles of two hours, so that it does not jump with the hour. */
  #usualAt(at: number): number {
    const median = this.#baseline?.median;
    if (median === undefined) return Number.NaN;
    const position = hoursOfDay(at);
    const hour = Math.floor(position);
    const [a = Number.NaN, b = Number.NaN] = [median[hour], median[(hour + 1) % HOURS]];
    return a + (b - a) * (position - hour);
  }

  #judge(at: number, hour: number, scaled: number, usual: number): Judged | null {
    const difference = scaled - usual;
    this.#recent = this.#recent.filter((one) => at - one.at <= LEVEL_HOURS * HOUR_MS);
    const level = levelOf(this.#recent);
    const last = this.#recent.at(-1)?.at ?? at;
    const expected = usual + level * Math.exp((last - at) / (FADE_HOURS * HOUR_MS));
    const amount = scaled - expected;
    const gap = this.#recent.length === 0 ? FADE_HOURS : (at - last) / HOUR_MS - GAP_HOURS;
    const spread = this.#spreadAt(hour, gap);
    const isLearning = !this.#hasLearned || Number.isNaN(spread);
    const score = amount / spread;
    const isFlagged = !isLearning && Math.abs(score) > this.#threshold;
    if (!isFlagged || this.#isNewLevel(at)) {
      this.#recent.push({ at, amount: difference });
      this.#flaggedSince = null;
    } else this.#flaggedSince ??= at;
    this.#learn(this.#spread, hour, Math.abs(amount));
    this.#learn(this.#seasonSpread, hour, Math.abs(difference));
    return isLearning ? null : { expected: this.#scale.from(expected), score, isFlagged };
  }

  #isNewLevel(at: number): boolean {
    return this.#flaggedSince !== null && at - this.#flaggedSince >= HOLD_HOURS * HOUR_MS;
  }

  #spreadAt(hour: number, gapHours: number): number {
    const own = this.#spread[hour] ?? Number.NaN;
    const faded = 1 - Math.exp((-2 * Math.max(0, gapHours)) / FADE_HOURS);
    const season = this.#seasonSpread[hour] ?? Number.NaN;
    return Math.max(this.#scale.spreadLeast, Math.sqrt(own * own + faded * season * season));
  }

  #learn(spreads: Float64Array, hour: number, amount: number): void {
    const before = spreads[hour] ?? Number.NaN;
    if (Number.isNaN(before)) {
      spreads[hour] = amount * DEVIATIONS_PER_MEAN;
      return;
    }
    const cut = Math.min(amount, SPREAD_CUT * Math.max(before, this.#scale.spreadLeast));
    spreads[hour] = before + SPREAD_SHARE * (cut * DEVIATIONS_PER_MEAN - before);
  }

  #remember(day: number, hour: number, scaled: number): void {
    let hours = this.#days.get(day);
    if (hours === undefined) {
      hours = new Float64Array(HOURS).fill(Number.NaN);
      this.#days.set(day, hours);
    }
    hours[hour] = scaled;
  }
}

/** The last difference, and a little of the one before: flagged ones are not among them. */
function levelOf(recent: readonly Difference[]): number {
  const [last, before] = [recent.at(-1)?.amount ?? 0, recent.at(-2)?.amount];
  return before === undefined ? last : LAST_SHARE * last + (1 - LAST_SHARE) * before;
}
