/**
 * A sensor that is off by about the same amount all the time: each difference from the neighbours may
 * be one that weather makes, all of them together are not.
 */
import type { Verdict } from '../model/quality.ts';

/** Differences of one station from its neighbours, in order of time. */
export interface Residuals {
  /** Milliseconds since 1970. */
  readonly at: Float64Array;
  /** Value less what the neighbours say, in the variable's unit. */
  readonly residual: Float64Array;
  /** Standard deviation that is expected of each. */
  readonly spread: Float64Array;
}

export interface Bias {
  readonly verdict: Verdict;
  /** The median difference, in the variable's unit. */
  readonly bias: number;
  readonly from: number;
  readonly to: number;
}

/** Day and night have to be among them. */
const HOURS_LEAST = 24;
const COUNT_LEAST = 4;
/** The smallest of the differences, in spreads, and how alike they are: quartiles against the median. */
const SCORE_LEAST = 2.5;
const SCORE_FAIL = 4;
const SHARE_OUT = 0.9;

/** Null where nothing is wrong, or nothing can be said yet. */
export function findBias({ at, residual, spread }: Residuals, residualMin: number): Bias | null {
  const count = at.length;
  const [from = Number.NaN, to = Number.NaN] = [at[0], at[count - 1]];
  if (count < COUNT_LEAST || to - from < HOURS_LEAST * 3_600_000) return null;
  const sorted = Float64Array.from(residual).sort();
  const bias = sorted[count >> 1] ?? Number.NaN;
  const scores = Float64Array.from(residual, (value, index) => value / (spread[index] ?? 1)).sort();
  const sign = Math.sign(bias);
  const isOut = (score: number) => score * sign > SCORE_LEAST;
  if (Math.abs(bias) < residualMin) return null;
  if (scores.filter(isOut).length < SHARE_OUT * count) return null;
  const typical = Math.abs(scores[count >> 1] ?? 0);
  return { verdict: typical > SCORE_FAIL ? 'fail' : 'suspect', bias, from, to };
}
