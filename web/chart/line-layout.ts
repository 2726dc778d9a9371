/** Where everything of a line chart lies, in px. Pure: no browser needed. */
import { ticks } from 'd3-array';
import { area } from 'd3-shape';
import type { Anomaly } from '../../src/model/datasets.ts';
import type { QualityFlag } from '../../src/model/quality.ts';
import { VARIABLES, type VariableName } from '../../src/model/variables.ts';
import { episodesOf } from '../anomalies/anomaly.ts';
import { formatAge } from '../format/ages.ts';
import { formatNumber } from '../format/numbers.ts';
import { convertValue, type Units } from '../format/units.ts';
import { worstFlags } from '../quality/flag.ts';
import { words } from '../words/words.ts';
import type { ForecastLine } from './forecast.ts';
import { formatEnd, type Line, sharedGaps } from './lines.ts';
import { type Gap, lastOf, linePath, spreadLabels, valueRange } from './points.ts';
import { layOutSky, type SkyLayout, type SkySeries, skyHeight } from './sky-layout.ts';
import type { Summary } from './summarise.ts';
import type { Span } from './sun.ts';
import { dayNames, timeTicks } from './ticks.ts';
import type { UsualRange } from './usual.ts';

export interface LayoutOptions {
  readonly lines: readonly Line[];
  /** Drawn instead of the lines where those would be a scribble; else null. */
  readonly summaries: readonly Summary[] | null;
  /** What is usual in the first city; null when it is not known. */
  readonly usual: UsualRange | null;
  readonly variable: VariableName;
  readonly units: Units;
  readonly zone: string;
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly height: number;
  readonly nights: readonly Span[];
  /** What fell and blew, drawn below the lines; null where it is not. */
  readonly sky: readonly SkySeries[] | null;
  readonly anomalies: readonly Anomaly[];
  readonly flags: readonly QualityFlag[];
  /** Whether there is room for the labels at the ends of the lines. */
  readonly labelled: boolean;
  /** What is forecast for the first city, after `measuredTo`, where the axis would end without it. */
  readonly forecast?: ForecastLine | null;
  readonly measuredTo?: number;
  /** A value that is drawn as a line across, in the chosen unit. */
  readonly threshold?: number | null;
  /** A time that is marked. */
  readonly marked?: Span | null;
}

export interface Column {
  readonly x: number;
  readonly width: number;
}

export interface Ring {
  readonly x: number;
  readonly y: number;
  readonly anomaly: Anomaly;
}

/** A value that failed quality control or is suspect. */
export interface Hollow {
  readonly x: number;
  readonly y: number;
  readonly place: number;
  readonly flag: QualityFlag;
}

export interface LineLayout {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Lower end of all that is drawn: that of the strip below the lines, where there is one. */
  readonly floor: number;
  readonly sky: SkyLayout | null;
  readonly timeMarks: readonly {
    /** Of the words. */
    readonly x: number;
    /** Of the stroke; null for words without one. */
    readonly tick: number | null;
    readonly label: string;
    readonly anchor: 'start' | 'middle' | 'end';
  }[];
  readonly valueMarks: readonly { readonly y: number; readonly label: string }[];
  readonly nights: readonly Column[];
  /** With words where there is room for them. */
  readonly gaps: readonly (Column & { readonly words: string | null })[];
  /** Where what was measured ends, the line of the median and the path around the interval. */
  readonly forecast: { readonly now: number; readonly path: string; readonly band: string } | null;
  /** The path around what is usual. */
  readonly usual: string | null;
  /** Where the threshold is. */
  readonly threshold: number | null;
  readonly marked: Column | null;
  readonly bands: readonly { readonly place: number; readonly path: string }[];
  readonly lines: readonly {
    readonly place: number;
    readonly path: string;
    /** Values without a neighbour make no line. */
    readonly dots: readonly { readonly x: number; readonly y: number }[];
  }[];
  readonly rings: readonly Ring[];
  /** None where lines are drawn as summaries of days. */
  readonly hollows: readonly Hollow[];
  readonly ends: readonly { readonly y: number; readonly place: number; readonly text: string }[];
  x(time: number): number;
  y(value: number): number;
  timeAt(x: number): number;
}

