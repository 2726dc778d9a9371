import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ClimatologyAnswer, SeriesAnswer } from '../../src/api/schemas.ts';
import { VARIABLE_NAMES, type VariableName } from '../../src/model/variables.ts';
import { formatPath } from '../client/fetching.ts';
import { formatInstant, type ResolvedRange } from '../client/range.ts';
import type { Resource } from '../client/resource.ts';
import { chooseView, type Store } from '../client/store.ts';
import { CHARTS_MAX } from '../client/view.ts';
import { formatOffset, zoneOf } from '../format/times.ts';
import { unitOf } from '../format/units.ts';
import { Guard } from '../panel/guard.tsx';
import { useWidth } from '../panel/measured.ts';
import { Panel, TableButton } from '../panel/panel.tsx';
import { words } from '../words/words.ts';
import type { Chart } from './chart-list.ts';
import { LineChart } from './line-chart.tsx';
import { bandedOf, layOutLines, plotWidthOf } from './line-layout.ts';
import { formatEnd, type Line, linesOf, readAt, timesOf } from './lines.ts';
import { PlotlyButton } from './plotly-window.tsx';
import { lastOf } from './points.ts';
import { PointsTable } from './points-table.tsx';
import { Names, spokenAt, Tooltip } from './reading.tsx';
import { daysPerPoint, type Summary, stepWords, summarise } from './summarise.ts';
import { nights, type Span } from './sun.ts';
import { type UsualRange, usualRange } from './usual.ts';

/** Nights are drawn where they can still be distinguished. */
const NIGHTS_MAX_MS = 10 * 86_400_000;
/** Narrower than this, the cities' names stand above the lines and not at their ends. */
const LABELLED_MIN = 640;
const FILE_POINTS = 10_000;
const HEIGHTS = [300, 200] as const;
/** From this width on two charts stand beside each other. */
const BESIDE_MIN = 2_200;

/** The charts that were chosen, from above, and a way to one more. */
export function Charts({ store }: { readonly store: Store }) {
  const { charts } = store.address.view.value;
  const [measured, width] = useWidth<HTMLDivElement>();
  const beside = width >= BESIDE_MIN;
  const left = VARIABLE_NAMES.filter((name) => !charts.includes(name));
  return (
    <>
      <div ref={measured} class={beside ? 'charts beside' : 'charts'}>
        {charts.map((variable, place) => {
          const chart = store.charts[place];
          const height = HEIGHTS[beside ? 0 : Math.min(place, 1)] ?? 200;
          return chart === undefined ? null : (
            <Guard key={variable} of={chart.series.answer.value}>
              <TimeSeries {...{ store, chart, variable, height }} />
            </Guard>
          );
        })}
      </div>
      {charts.length < CHARTS_MAX && (
        <p class="add-chart">
          <label>
            {words.value.chart.add}{' '}
            <select
              class="select"
              value=""
              onChange={({ currentTarget }) => {
                const added = left.find((name) => name === currentTarget.value);
                if (added !== undefined) chooseView(store, { charts: [...charts, added] });
              }}
            >
              <option value="">…</option>
              {left.map((name) => (
                <option key={name} value={name}>
                  {words.value.variables[name]}
                </option>
              ))}
            </select>
          </label>
        </p>
      )}
    </>
  );
}

interface TimeSeriesProps {
  readonly store: Store;
  readonly chart: Chart;
  readonly variable: VariableName;
  readonly height: number;
}

