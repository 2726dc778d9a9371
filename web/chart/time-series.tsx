import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { SeriesAnswer } from '../../src/api/schemas.ts';
import { VARIABLE_NAMES, type VariableName } from '../../src/model/variables.ts';
import { formatPath } from '../client/fetching.ts';
import { formatInstant, type ResolvedRange } from '../client/range.ts';
import { chooseView, type Store } from '../client/store.ts';
import { CHARTS_MAX } from '../client/view.ts';
import { zoneOf } from '../format/times.ts';
import { Guard } from '../panel/guard.tsx';
import { useWidth } from '../panel/measured.ts';
import type { MenuItem } from '../panel/menu.tsx';
import { Panel } from '../panel/panel.tsx';
import { words } from '../words/words.ts';
import {
  ForecastNote,
  forecastOf,
  forecastsOf,
  LABELLED_MIN,
  Legend,
  nightsOf,
  Subtitle,
  skyOf,
} from './chart-head.tsx';
import type { Chart } from './chart-list.ts';
import { axisEnd, type ForecastLine, forecastLine } from './forecast.ts';
import { LineChart } from './line-chart.tsx';
import { type LineLayout, layOutLines, plotWidthOf } from './line-layout.ts';
import { formatEnd, type Line, linesOf, marksOf, timesOf } from './lines.ts';
import { PlotlyWindow, plotlyPath } from './plotly-window.tsx';
import { lastOf } from './points.ts';
import { PointsTable } from './points-table.tsx';
import { Names, spokenAt, Tooltip } from './reading.tsx';
import { daysPerPoint, summarise } from './summarise.ts';
import { type UsualRange, usualRange } from './usual.ts';

const FILE_POINTS = 10_000;
const DAY_HOURS = 24;
const HEIGHTS = [330, 200] as const;
const NONE: readonly never[] = [];
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
  const { units, clock } = store.address.view.value;
  const { series } = chart;
  const id = `chart-${variable}`;
  const compared = store.compared.value;
  const table = useSignal(false);
  const plotly = useSignal(false);
  const drawn = useRef<ResolvedRange | null>(null);
  const [measured, width] = useWidth<HTMLDivElement>();
  const range = store.range.value;
  const [first] = compared;
  const zone = zoneOf(clock, first?.time_zone);
  const head = { store, chart, variable, range, zone };
  const figure = plotlyPath(store, variable);
  useEffect(() => {
    if (width > 0) store.chartWidth.value = width;
  }, [store, width]);
  return (
    <div ref={measured}>
      <Panel
        id={id}
        title={words.value.variables[variable]}
        subtitle={<Subtitle {...head} />}
        legend={<Legend {...head} />}
        store={store}
        resource={series}
        height={height}
        isEmpty={hasNoValue}
        widen
        rows={seriesRows(store, variable)}
        table={table}
        actions={ownActions(store, variable, figure === null ? null : plotly)}
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
                {...{ store, id, chart, variable, height, lines, range: span, zone, answer }}
              />
              {!outdated && (
                <Missing names={compared.filter(isMissing(lines)).map(({ name }) => name)} />
              )}
              <ForecastNote {...{ store, variable, zone }} />
              <div id={`${id}-table`}>
                {table.value && <PointsTable {...{ store, variable, lines, zone }} />}
              </div>
            </>
          );
        }}
      </Panel>
      {plotly.value && figure !== null && (
        <PlotlyWindow path={figure} title={words.value.variables[variable]} open={plotly} />
      )}
    </div>
  );
}

function hasNoValue({ data }: SeriesAnswer): boolean {
  return data.every(({ values }) => values.every((value) => value === null));
}

/** What only charts have; `plotly` is null where the API gives no figure. */
function ownActions(
  store: Store,
  variable: VariableName,
  plotly: Signal<boolean> | null,
): readonly MenuItem[] {
  const { charts } = store.address.view.value;
  const open = () => {
    if (plotly !== null) plotly.value = true;
  };
  const remove = () => {
    const place = charts.indexOf(variable);
    const neighbour = charts[place + 1] ?? charts[place - 1];
    // The focus would be lost with the menu that it is in.
    document.getElementById(`chart-${neighbour}-menu-button`)?.focus();
    chooseView(store, { charts: charts.filter((name) => name !== variable) });
  };
  return [
    ...(plotly === null ? [] : [{ name: 'Plotly', onSelect: open }]),
    ...(charts.length > 1 ? [{ name: words.value.chart.remove, onSelect: remove }] : []),
  ];
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
  readonly chart: Chart;
}

