/** The API's figure with the page's own clock, units, colours and labels. Pure: no browser needed. */
import type { Anomaly } from '../../../src/model/datasets.ts';
import { VARIABLES, type VariableName } from '../../../src/model/variables.ts';
import { formatAge } from '../format/ages.ts';
import { episodesOf } from '../format/anomaly.ts';
import { formatDash, lineStyle } from '../format/line-style.ts';
import {
  type Gap,
  gapsOf,
  lastOf,
  nearest,
  type Points,
  spreadLabels,
  valueRange,
} from '../format/lines.ts';
import type { Span } from '../format/sun.ts';
import { timeTicks } from '../format/ticks.ts';
import { convertValue, formatBare, type Units } from '../format/units.ts';
import { CHART_COLOURS, type Tone, transparent } from './colours.ts';
import { toPlotlyTime } from './plotly-time.ts';
import { outline, type Summary } from './summarise.ts';

/** One city's line, in the chosen unit. */
export interface Line extends Points {
  readonly cityId: string;
  readonly name: string;
  /** Place among the compared cities: gives colour and dash. */
  readonly place: number;
}

export interface FigureOptions {
  readonly lines: readonly Line[];
  /** Drawn instead of the lines where those would be a scribble; else null. */
  readonly summaries: readonly Summary[] | null;
  readonly variable: VariableName;
  readonly units: Units;
  readonly zone: string;
  readonly tone: Tone;
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly height: number;
  readonly nights: readonly Span[];
  readonly anomalies: readonly Anomaly[];
  /** Whether there is room for the labels at the ends of the lines. */
  readonly labelled: boolean;
}

export interface Figure {
  readonly traces: readonly object[];
  readonly layout: object;
}

const MARGIN = { top: 8, left: 40, right: 14, bottom: 26 };
const LABEL_WIDTH_MIN = 96;
/** Px of one character of a label, roughly: bold, 12 px. */
const CHARACTER_WIDTH = 7.6;
/** Characters of " −12.3°". */
const VALUE_LENGTH = 7;
const LABEL_HEIGHT = 16;
/** Least distance of two marks of the time axis. */
const TICK_WIDTH = 84;
/** A gap narrower than this share of the axis is only seen, not spoken of. */
const GAP_SHARE = 0.02;
const BAND_OPACITY = 0.16;

/** From the traces of the API to lines in the order of the compared cities. */
export function linesOf(
  traces: readonly {
    readonly name: string;
    readonly x: readonly string[];
    readonly y: readonly (number | null)[];
    readonly meta: { readonly city_id: string };
  }[],
  compared: readonly string[],
  variable: VariableName,
  units: Units,
): readonly Line[] {
  return compared.flatMap((cityId, place) => {
    const trace = traces.find(({ meta }) => meta.city_id === cityId);
    if (trace === undefined) return [];
    return {
      cityId,
      name: trace.name,
      place,
      times: trace.x.map((time) => Date.parse(time)),
      values: trace.y.map((value) =>
        value === null ? null : convertValue(value, variable, units),
      ),
    };
  });
}

export function buildFigure(options: FigureOptions): Figure {
  const { lines, tone, from, to, width, height, labelled, variable } = options;
  const colours = CHART_COLOURS[tone];
  const right = rightOf(lines, labelled);
  const plotWidth = plotWidthOf(options);
  const plotHeight = height - MARGIN.top - MARGIN.bottom;
  const [low, high] = axisRange(options);
  const ticks = timeTicks(from, to, options.zone, Math.floor(plotWidth / TICK_WIDTH));
  const gaps = sharedGaps(lines, from, to).filter(
    (gap) => gap.to - gap.from > (to - from) * GAP_SHARE,
  );
  const font = { family: 'system-ui, sans-serif', size: 11.5, color: colours.quiet };
  const axis = {
    zeroline: false,
    fixedrange: true,
    ticks: '',
    tickfont: font,
    title: { text: '' },
  };
  return {
    traces: [
      ...bandedOf(options.summaries ?? []).map((summary) => drawBand(summary, tone)),
      ...(options.summaries ?? lines).map((line) => drawLine(line, tone)),
      ...drawAnomalies(options),
    ],
    layout: {
      width,
      height,
      margin: { t: MARGIN.top, l: MARGIN.left, r: right, b: MARGIN.bottom, pad: 0 },
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      font,
      showlegend: false,
      hovermode: 'x',
      hoverdistance: -1,
      spikedistance: -1,
      dragmode: 'zoom',
      selectdirection: 'h',
      xaxis: {
        ...axis,
        type: 'date',
        range: [toPlotlyTime(from), toPlotlyTime(to)],
        fixedrange: false,
        showgrid: false,
        tickmode: 'array',
        tickvals: ticks.map(({ at }) => toPlotlyTime(at)),
        ticktext: ticks.map(({ label }) => label),
        ticks: 'outside',
        ticklen: 4,
        tickcolor: colours.line,
        tickangle: 0,
        showspikes: true,
        spikemode: 'across',
        spikethickness: 1,
        spikecolor: colours.quiet,
        spikedash: 'solid',
        spikesnap: 'hovered data',
      },
      yaxis: {
        ...axis,
        range: [low, high],
        gridcolor: colours.line,
        ticksuffix: VARIABLES[variable].unit === '°C' ? '°' : ' %',
        tick0: 0,
        dtick: tickStep(high - low, plotHeight / 40),
      },
      shapes: [
        ...options.nights.map((night) => column(night, colours.night)),
        ...gaps.map((gap) => column(gap, colours.gap)),
      ],
      annotations: [
        ...(labelled ? endLabels(options, low, high, plotHeight) : []),
        ...gaps.map((gap) => gapLabel(gap, colours.quiet)),
      ],
    },
  };
}

