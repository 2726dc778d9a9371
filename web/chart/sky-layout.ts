/** What falls and blows below the lines of the temperature: bars of rain and snow, arrows of wind. */
import { max, rollup } from 'd3-array';
import type { Series } from '../../src/api/schemas.ts';
import type { VariableName } from '../../src/model/variables.ts';
import { isCalm } from '../../src/model/wind.ts';
import { formatCompass } from '../wind/wind.ts';

export type SkySeries = Pick<Series, 'variable' | 'observed_at' | 'values'>;

export interface SkyLayout {
  /** Lower end of the bars, and how high the highest is, px. */
  readonly floor: number;
  readonly height: number;
  /** What the upper end of the bars stands for, mm; 0 when nothing fell. */
  readonly mostMm: number;
  readonly bars: readonly {
    readonly x: number;
    readonly width: number;
    readonly rain: number;
    readonly snow: number;
  }[];
  readonly arrows: readonly {
    readonly x: number;
    readonly y: number;
    /** To where the wind blows, clockwise from north. */
    readonly turn: number;
    readonly size: number;
    readonly label: string;
  }[];
}

interface SkyOptions {
  readonly series: readonly SkySeries[];
  readonly from: number;
  readonly to: number;
  readonly left: number;
  readonly right: number;
  /** Lower end of the whole strip. */
  readonly bottom: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BINS = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY, 91 * DAY];
const BAR_MIN = 4;
const BARS_HEIGHT = 34;
const ARROWS_HEIGHT = 20;
const ARROW_EVERY = 44;
/** In longer ranges single arrows say nothing. */
const ARROWS_MAX_MS = 10 * DAY;
/** A drizzle shall not look like a storm, mm in 1 h. */
const MOST_MIN = 2;

export function hasArrows({ from, to }: { readonly from: number; readonly to: number }): boolean {
  return to - from <= ARROWS_MAX_MS;
}

/** Px that the strip takes from the lines. */
export function skyHeight({ series, from, to }: Pick<SkyOptions, 'series' | 'from' | 'to'>) {
  return (mostOf(series) > 0 ? BARS_HEIGHT : 0) + (hasArrows({ from, to }) ? ARROWS_HEIGHT : 0);
}

export function layOutSky(options: SkyOptions): SkyLayout {
  const { series, from, to, left, right, bottom } = options;
  const x = (at: number) => left + ((at - from) / (to - from)) * (right - left);
  const blows = hasArrows(options);
  const floor = bottom - (blows ? ARROWS_HEIGHT : 0);
  const most = mostOf(series);
  const mostMm = most === 0 ? 0 : Math.max(MOST_MIN, Math.ceil(most));
  const bin = BINS.find((one) => (one * (right - left)) / (to - from) >= BAR_MIN) ?? 91 * DAY;
  const height = BARS_HEIGHT - 6;
  const heightsOf = (variable: VariableName) =>
    rollup(
      pointsOf(series, variable).filter(({ at, value }) => value > 0 && at >= from && at <= to),
      (points) => ((max(points, ({ value }) => value) ?? 0) / mostMm) * height,
      ({ at }) => Math.floor(at / bin) * bin,
    );
  const [rain, snow] = [heightsOf('rain_1h_mm'), heightsOf('snow_1h_mm')];
  return {
    floor,
    height,
    mostMm,
    bars: [...new Set([...rain.keys(), ...snow.keys()])].map((start) => {
      const begin = Math.max(left, x(start));
      const width = Math.max(1, Math.min(right, x(start + bin)) - begin - 1);
      return { x: begin, width, rain: rain.get(start) ?? 0, snow: snow.get(start) ?? 0 };
    }),
    arrows: blows ? arrowsOf(options, x, bottom - ARROWS_HEIGHT / 2) : [],
  };
}

/** The highest rain or snow of an hour, mm; 0 when nothing fell. */
export function mostOf(series: readonly SkySeries[]): number {
  const fallen = (['rain_1h_mm', 'snow_1h_mm'] as const).flatMap((name) => pointsOf(series, name));
  return max(fallen, ({ value }) => value) ?? 0;
}

/** One arrow a slot: the wind that was observed nearest to its middle. */
function arrowsOf(
  { series, from, to, left, right }: SkyOptions,
  x: (at: number) => number,
  y: number,
): SkyLayout['arrows'] {
  const count = Math.max(1, Math.floor((right - left) / ARROW_EVERY));
  const slot = (to - from) / count;
  const [speeds, directions] = [
    pointsOf(series, 'wind_speed_ms'),
    pointsOf(series, 'wind_direction_deg'),
  ];
  return Array.from({ length: count }, (_, place) => from + (place + 0.5) * slot).flatMap((at) => {
    const speed = nearestPoint(speeds, at, slot / 2);
    const direction = nearestPoint(directions, at, slot / 2);
    if (speed === null || direction === null || isCalm(speed)) return [];
    const size = speed < 3 ? 0.75 : speed < 8 ? 1 : 1.25;
    return { x: x(at), y, turn: (direction + 180) % 360, size, label: formatCompass(direction) };
  });
}

interface Point {
  readonly at: number;
  readonly value: number;
}

function nearestPoint(points: readonly Point[], wanted: number, within: number): number | null {
  let found: Point | null = null;
  for (const point of points) {
    const far = Math.abs(point.at - wanted);
    if (far <= within && (found === null || far < Math.abs(found.at - wanted))) found = point;
  }
  return found?.value ?? null;
}

function pointsOf(series: readonly SkySeries[], variable: VariableName): readonly Point[] {
  return series
    .filter((one) => one.variable === variable)
    .flatMap(({ observed_at, values }) =>
      observed_at.flatMap((time, index) => {
        const value = values[index];
        return value == null ? [] : { at: Date.parse(time), value };
      }),
    );
}
