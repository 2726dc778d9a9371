/**
 * The rule seasonal, by docs/anomalies.md#arithmetic: it watches one variable of one city from the
 * beginning of a month on.
 */
import type { Judging, Usual } from './season.ts';

export interface Unusual {
  /** On the scale. */
  readonly expected: number;
  readonly score: number;
}

export const THRESHOLD = 3.3;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Difference {
  readonly at: number;
  readonly fromUsual: number;
}

export class SeasonalWatch {
  readonly #judging: Judging;
  /** By hour: how far values are from what was expected, and from what is usual. */
  readonly #spreads: (number | undefined)[] = [];
  readonly #spreadsOfSeason: (number | undefined)[] = [];
  #hasLearned = false;
  /** The newest two that are not flagged, or that are the new level. */
  #last: readonly Difference[] = [];
  #flaggedSince: number | null = null;

  constructor(judging: Judging) {
    this.#judging = judging;
  }

  /** Null where the value is not flagged. `at` is in milliseconds since 1970. */
  judge(at: number, value: number, usual: Usual): Unusual | null {
    if (usual.knownDays >= 21) this.#hasLearned = true;
    else if (usual.recentDays < 7) this.#hasLearned = false;
    const hours = (at - usual.day * DAY_MS) / HOUR_MS;
    const hour = Math.floor(hours);
    const share = hours - hour;
    const [now = Number.NaN, next = Number.NaN] = [
      usual.medians[hour],
      usual.medians[(hour + 1) % 24],
    ];
    const median = now + share * (next - now);
    if (Number.isNaN(median)) return null;
    const scaled = this.#judging.scaled(value);
    const fromUsual = scaled - median;
    const counting = this.#last.filter((one) => at - one.at <= 6 * HOUR_MS);
    const expected = median + expectedDifference(counting, at);
    const spread = this.#spreadOf(hour, counting.at(-1)?.at ?? null, at);
    const score = spread === null ? 0 : (scaled - expected) / spread;
    const isFlagged = this.#hasLearned && Math.abs(score) > THRESHOLD;
    const lasts = this.#flaggedSince !== null && at - this.#flaggedSince >= 6 * HOUR_MS;
    if (isFlagged && !lasts) this.#flaggedSince ??= at;
    else {
      this.#last = [...this.#last, { at, fromUsual }].slice(-2);
      this.#flaggedSince = null;
    }
    this.#learn(this.#spreads, hour, Math.abs(scaled - expected));
    this.#learn(this.#spreadsOfSeason, hour, Math.abs(fromUsual));
    return isFlagged ? { expected, score } : null;
  }

  /** Null until a value of this hour was seen. */
  #spreadOf(hour: number, last: number | null, at: number): number | null {
    const [own, ofSeason] = [this.#spreads[hour], this.#spreadsOfSeason[hour]];
    if (own === undefined || ofSeason === undefined) return null;
    const hoursBeyond = last === null ? 18 : Math.max(0, (at - last) / HOUR_MS - 2);
    const unknown = 1 - Math.exp((-2 * hoursBeyond) / 18);
    return Math.max(this.#judging.spreadLeast, Math.hypot(own, Math.sqrt(unknown) * ofSeason));
  }

  #learn(spreads: (number | undefined)[], hour: number, distance: number): void {
    const before = spreads[hour];
    const most = before === undefined ? distance : 3 * Math.max(before, this.#judging.spreadLeast);
    const deviation = 1.2533 * Math.min(distance, most);
    spreads[hour] = before === undefined ? deviation : 0.97 * before + 0.03 * deviation;
  }
}

/** How far the last values were from what is usual, which fades. */
function expectedDifference(counting: readonly Difference[], at: number): number {
  const [newest, before] = [counting.at(-1), counting.at(-2)];
  if (newest === undefined) return 0;
  const level =
    before === undefined ? newest.fromUsual : 0.8 * newest.fromUsual + 0.2 * before.fromUsual;
  return level * Math.exp((newest.at - at) / (18 * HOUR_MS));
}
