/** When two computations of a number agree: of two engines, or by two orders of adding. */

const RELATIVE_DIFFERENCE_MAX = 1e-9;

/** Values that are not both numbers agree when they are the same. */
export function isClose(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  // Means near zero and directions near north are compared by their distance.
  const difference = Math.abs(a - b);
  return difference <= RELATIVE_DIFFERENCE_MAX * Math.max(1, Math.abs(a), Math.abs(b));
}
