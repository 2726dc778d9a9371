/**
 * The dash of each city's line: together with its colour, so that neither alone has to distinguish
 * them. Lengths of strokes and spaces in px; empty means solid. The colours are in style/tokens.css.
 */
export const DASHES: readonly (readonly number[])[] = [
  [],
  [7, 3],
  [2, 3],
  [10, 3, 2, 3],
  [14, 4],
  [5, 2, 1, 2, 1, 2],
];

/** As many cities can be compared at once. */
export const COMPARED_MAX = DASHES.length;

/** For `stroke-dasharray`: "7 3"; undefined for a solid line, and for a city that is not compared. */
export function dashOf(place: number): string | undefined {
  const dash = DASHES[place % COMPARED_MAX] ?? [];
  return dash.length === 0 ? undefined : dash.join(' ');
}
