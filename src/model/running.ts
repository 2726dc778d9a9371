/**
 * Means and sums of squares that grow with each value: Chan, Golub, LeVeque, "Updating Formulae and a
 * Pairwise Algorithm for Computing Sample Variances", 1979.
 */

/** The mean with one more value, of `count` values then; `mean` is null before the first. */
export function meanWith(mean: number | null, value: number, count: number): number {
  return mean === null ? value : mean + (value - mean) / count;
}

/** What the sum of squared deviations grows by; `mean` is that of the values before. */
export function squaresWith(mean: number | null, value: number, count: number): number {
  const difference = value - (mean ?? value);
  return (difference * difference * (count - 1)) / count;
}
