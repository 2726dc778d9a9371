/** The charts of the page: each one variable of the compared cities, and what is usual there. */
import { computed, type ReadonlySignal } from '@preact/signals';
import type { ClimatologyAnswer, SeriesAnswer } from '../../src/api/schemas.ts';
import type { VariableName } from '../../src/model/variables.ts';
import type { Resource } from '../client/resource.ts';
import { CHARTS_MAX, type View } from '../client/view.ts';

/** What is drawn below the temperature of the first compared city. */
export const SKY_VARIABLES = [
  'rain_1h_mm',
  'snow_1h_mm',
  'wind_speed_ms',
  'wind_direction_deg',
] as const satisfies readonly VariableName[];

export interface Chart {
  /** Null while this place has no chart. */
  readonly variable: ReadonlySignal<VariableName | null>;
  readonly series: Resource<SeriesAnswer>;
  /** Of the first compared city. */
  readonly usual: Resource<ClimatologyAnswer>;
  /** What fell and blew there, drawn below the temperature. */
  readonly sky: Resource<SeriesAnswer>;
}

export interface ChartsOptions {
  readonly view: ReadonlySignal<View>;
  /** The question for the series of this variable; null while it cannot be asked. */
  readonly seriesPath: (variable: VariableName) => string | null;
  readonly usualPath: (variable: VariableName) => string | null;
  readonly skyPath: () => string | null;
  readonly ask: <T>(path: () => string | null) => Resource<T>;
  readonly askFirst: ChartsOptions['ask'];
}

/** As many places as there can be charts. */
export function createCharts({
  view,
  seriesPath,
  usualPath,
  skyPath,
  ask,
  askFirst,
}: ChartsOptions): readonly Chart[] {
  return Array.from({ length: CHARTS_MAX }, (_, place) => {
    const variable = computed(() => view.value.charts[place] ?? null);
    const about = (path: (name: VariableName) => string | null) => () =>
      variable.value === null ? null : path(variable.value);
    return {
      variable,
      series: askFirst<SeriesAnswer>(about(seriesPath)),
      usual: ask<ClimatologyAnswer>(about(usualPath)),
      sky: ask<SeriesAnswer>(() => (variable.value === 'temperature_c' ? skyPath() : null)),
    };
  });
}

const DAY = 86_400_000;
/** A day narrower than this, in px, is not followed: a few of its values are all that is drawn. */
export const FOLLOWED_MIN = 12;

/**
 * Points of a line: two for each px, half as many where days are drawn as one, in steps, so that a
 * wider window asks the same for a while.
 */
export function pointsFor(width: number, rangeMs: number): number {
  const steps = Math.ceil(width / 200);
  const isFollowed = (width * DAY) / rangeMs >= FOLLOWED_MIN;
  return Math.max(400, steps * (isFollowed ? 400 : 200));
}
