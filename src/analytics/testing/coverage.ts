/** Coverage in the plainest way, for tests: what model/coverage.ts says, observation by observation. */
export interface Observed {
  /** Whole seconds since 1970. */
  readonly at: number;
  readonly interval: number;
}

/** Seconds of the intervals between two observations: by their distance, and by nearest slots. */
function stepsBetween(from: Observed, to: Observed): number[] {
  const interval = Math.max(from.interval, to.interval);
  return [
    Math.ceil((to.at - from.at) / interval - 0.5),
    Math.floor(to.at / interval + 0.5) - Math.floor(from.at / interval + 0.5),
  ].map((steps) => Math.max(0, steps) * interval);
}

/** Of all observations of one city and of those that hold the value, in seconds. */
export function cover(
  all: readonly Observed[],
  held: readonly Observed[],
): { readonly held: number; readonly expected: number } {
  const byTime = (a: Observed, b: Observed) => a.at - b.at;
  const [rows, values] = [all.toSorted(byTime), held.toSorted(byTime)];
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined) throw new Error('nothing was observed');
  const expected = last.interval * (Math.floor((last.at - first.at) / last.interval + 0.5) + 1);
  const [firstValue, lastValue] = [values[0], values.at(-1)];
  if (firstValue === undefined || lastValue === undefined) return { held: 0, expected };
  const beside = (from: Observed, to: Observed) => stepsBetween(from, to)[0] ?? 0;
  const missing = [0, 1].map((count) => {
    let sum = beside(first, firstValue) + beside(lastValue, last);
    for (const [index, to] of values.entries()) {
      const from = values[index - 1];
      if (from === undefined) continue;
      const interval = Math.max(from.interval, to.interval);
      sum += Math.max(0, (stepsBetween(from, to)[count] ?? 0) - interval);
    }
    return sum;
  });
  return { held: Math.max(0, expected - Math.min(...missing)), expected };
}
