/** What is said about a line: where it has gaps, how it changed, where its label goes. */
import { extent } from 'd3-array';
import { line } from 'd3-shape';

export interface Points {
  readonly times: readonly number[];
  readonly values: readonly (number | null)[];
}

export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Where values are missing: between the value before and the one after a null. */
export function gapsOf({ times, values }: Points): readonly Gap[] {
  const gaps: Gap[] = [];
  let last: number | null = null;
  let open = false;
  values.forEach((value, index) => {
    const at = times[index];
    if (at === undefined) return;
    if (value === null) {
      open = last !== null;
      return;
    }
    if (open && last !== null) gaps.push({ from: last, to: at });
    open = false;
    last = at;
  });
  return gaps;
}

/** The newest point that has a value. */
export function lastOf({ times, values }: Points): { at: number; value: number } | null {
  for (let index = values.length - 1; index >= 0; index -= 1) {
    const value = values[index];
    const at = times[index];
    if (value !== null && value !== undefined && at !== undefined) return { at, value };
  }
  return null;
}

/**
 * The newest value less the one `ms` before it; null when there is none within a quarter of
 * that time.
 */
export function changeOver(points: Points, ms: number): number | null {
  const last = lastOf(points);
  if (last === null) return null;
  const before = nearest(points, last.at - ms);
  if (before === null || Math.abs(before.at - (last.at - ms)) > ms / 4) return null;
  return last.value - before.value;
}

/** The point with a value that is nearest in time; null when there is none at all. */
export function nearest(points: Points, wanted: number): { at: number; value: number } | null {
  let found: { at: number; value: number } | null = null;
  points.times.forEach((at, index) => {
    const value = points.values[index];
    if (value === null || value === undefined) return;
    if (found === null || Math.abs(at - wanted) < Math.abs(found.at - wanted)) {
      found = { at, value };
    }
  });
  return found;
}

/** Labels at these heights (px, in any order) moved as little as needed to be `gap` apart. */
export function spreadLabels(
  heights: readonly number[],
  gap: number,
  top: number,
  bottom: number,
): readonly number[] {
  const order = heights.map((_, index) => index).sort((a, b) => at(heights, a) - at(heights, b));
  const placed = [...heights];
  let least = top;
  for (const index of order) {
    placed[index] = Math.max(at(heights, index), least);
    least = at(placed, index) + gap;
  }
  let most = bottom;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(at(placed, index), most);
    most = at(placed, index) - gap;
  }
  return placed;
}

function at(list: readonly number[], index: number): number {
  return list[index] ?? 0;
}

/** An SVG path through the points, lifted at nulls; `x` and `y` turn time and value into px. */
export function linePath(
  { times, values }: Points,
  x: (time: number) => number,
  y: (value: number) => number,
): string {
  return (
    line<number>(x, (_, index) => y(values[index] ?? 0))
      .defined((_, index) => values[index] != null)
      .digits(1)(times) ?? ''
  );
}

/** Lowest and highest value of all lines, at least `least` apart; null without any value. */
export function valueRange(
  lines: readonly Points[],
  least: number,
): readonly [number, number] | null {
  const [low, high] = extent(
    lines.flatMap(({ values }) => values),
    (value) => value ?? undefined,
  );
  if (low === undefined) return null;
  const pad = Math.max(0, (least - (high - low)) / 2);
  return [low - pad, high + pad];
}