const MARGIN = { top: 8, left: 44, right: 14, bottom: 26 };
const LABEL_WIDTH_MIN = 96;
/** Px of one character of a label, roughly: bold, 12 px. */
const CHARACTER_WIDTH = 7.6;
/** Characters of " −12.3°". */
const VALUE_LENGTH = 7;
const LABEL_HEIGHT = 16;
/** Least distance of two marks of the time axis. */
const TICK_WIDTH = 84;
/** A day narrower than this has no name. */
const DAY_NAME_MIN = 26;
/** From here on there is room for its date, too; and from here on for hours. */
const DATED_DAY_MIN = 56;
const DAY_NAME_MAX = 220;
const DAY_MS = 86_400_000;
/** Px of one character of a mark's words, roughly. */
const TICK_CHARACTER_WIDTH = 6.4;
/** A gap narrower than this share of the axis is only seen, not spoken of. */
const GAP_SHARE = 0.02;
const GAP_WORDS_MIN = 70;
/** With no more values than this all of them are marked. */
const DOTS_ALL = 30;
/** Bands of more than two lines hide each other: then the first one's alone is drawn. */
const BANDS_MAX = 2;

export function layOutLines(options: LayoutOptions): LineLayout {
  const { lines, summaries, from, to, width, height, labelled } = options;
  const left = MARGIN.left;
  const right = left + plotWidthOf(options);
  const [top, floor] = [MARGIN.top, height - MARGIN.bottom];
  const { sky: series } = options;
  const bottom = series === null ? floor : floor - skyHeight({ series, from, to });
  const [low, high] = axisRange(options);
  const x = (time: number) => left + ((time - from) / (to - from)) * (right - left);
  const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const columnOf = (span: Span): Column => {
    const start = Math.max(left, x(span.from));
    return { x: start, width: Math.max(0, Math.min(right, x(span.to)) - start) };
  };
  const drawn = summaries ?? lines;
  const marks = ticks(low, high, Math.max(3, (bottom - top) / 40));
  const isWhole = marks.every((mark) => Number.isInteger(mark));
  return {
    left,
    right,
    top,
    bottom,
    floor,
    sky: series === null ? null : layOutSky({ series, from, to, left, right, bottom: floor }),
    timeMarks: timeMarksOf(options, x, left, right),
    valueMarks: marks.map((value) => ({
      y: y(value),
      label: `${formatNumber(value, isWhole ? 0 : 1)}${signOf(options.variable)}`,
    })),
    nights: options.nights.map(columnOf),
    gaps: shownGaps(lines, from, options.measuredTo ?? to).map((gap) => {
      const column = columnOf(gap);
      const said = words.value.chart.gap(formatAge((gap.to - gap.from) / 1_000));
      return { ...column, words: column.width >= GAP_WORDS_MIN ? said : null };
    }),
    forecast: forecastOf(options, x, y),
    usual: options.usual === null ? null : outlinePath(options.usual, x, y),
    threshold: options.threshold == null ? null : y(options.threshold),
    marked: options.marked == null ? null : columnOf(options.marked),
    bands: bandedOf(summaries ?? []).map((summary) => ({
      place: summary.place,
      path: outlinePath(summary, x, y),
    })),
    lines: drawn.map((line) => ({
      place: line.place,
      path: linePath(line, x, y),
      dots: dotsOf(line).map(({ at, value }) => ({ x: x(at), y: y(value) })),
    })),
    rings: ringsOf(options).map(({ anomaly, value }) => ({
      x: x(Date.parse(anomaly.observed_at)),
      y: y(value),
      anomaly,
    })),
    hollows: summaries === null ? hollowsOf(options, x, y) : [],
    ends: labelled && width > 0 ? endsOf(options, y, top, bottom) : [],
    x,
    y,
    timeAt: (px) => from + ((px - left) / (right - left)) * (to - from),
  };
}