/** One variable of the compared cities over the range. */
function TimeSeries({ store, chart, variable, height }: TimeSeriesProps) {
  const { units, clock, charts } = store.address.view.value;
  const { series, usual } = chart;
  const id = `chart-${variable}`;
  const compared = store.compared.value;
  const table = useSignal(false);
  const drawn = useRef<ResolvedRange | null>(null);
  const [measured, width] = useWidth<HTMLDivElement>();
  const say = words.value.chart;
  const range = store.range.value;
  const [first] = compared;
  const zone = zoneOf(clock, first?.time_zone);
  useEffect(() => {
    if (width > 0) store.chartWidth.value = width;
  }, [store, width]);
  return (
    <div ref={measured}>
      <Panel
        id={id}
        title={words.value.variables[variable]}
        subtitle={<Subtitle {...{ store, chart, variable, range, zone }} />}
        store={store}
        resource={series}
        height={height}
        meta={(answer) => answer.meta}
        isEmpty={(answer) =>
          answer.data.every(({ values }) => values.every((value) => value === null))
        }
        widen
        data={{ path: series.path.value, rows: seriesRows(store, variable) }}
        actions={
          <>
            <TableButton open={table} />
            <PlotlyButton {...{ store, variable }} />
            {charts.length > 1 && (
              <button
                type="button"
                class="link"
                onClick={() =>
                  chooseView(store, { charts: charts.filter((name) => name !== variable) })
                }
              >
                {say.remove}
              </button>
            )}
          </>
        }
      >
        {(answer) => {
          const outdated = series.outdated.value;
          // Until the new answer is there the old one keeps its axis: unknown data is not a gap.
          if (!outdated || drawn.current === null) drawn.current = range;
          const span = drawn.current;
          if (span === null || width === 0) return null;
          const ids = compared.map(({ city_id }) => city_id);
          const lines = linesOf(answer.data, ids, variable, units);
          return (
            <>
              <Drawing
                {...{ store, id, variable, height, lines, range: span, zone, answer, usual }}
              />
              {!outdated && (
                <Missing names={compared.filter(isMissing(lines)).map(({ name }) => name)} />
              )}
              <div id={`${id}-table`}>
                {table.value && <PointsTable {...{ store, variable, lines, zone }} />}
              </div>
            </>
          );
        }}
      </Panel>
    </div>
  );
}

/** Whether a city has no line to be seen. */
function isMissing(lines: readonly Line[]) {
  return ({ city_id }: { readonly city_id: string }): boolean => {
    const line = lines.find(({ cityId }) => cityId === city_id);
    return line === undefined || lastOf(line) === null;
  };
}

function Missing({ names }: { readonly names: readonly string[] }) {
  return names.length === 0 ? null : (
    <p class="quiet foot">
      {words.value.chart.noDataOf} {names.join(', ')}
    </p>
  );
}

interface SubtitleProps {
  readonly store: Store;
  readonly chart: Chart;
  readonly variable: VariableName;
  readonly range: ResolvedRange | null;
  readonly zone: string;
}

/** What is drawn: unit, clock, line, band, shading, rings. */
function Subtitle({ store, chart, variable, range, zone }: SubtitleProps) {
  const { units, clock } = store.address.view.value;
  const compared = store.compared.value;
  const [first] = compared;
  const say = words.value.chart;
  const at = range?.to ?? store.clock.now.peek();
  const offset = formatOffset(at, zone);
  const days = stepOf(store, chart, variable, range);
  const bandPlace =
    bandedOf(compared).length < compared.length ? (bandedOf(compared)[0]?.name ?? '') : null;
  const parts = [
    unitOf(variable, units),
    clock === 'utc' ? 'UTC' : say.clock(clock === 'mine' ? null : (first?.name ?? '…'), offset),
    days === null ? null : say.summary(stepWords(days), bandPlace),
    days === null && hasUsual(chart) ? say.usual(first?.name ?? '') : null,
    range !== null && hasNights(range, first) ? say.night(first?.name ?? '') : null,
    hasRings(store, variable) ? say.ring : null,
  ];
  return <>{parts.filter((part) => part !== null).join(' · ')}</>;
}

function hasUsual({ usual }: Chart): boolean {
  return (usual.answer.value?.data.length ?? 0) > 0 && !usual.outdated.value;
}

/** Days of one point; null while lines are drawn as they are. */
function stepOf(
  store: Store,
  { series }: Chart,
  variable: VariableName,
  range: ResolvedRange | null,
): number | null {
  const answer = series.answer.value;
  const width = store.chartWidth.value;
  if (answer === null || range === null || width === 0) return null;
  const ids = store.compared.value.map(({ city_id }) => city_id);
  const lines = linesOf(answer.data, ids, variable, 'c');
  const labelled = width >= LABELLED_MIN;
  return daysPerPoint(lines, range.from, range.to, plotWidthOf({ lines, width, labelled }));
}

/** Whether one of the drawn values is marked. */
function hasRings(store: Store, variable: VariableName): boolean {
  const drawn = store.compared.value.map(({ city_id }) => city_id);
  const rows = store.anomalies.answer.value?.data ?? [];
  return rows.some((row) => row.variable === variable && drawn.includes(row.city_id));
}

interface Place {
  readonly latitude: number | null;
  readonly longitude: number | null;
}

function hasNights(range: ResolvedRange, place: Place | undefined): boolean {
  return range.to - range.from <= NIGHTS_MAX_MS && place?.latitude != null;
}

function nightsOf(range: ResolvedRange, place: Place | undefined): readonly Span[] {
  const { latitude, longitude } = place ?? {};
  if (!hasNights(range, place) || latitude == null || longitude == null) return [];
  return nights(range.from, range.to, latitude, longitude);
}