function Drawing({ store, id, chart, variable, height, lines, range, zone, answer }: DrawingProps) {
  const { usual } = chart;
  const sky = skyOf(chart);
  const [place, width] = useWidth<HTMLDivElement>();
  const city = useSignal(0);
  const { units } = store.address.view.value;
  const [first] = store.compared.value;
  const anomalies = store.anomalies.answer.value?.data ?? NONE;
  const flags = store.flags.answer.value?.data ?? NONE;
  const labelled = width >= LABELLED_MIN;
  const names = lines.map(({ cityId }) => cityId).join(' ');
  const forecasts = forecastsOf(store);
  const { from } = range;
  // The same for all charts, so that one's times stand below the other's.
  const to = axisEnd(range, forecasts);
  const isForecast = forecastOf(store, variable) !== null;
  const language = words.value;
  const rows = usual.outdated.value ? null : usual.answer.value;
  const inputs = [answer, names, units, zone, width, height, anomalies, flags, rows, sky];
  // The axis ends at the time of the newest answer; a tick of the clock does not draw anew.
  const drawn = useMemo(() => {
    if (width === 0) return null;
    const plotWidth = plotWidthOf({ lines, width, labelled });
    const days = daysPerPoint(lines, from, to, plotWidth);
    const summaries = days === null ? null : lines.map((line) => summarise(line, days, zone));
    const forecast =
      days === null && isForecast ? forecastLine(forecasts, variable, units, to) : null;
    const band: UsualRange | null =
      days === null && rows !== null
        ? usualRange(rows.data, { from, to }, zoneOf('city', first?.time_zone), variable, units)
        : null;
    const layout = layOutLines({
      ...{ lines, summaries, usual: band, variable, units, zone, from, to, width, height },
      ...{ nights: nightsOf({ ...range, to }, first), sky, anomalies, flags, labelled },
      ...{ forecast, measuredTo: range.to },
    });
    const label = describe(lines, variable, forecast);
    const times = timesOf([...(summaries ?? lines), ...(forecast === null ? [] : [forecast])]);
    return { days, summaries, forecast, layout, label, times };
  }, [...inputs, from, range.open, language, forecasts, isForecast]);
  const cursor = store.cursor.value;
  const shown = { store, variable, lines, zone, range, anomalies, flags, width };
  const reading = drawn === null || cursor === null ? null : { ...shown, ...drawn, at: cursor };
  return (
    <div ref={place} class="drawing" style={{ minHeight: `${height}px` }}>
      {width > 0 && !labelled && <Names lines={lines} variable={variable} />}
      {drawn !== null && (
        <LineChart
          {...{ id, layout: drawn.layout, width, height, times: drawn.times, cursor }}
          marks={cursor === null ? [] : marksAt(drawn, lines, cursor)}
          city={Math.min(city.value, Math.max(0, lines.length - 1))}
          cityCount={lines.length}
          label={drawn.label}
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

interface Drawn {
  readonly summaries: readonly Line[] | null;
  readonly forecast: ForecastLine | null;
  readonly layout: LineLayout;
}

function marksAt({ summaries, forecast, layout }: Drawn, lines: readonly Line[], at: number) {
  const marks = marksOf(summaries ?? lines, layout, at);
  const value = forecast?.values[forecast.times.indexOf(at)] ?? null;
  return value === null ? marks : [...marks, { place: 0, y: layout.y(value) }];
}

/** What a screen reader says of the picture: the newest, lowest and highest value of each line. */
function describe(
  lines: readonly Line[],
  variable: VariableName,
  forecast: ForecastLine | null,
): string {
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
  const value = forecast?.values[DAY_HOURS - 1] ?? null;
  const name = lines.find(({ cityId }) => cityId === forecast?.cityId)?.name;
  if (value !== null && name !== undefined) {
    parts.push(say.forecast.ahead(name, formatEnd(value, variable)));
  }
  return `${words.value.variables[variable]}. ${parts.join('. ')}.`;
}
