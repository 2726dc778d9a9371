/** Where everything of a line chart lies, in px. Pure: no browser needed. */
import type { Anomaly } from '../../src/model/datasets.ts';
import { VARIABLES, type VariableName } from '../../src/model/variables.ts';
import { episodesOf } from '../anomalies/anomaly.ts';
import { formatAge } from '../format/ages.ts';
import { formatCount, formatNumber } from '../format/numbers.ts';
import { convertValue, type Units } from '../format/units.ts';
import { words } from '../words/words.ts';
import { formatEnd, type Line, sharedGaps } from './lines.ts';
import { type Gap, lastOf, linePath, spreadLabels, valueRange } from './points.ts';
import type { Summary } from './summarise.ts';
import type { Span } from './sun.ts';
import { timeTicks } from './ticks.ts';
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
  readonly anomalies: readonly Anomaly[];
  /** Whether there is room for the labels at the ends of the lines. */
  readonly labelled: boolean;
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

export interface LineLayout {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly timeMarks: readonly {
    readonly x: number;
    readonly label: string;
    readonly anchor: 'start' | 'middle' | 'end';
  }[];
  readonly valueMarks: readonly { readonly y: number; readonly label: string }[];
  readonly nights: readonly Column[];
  /** With words where there is room for them. */
  readonly gaps: readonly (Column & { readonly words: string | null })[];
  /** The path around what is usual. */
  readonly usual: string | null;
  readonly bands: readonly { readonly place: number; readonly path: string }[];
  readonly lines: readonly {
    readonly place: number;
    readonly path: string;
    /** Values without a neighbour make no line. */
    readonly dots: readonly { readonly x: number; readonly y: number }[];
  }[];
  readonly rings: readonly Ring[];
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
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const [low, high] = axisRange(options);
  const x = (time: number) => left + ((time - from) / (to - from)) * (right - left);
  const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const columnOf = (span: Span): Column => {
    const start = Math.max(left, x(span.from));
    return { x: start, width: Math.max(0, Math.min(right, x(span.to)) - start) };
  };
  const drawn = summaries ?? lines;
  const step = tickStep(high - low, (bottom - top) / 40);
  return {
    left,
    right,
    top,
    bottom,
    timeMarks: labelTimes(
      timeTicks(from, to, options.zone, Math.floor((right - left) / TICK_WIDTH)).map(
        ({ at, label }) => ({ x: x(at), label }),
      ),
      left,
      right,
    ),
    valueMarks: marksOf(low, high, step).map((value) => ({
      y: y(value),
      label: `${step < 1 ? formatNumber(value, 1) : formatCount(value)}${signOf(options.variable)}`,
    })),
    nights: options.nights.map(columnOf),
    gaps: shownGaps(lines, from, to).map((gap) => {
      const column = columnOf(gap);
      const said = words.value.chart.gap(formatAge((gap.to - gap.from) / 1_000));
      return { ...column, words: column.width >= GAP_WORDS_MIN ? said : null };
    }),
    usual: options.usual === null ? null : outlinePath(options.usual, x, y),
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
    ends: labelled && width > 0 ? endsOf(options, y, top, bottom) : [],
    x,
    y,
    timeAt: (px) => from + ((px - left) / (right - left)) * (to - from),
  };
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
    return { x, label: fits ? label : '', anchor };
  });
}

/** "°" for temperatures and directions, " %" for shares; other units stand in the subtitle. */
function signOf(variable: VariableName): string {
  const { unit } = VARIABLES[variable];
  return unit === '°C' || unit === '°' ? '°' : unit === '%' ? ' %' : '';
}

/** Room above and below the lines, within what the variable can be. */
function axisRange({ lines, variable, units, usual }: LayoutOptions): readonly [number, number] {
  const { minimum, maximum, unit } = VARIABLES[variable];
  const least = LEAST_SPAN[unit] ?? 1;
  const bands =
    usual === null
      ? []
      : [usual.lows, usual.highs].map((values) => ({ times: usual.times, values }));
  const ends = unit === '%' ? ([0, 100] as const) : ([0, 30] as const);
  const [low, high] = valueRange([...lines, ...bands], least) ?? ends;
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

/** A round distance of at most `most` marks over this width. */
function tickStep(width: number, most: number): number {
  const wanted = width / Math.max(3, most);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= wanted) ?? 10;
  // Between whole numbers there are halves only.
  const size = step * power;
  return size < 1 ? (size <= 0.5 ? 0.5 : 1) : size === 2.5 ? 5 : size;
}

function marksOf(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, at) => (first + at) * step);
}

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
  const runs: number[][] = [];
  let run: number[] = [];
  for (const index of times.keys()) {
    const missing = lows[index] === null || highs[index] === null;
    if (!missing) run.push(index);
    if (missing || index === times.length - 1) {
      if (run.length > 1) runs.push(run);
      run = [];
    }
  }
  const point = (index: number, values: readonly (number | null)[]) =>
    `${x(times[index] ?? 0).toFixed(1)} ${y(values[index] ?? 0).toFixed(1)}`;
  return runs
    .map((indexes) => {
      const above = indexes.map((index) => point(index, highs));
      const below = indexes.toReversed().map((index) => point(index, lows));
      return `M${[...above, ...below].join('L')}Z`;
    })
    .join('');
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