function forecastOf(
  { forecast, measuredTo, to }: LayoutOptions,
  x: (time: number) => number,
  y: (value: number) => number,
): LineLayout['forecast'] {
  if (forecast == null || measuredTo === undefined || measuredTo >= to) return null;
  const band = outlinePath(forecast, x, y);
  return { now: x(measuredTo), path: linePath(forecast, x, y), band };
}

type Measures = Pick<LayoutOptions, 'lines' | 'width' | 'labelled'>;

/** Px from the left end of the time axis to its right one. */
export function plotWidthOf({ lines, width, labelled }: Measures): number {
  const right = labelled ? labelWidth(lines) : MARGIN.right;
  return Math.max(80, width - MARGIN.left - right);
}

/** Those of these lines that have a band. */
export function bandedOf<T>(lines: readonly T[]): readonly T[] {
  return lines.length > BANDS_MAX ? lines.slice(0, 1) : lines;
}

/** Days where each has room for its name, which stands in their middle; else round times. */
function timeMarksOf(
  { from, to, zone }: LayoutOptions,
  x: (at: number) => number,
  left: number,
  right: number,
): LineLayout['timeMarks'] {
  const dayWidth = ((right - left) * DAY_MS) / (to - from);
  // Beyond a week a weekday alone does not say which one.
  const least = to - from > 8 * DAY_MS ? DATED_DAY_MIN : DAY_NAME_MIN;
  if (dayWidth < least || dayWidth >= DAY_NAME_MAX) {
    const most = Math.floor((right - left) / TICK_WIDTH);
    const marks = timeTicks(from, to, zone, most).map(({ at, label }) => ({ x: x(at), label }));
    return labelTimes(marks, left, right);
  }
  return dayNames(from, to, zone, dayWidth).flatMap(({ from: start, to: end, label }) => {
    const [a, b] = [x(start), x(end)];
    const middle = { x: (a + b) / 2, tick: null, anchor: 'middle' as const };
    const fits = label.length * TICK_CHARACTER_WIDTH <= b - a;
    return [
      ...(start > from ? [{ x: a, tick: a, label: '', anchor: 'middle' as const }] : []),
      { ...middle, label: fits ? label : '' },
    ];
  });
}

type Anchor = 'start' | 'middle' | 'end';

/** Each mark with the side that its words are on; words that would lie upon others are left out. */
function labelTimes(
  marks: readonly { readonly x: number; readonly label: string }[],
  left: number,
  right: number,
): LineLayout['timeMarks'] {
  let taken = Number.NEGATIVE_INFINITY;
  return marks.map(({ x, label }) => {
    const width = label.length * TICK_CHARACTER_WIDTH;
    const anchor: Anchor =
      x - left < width / 2 ? 'start' : right - x < width / 2 ? 'end' : 'middle';
    const start = x - { start: 0, middle: width / 2, end: width }[anchor];
    const fits = start > taken + TICK_CHARACTER_WIDTH;
    if (fits) taken = start + width;
    return { x, tick: x, label: fits ? label : '', anchor };
  });
}

/** "°" for temperatures and directions, " %" for shares; other units stand in the subtitle. */
function signOf(variable: VariableName): string {
  const { unit } = VARIABLES[variable];
  return unit === '°C' || unit === '°' ? '°' : unit === '%' ? ' %' : '';
}

/** Room above and below the lines, within what the variable can be. */
function axisRange(options: LayoutOptions): readonly [number, number] {
  const { lines, variable, units, usual, threshold = null, forecast = null } = options;
  const { minimum, maximum, unit } = VARIABLES[variable];
  const least = LEAST_SPAN[unit] ?? 1;
  const bands = [usual, forecast].flatMap((band) =>
    band === null ? [] : [band.lows, band.highs].map((values) => ({ times: band.times, values })),
  );
  const ahead = forecast === null ? [] : [forecast];
  const ends = unit === '%' ? ([0, 100] as const) : ([0, 30] as const);
  const [low, high] =
    valueRange([...lines, ...ahead, ...bands, { times: [0], values: [threshold] }], least) ?? ends;
  const pad = (high - low) * 0.08;
  // Room for a line that runs along the upper end.
  const room = unit === '%' ? 2 : 0;
  return [
    Math.max(convertValue(minimum, variable, units), low - pad),
    Math.min(convertValue(maximum, variable, units) + room, high + pad),
  ];
}