type Measures = Pick<FigureOptions, 'lines' | 'width' | 'labelled'>;

/** Px from the left end of the time axis to its right one. */
export function plotWidthOf({ lines, width, labelled }: Measures): number {
  return Math.max(80, width - MARGIN.left - rightOf(lines, labelled));
}

function rightOf(lines: readonly Line[], labelled: boolean): number {
  return labelled ? labelWidth(lines) : MARGIN.right;
}

/** Room above and below the lines; humidity never leaves 0 to 100. */
function axisRange({ lines, variable, units }: FigureOptions): readonly [number, number] {
  const { minimum, maximum } = VARIABLES[variable];
  const percent = VARIABLES[variable].unit === '%';
  const [low, high] = valueRange(lines, percent ? 20 : 6) ?? (percent ? [0, 100] : [0, 30]);
  const pad = (high - low) * 0.08;
  if (percent) return [Math.max(minimum, low - pad), Math.min(maximum + 2, high + pad)];
  return [
    Math.max(convertValue(minimum, variable, units), low - pad),
    Math.min(convertValue(maximum, variable, units), high + pad),
  ];
}

/** A round distance of at most `most` marks over this width. */
function tickStep(width: number, most: number): number {
  const steps = [0.5, 1, 2, 5, 10, 20, 25, 50];
  return steps.find((step) => width / step <= Math.max(3, most)) ?? 100;
}

function drawLine(line: Line, tone: Tone): object {
  const style = lineStyle(line.place);
  const values = line.values.filter((value) => value !== null).length;
  return {
    type: 'scatter',
    // A single observation between two gaps makes no line: with few points, all are marked.
    mode: values <= 30 ? 'lines+markers' : 'lines',
    name: line.name,
    x: line.times.map(toPlotlyTime),
    y: line.values,
    connectgaps: false,
    hoverinfo: 'none',
    line: { color: style[tone], dash: formatDash(style), width: 2 },
    marker: { color: style[tone], size: 5 },
  };
}

/** Bands of more than two lines hide each other: then the first one's alone is drawn. */
const BANDS_MAX = 2;

/** Those of these lines that have a band. */
export function bandedOf<T>(lines: readonly T[]): readonly T[] {
  return lines.length > BANDS_MAX ? lines.slice(0, 1) : lines;
}

/** What lies between lowest and highest. */
function drawBand(summary: Summary, tone: Tone): object {
  const { x, y } = outline(summary);
  return {
    type: 'scatter',
    mode: 'lines',
    name: summary.name,
    x: x.map((at) => (at === null ? null : toPlotlyTime(at))),
    y,
    fill: 'toself',
    fillcolor: transparent(lineStyle(summary.place)[tone], BAND_OPACITY),
    line: { width: 0 },
    hoverinfo: 'skip',
  };
}

