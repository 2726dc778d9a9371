/**
 * The buddy check of one variable at one time: each value against the mean of its neighbours, levelled
 * to its elevation.
 *
 * A value is out when it differs from the mean by more than `threshold` times the standard deviation of
 * the neighbours, enlarged by the error of their mean. What is out does not count as a neighbour in the next round. The
 * rule is that of titanlib (MET Norway, https://github.com/metno/titanlib/wiki/Buddy-check).
 */
import { type Neighbours, neighboursOf, type Places } from './neighbours.ts';

export interface BuddyOptions {
  readonly neighboursLeast: number;
  /** Neighbours whose elevation differs by more, in metres, do not count. */
  readonly elevationMost: number;
  /** Change with elevation, in the variable's unit per metre. */
  readonly lapse: number;
  /** Lowest standard deviation of a neighbourhood, in the variable's unit. */
  readonly spreadLeast: number;
  readonly threshold: number;
}

export interface BuddyCheck {
  /** 1 where the value is out. */
  readonly failed: Uint8Array;
  /** 1 where there were enough neighbours in the last round. */
  readonly tested: Uint8Array;
}

const ROUNDS = 2;

export interface BuddyInput {
  /** An entry per station, NaN for none. */
  readonly values: Float64Array;
  /** Stations to check; the others are neighbours only. */
  readonly checked: Iterable<number>;
  /** 1 for a station that does not count as a neighbour. */
  readonly doubted: Uint8Array;
}

export function checkBuddies(
  { elevation }: Places,
  neighbours: Neighbours,
  { values, checked, doubted }: BuddyInput,
  { neighboursLeast, elevationMost, lapse, spreadLeast, threshold }: BuddyOptions,
): BuddyCheck {
  const failed = new Uint8Array(values.length);
  const tested = new Uint8Array(values.length);
  const wanted = [...checked];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = failed.slice();
    for (const one of wanted) {
      const value = values[one] ?? Number.NaN;
      if (!Number.isFinite(value) || before[one] === 1) continue;
      const height = elevation[one] ?? Number.NaN;
      let count = 0;
      let mean = 0;
      let squares = 0;
      for (const other of neighboursOf(neighbours, one)) {
        const rise = height - (elevation[other] ?? Number.NaN);
        const levelled = (values[other] ?? Number.NaN) + lapse * rise;
        // Without an elevation nothing is comparable.
        if (!Number.isFinite(levelled) || before[other] === 1 || doubted[other] === 1) continue;
        if (Math.abs(rise) > elevationMost) continue;
        count += 1;
        const shift = levelled - mean;
        mean += shift / count;
        squares += shift * (levelled - mean);
      }
      if (count < neighboursLeast) continue;
      tested[one] = 1;
      const variance = squares / count;
      const spread = Math.max(spreadLeast, Math.sqrt(variance + variance / count));
      if (Math.abs(value - mean) > threshold * spread) failed[one] = 1;
    }
  }
  return { failed, tested };
}