/** A calm day shall not look like a storm: the axis spans at least as much. */
const LEAST_SPAN: Readonly<Record<string, number>> = {
  '°C': 6,
  '%': 20,
  hPa: 10,
  'm/s': 4,
  '°': 90,
  m: 1_000,
  mm: 1,
};

function shownGaps(lines: readonly Line[], from: number, to: number): readonly Gap[] {
  return sharedGaps(lines, from, to).filter((gap) => gap.to - gap.from > (to - from) * GAP_SHARE);
}

interface Outlined {
  readonly times: readonly number[];
  readonly lows: readonly (number | null)[];
  readonly highs: readonly (number | null)[];
}

/** Closed paths around what lies between lowest and highest, parted where values lack. */
export function outlinePath(
  { times, lows, highs }: Outlined,
  x: (time: number) => number,
  y: (value: number) => number,
): string {
  return (
    area<number>(
      x,
      (_, index) => y(lows[index] ?? 0),
      (_, index) => y(highs[index] ?? 0),
    )
      .defined((_, index) => lows[index] != null && highs[index] != null)
      .digits(1)(times) ?? ''
  );
}

function dotsOf({ times, values }: Line): { at: number; value: number }[] {
  const all = values.filter((value) => value !== null).length <= DOTS_ALL;
  return times.flatMap((at, index) => {
    const value = values[index] ?? null;
    const alone = (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;
    return value !== null && (all || alone) ? [{ at, value }] : [];
  });
}

/** A ring around the peak of each unusual episode of the cities that are drawn. */
function ringsOf({ anomalies, lines, variable, units, from, to }: LayoutOptions) {
  const drawn = new Set(lines.map(({ cityId }) => cityId));
  return episodesOf(anomalies)
    .map(({ peak }) => peak)
    .filter((row) => row.variable === variable && drawn.has(row.city_id))
    .filter(({ observed_at }) => Date.parse(observed_at) >= from && Date.parse(observed_at) <= to)
    .map((anomaly) => ({ anomaly, value: convertValue(anomaly.value, variable, units) }));
}

/** Where the flagged values of the cities that are drawn are. */
function hollowsOf(
  { flags, lines, variable, units, from, to }: LayoutOptions,
  x: (at: number) => number,
  y: (value: number) => number,
): readonly Hollow[] {
  const places = new Map(lines.map(({ cityId, place }) => [cityId, place]));
  return worstFlags(flags.filter((flag) => flag.variable === variable)).flatMap((flag) => {
    const place = places.get(flag.city_id);
    const at = Date.parse(flag.observed_at);
    if (place === undefined || at < from || at > to) return [];
    return { x: x(at), y: y(convertValue(flag.value, variable, units)), place, flag };
  });
}

/** The city's name and newest value at the end of its line, moved apart where lines meet. */
function endsOf(
  { lines, variable }: LayoutOptions,
  y: (value: number) => number,
  top: number,
  bottom: number,
): LineLayout['ends'] {
  const ends = lines.flatMap((line) => {
    const last = lastOf(line);
    return last === null ? [] : [{ line, value: last.value }];
  });
  const heights = spreadLabels(
    ends.map(({ value }) => y(value)),
    LABEL_HEIGHT,
    top + LABEL_HEIGHT / 2,
    bottom - LABEL_HEIGHT / 2,
  );
  return ends.map(({ line, value }, index) => ({
    y: heights[index] ?? 0,
    place: line.place,
    text: `${shorten(line.name)} ${formatEnd(value, variable)}`,
  }));
}

/** The same for every variable, so that one chart's times stand below the other's. */
function labelWidth(lines: readonly Line[]): number {
  const names = lines.map(({ name }) => shorten(name).length);
  return Math.max(LABEL_WIDTH_MIN, 10 + (Math.max(0, ...names) + VALUE_LENGTH) * CHARACTER_WIDTH);
}

function shorten(name: string): string {
  return name.length <= 14 ? name : `${name.slice(0, 13)}…`;
}