function seriesRows(store: Store, variable: VariableName): string | null {
  const range = store.range.value;
  const city = store.compared.value.map(({ city_id }) => city_id);
  if (range === null || city.length === 0) return null;
  const from = formatInstant(range.from);
  const to = range.open ? undefined : formatInstant(range.to);
  return formatPath('api/series', { variable, city, from, to, points: FILE_POINTS });
}

interface DrawingProps {
  readonly store: Store;
  readonly id: string;
  readonly variable: VariableName;
  readonly height: number;
  readonly lines: readonly Line[];
  readonly range: ResolvedRange;
  readonly zone: string;
  readonly answer: SeriesAnswer;
  readonly usual: Resource<ClimatologyAnswer>;
}

function Drawing({ store, id, variable, height, lines, range, zone, answer, usual }: DrawingProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const city = useSignal(0);
  const { units } = store.address.view.value;
  const [first] = store.compared.value;
  const anomalies = store.anomalies.answer.value?.data ?? [];
  const labelled = width >= LABELLED_MIN;
  const names = lines.map(({ cityId }) => cityId).join(' ');
  const { from, to } = range;
  const language = words.value;
  const rows = usual.outdated.value ? null : usual.answer.value;
  // The axis ends at the time of the newest answer; a tick of the clock does not draw anew.
  const drawn = useMemo(() => {
    if (width === 0) return null;
    const plotWidth = plotWidthOf({ lines, width, labelled });
    const days = daysPerPoint(lines, from, to, plotWidth);
    const summaries = days === null ? null : lines.map((line) => summarise(line, days, zone));
    const band: UsualRange | null =
      days === null && rows !== null
        ? usualRange(rows.data, range, zoneOf('city', first?.time_zone), variable, units)
        : null;
    const layout = layOutLines({
      ...{ lines, summaries, usual: band, variable, units, zone, from, to, width, height },
      ...{ nights: nightsOf(range, first), anomalies, labelled },
    });
    return { days, summaries, layout, times: timesOf(summaries ?? lines) };
  }, [answer, names, units, zone, width, height, anomalies, rows, from, range.open, language]);
  const cursor = store.cursor.value;
  const shown = { store, variable, lines, zone, range, anomalies, width };
  const reading =
    drawn === null || cursor === null
      ? null
      : { ...shown, summaries: drawn.summaries, days: drawn.days, at: cursor };
  return (
    <div ref={place} class="drawing" style={{ minHeight: `${height}px` }}>
      {width > 0 && !labelled && <Names lines={lines} variable={variable} />}
      {drawn !== null && (
        <LineChart
          {...{ id, layout: drawn.layout, width, height, times: drawn.times, cursor }}
          marks={cursor === null ? [] : marksOf(drawn.summaries ?? lines, drawn.layout, cursor)}
          city={Math.min(city.value, Math.max(0, lines.length - 1))}
          cityCount={lines.length}
          label={describe(lines, variable)}
          details={`${id}-table`}
          lit={store.lit.value}
          spoken={reading === null ? null : spokenAt(reading, city.value)}
          onCursor={(at) => {
            store.cursor.value = at;
          }}
          onCity={(next) => {
            city.value = next;
          }}
          onSpan={(span) => chooseView(store, { range: span })}
        />
      )}
      {reading !== null && drawn !== null && (
        <Tooltip {...reading} left={drawn.layout.x(reading.at)} />
      )}
    </div>
  );
}

/** Where each line is at this time, px; nothing for a line that has no point just there. */
function marksOf(
  lines: readonly (Line | Summary)[],
  layout: { y(value: number): number },
  at: number,
): readonly { readonly place: number; readonly y: number }[] {
  return readAt(lines, at, 0).flatMap(({ line, value }) =>
    value === null ? [] : [{ place: line.place, y: layout.y(value) }],
  );
}

/** What a screen reader says of the picture: the newest, lowest and highest value of each line. */
function describe(lines: readonly Line[], variable: VariableName): string {
  const say = words.value.chart;
  const parts = lines.map((line) => {
    const last = lastOf(line);
    if (last === null) return `${line.name}: ${say.noData}`;
    let [low, high] = [last.value, last.value];
    for (const value of line.values) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const text = (value: number) => formatEnd(value, variable);
    return say.line(line.name, text(last.value), text(low), text(high));
  });
  return `${words.value.variables[variable]}. ${parts.join('. ')}.`;
}
