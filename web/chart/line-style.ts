/** A city's line: colour and dash together, so that neither alone has to tell them apart. */
export interface LineStyle {
  /** On the light surface (#ffffff); at least 5.5 : 1. */
  readonly light: string;
  /** On the dark surface (#161f27); at least 7 : 1. */
  readonly dark: string;
  /** Lengths of strokes and spaces in px; empty means solid. */
  readonly dash: readonly number[];
}

/** As many cities can be compared at once. */
export const LINE_STYLES: readonly LineStyle[] = [
  { light: '#0a63ad', dark: '#6cb4f5', dash: [] },
  { light: '#b4470a', dark: '#f5a15b', dash: [7, 3] },
  { light: '#0c7567', dark: '#5fd0bd', dash: [2, 3] },
  { light: '#7b3fb3', dark: '#c5a3f5', dash: [10, 3, 2, 3] },
  { light: '#a8246b', dark: '#f593c0', dash: [14, 4] },
  { light: '#5b6500', dark: '#c6cf5e', dash: [5, 2, 1, 2, 1, 2] },
];

export const COMPARED_MAX = LINE_STYLES.length;

/** The style at this place; the places repeat after the last. */
export function lineStyle(index: number): LineStyle {
  return LINE_STYLES[index % LINE_STYLES.length] ?? { light: '#000000', dark: '#ffffff', dash: [] };
}

/** For `stroke-dasharray`: "7 3"; undefined for a solid line. */
export function dashOf(place: number): string | undefined {
  const { dash } = lineStyle(place);
  return dash.length === 0 ? undefined : dash.join(' ');
}
