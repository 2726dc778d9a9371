/** Robust statistics over the first `count` numbers of an array, which they reorder. */

/** NaN of none. */
export function medianOf(values: Float64Array, count: number): number {
  if (count === 0) return Number.NaN;
  const sorted = values.subarray(0, count).sort();
  const middle = count >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return count % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** A normal distribution's standard deviation is so many times its median absolute deviation. */
export const DEVIATIONS_PER_MAD = 1.4826;