/** A ring around each unusual value that lies on one of the lines. */
function drawAnomalies({ anomalies, lines, variable, units, tone }: FigureOptions): object[] {
  const drawn = new Set(lines.map(({ cityId }) => cityId));
  const found = episodesOf(anomalies)
    .map(({ peak }) => peak)
    .filter((row) => row.variable === variable && drawn.has(row.city_id));
  if (found.length === 0) return [];
  return [
    {
      type: 'scatter',
      mode: 'markers',
      name: 'unusual',
      x: found.map((row) => row.observed_at),
      y: found.map((row) => convertValue(row.value, variable, units)),
      hoverinfo: 'skip',
      marker: {
        symbol: 'circle-open',
        size: 12,
        color: CHART_COLOURS[tone].alert,
        line: { width: 2 },
      },
    },
  ];
}

function column({ from, to }: Span, fillcolor: string): object {
  const at = {
    type: 'rect',
    xref: 'x',
    yref: 'paper',
    x0: toPlotlyTime(from),
    x1: toPlotlyTime(to),
    y0: 0,
    y1: 1,
  };
  return { ...at, fillcolor, line: { width: 0 }, layer: 'below' };
}

function gapLabel({ from, to }: Gap, color: string): object {
  return {
    xref: 'x',
    yref: 'paper',
    x: toPlotlyTime((from + to) / 2),
    y: 0.02,
    yanchor: 'bottom',
    text: `no data ${formatAge((to - from) / 1_000)}`,
    showarrow: false,
    font: { color, size: 11.5 },
  };
}

/** The city's name and newest value at the end of its line, moved apart where lines meet. */
function endLabels(
  { lines, variable, tone }: FigureOptions,
  low: number,
  high: number,
  plotHeight: number,
): object[] {
  const ends = lines.flatMap((line) => {
    const last = lastOf(line);
    return last === null ? [] : { line, value: last.value };
  });
  const toPx = (value: number) => ((high - value) / (high - low)) * plotHeight;
  const heights = spreadLabels(
    ends.map(({ value }) => toPx(value)),
    LABEL_HEIGHT,
    LABEL_HEIGHT / 2,
    plotHeight - LABEL_HEIGHT / 2,
  );
  return ends.map(({ line, value }, index) => ({
    xref: 'paper',
    yref: 'y',
    x: 1,
    y: high - ((heights[index] ?? 0) / plotHeight) * (high - low),
    xanchor: 'left',
    yanchor: 'middle',
    xshift: 6,
    showarrow: false,
    text: escapeText(labelOf(line, value, variable)),
    // Not <b>: Plotly would write a style attribute, which the page's policy refuses.
    font: { color: lineStyle(line.place)[tone], size: 12, weight: 700 },
  }));
}

function labelOf(line: Line, value: number, variable: VariableName): string {
  return `${shorten(line.name)} ${formatEnd(value, variable)}`;
}

/** The same for every variable, so that one chart's times stand below the other's. */
function labelWidth(lines: readonly Line[]): number {
  const names = lines.map(({ name }) => shorten(name).length);
  return Math.max(LABEL_WIDTH_MIN, 10 + (Math.max(0, ...names) + VALUE_LENGTH) * CHARACTER_WIDTH);
}

/** The value is in the chosen unit already. */
export function formatEnd(value: number, variable: VariableName): string {
  return `${formatBare(value, variable, 'c')}${VARIABLES[variable].unit === '°C' ? '°' : ' %'}`;
}

function shorten(name: string): string {
  return name.length <= 14 ? name : `${name.slice(0, 13)}…`;
}

/** Plotly reads a little HTML in its texts. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Where no line has a value, before the first and after the last one too. */
export function sharedGaps(lines: readonly Points[], from: number, to: number): readonly Gap[] {
  let shared: readonly Gap[] = [{ from, to }];
  for (const line of lines) {
    const own = wholeGaps(line, from, to);
    shared = shared.flatMap((gap) =>
      own.flatMap((other) => {
        const both = { from: Math.max(gap.from, other.from), to: Math.min(gap.to, other.to) };
        return both.from < both.to ? both : [];
      }),
    );
  }
  return shared;
}

function wholeGaps(line: Points, from: number, to: number): readonly Gap[] {
  const first = line.times.find((_, index) => line.values[index] !== null);
  const last = lastOf(line);
  if (first === undefined || last === null) return [{ from, to }];
  return [{ from, to: first }, ...gapsOf(line), { from: last.at, to }];
}

export interface Reading {
  readonly line: Line;
  readonly value: number | null;
}

/** What every line says at this time; null where it has no value near it. */
export function readAt(lines: readonly Line[], at: number, tolerance: number): readonly Reading[] {
  return lines.map((line) => {
    const point = nearest(line, at);
    const near = point !== null && Math.abs(point.at - at) <= tolerance;
    return { line, value: near ? point.value : null };
  });
}
