import { type Signal, useSignal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { ChartAnswer } from '../../../src/api/schemas.ts';
import { VARIABLES } from '../../../src/model/variables.ts';
import {
  bandedOf,
  buildFigure,
  formatEnd,
  type Line,
  linesOf,
  plotWidthOf,
} from '../charts/figure.ts';
import { useWidth } from '../charts/measured.ts';
import { Plot } from '../charts/plot.tsx';
import { daysPerPoint, stepWords, summarise } from '../charts/summarise.ts';
import { toneOf } from '../charts/tone.ts';
import { formatPath } from '../client/fetching.ts';
import { formatInstant, type ResolvedRange } from '../client/range.ts';
import type { Resource } from '../client/resource.ts';
import { chooseView, type Store } from '../client/store.ts';
import { lastOf } from '../format/lines.ts';
import { nights, type Span } from '../format/sun.ts';
import { formatOffset, formatTime, zoneOf } from '../format/times.ts';
import { unitOf } from '../format/units.ts';
import { Names, Tooltip } from './chart-words.tsx';
import { csvOf, DataLinks, Panel } from './panel.tsx';
import { ScrollTable } from './scroll-table.tsx';

export type ChartVariable = 'temperature_c' | 'humidity_pct';

export interface LineChartProps {
  readonly store: Store;
  readonly resource: Resource<ChartAnswer>;
  readonly variable: ChartVariable;
  readonly height: number;
}

/** Nights are drawn where they can still be told apart. */
const NIGHTS_MAX_MS = 10 * 86_400_000;
/** Narrower than this, the cities' names stand above the lines and not at their ends. */
const LABELLED_MIN = 640;
const TABLE_ROWS = 100;
const CSV_POINTS = 10_000;

/** One variable of the compared cities over the range. */
export function LineChart({ store, resource, variable, height }: LineChartProps) {
  const { units, clock } = store.address.view.value;
  const compared = store.compared.value;
  const table = useSignal(false);
  const days = useSignal<number | null>(null);
  const drawn = useRef<ResolvedRange | null>(null);
  const { label } = VARIABLES[variable];
  const id = variable === 'temperature_c' ? 'temperature' : 'humidity';
  const range = store.range.value;
  const [first] = compared;
  const zone = zoneOf(clock, first?.time_zone);
  const shaded = range !== null && hasNights(range, first);
  const subtitle = [
    `${unitOf(variable, units)}`,
    clockWords(clock, first?.name, zone, range?.to ?? store.clock.now.peek()),
    days.value === null ? null : bandWords(days.value, compared),
    shaded ? `shaded: night in ${first?.name ?? ''}` : null,
    hasRings(store, variable) ? 'ring: unusual' : null,
  ];
  return (
    <Panel
      id={id}
      title={label}
      subtitle={subtitle.filter((part) => part !== null).join(' · ')}
      store={store}
      resource={resource}
      height={height}
      meta={(answer) => answer.meta}
      isEmpty={(answer) => answer.data.every(({ y }) => y.every((value) => value === null))}
      widen
      actions={
        <>
          <button
            type="button"
            class="link"
            aria-expanded={table.value}
            onClick={() => {
              table.value = !table.value;
            }}
          >
            Table
          </button>
          <DataLinks path={resource.path.value} csv={seriesCsv(store, variable)} />
        </>
      }
    >
      {(answer) => {
        const outdated = resource.outdated.value;
        // Until the new answer is there the old one keeps its axis: what is not known is no gap.
        if (!outdated || drawn.current === null) drawn.current = range;
        const span = drawn.current;
        if (span === null) return null;
        const ids = compared.map(({ city_id }) => city_id);
        const lines = linesOf(answer.data, ids, variable, units);
        return (
          <>
            <Drawing {...{ store, variable, height, lines, range: span, zone, answer, days }} />
            {!outdated && (
              <Missing names={compared.filter(isMissing(lines)).map(({ name }) => name)} />
            )}
            {table.value && <PointsTable {...{ store, variable, lines, zone, label }} />}
          </>
        );
      }}
    </Panel>
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
    <p class="quiet foot">no data in this range: {names.join(', ')}</p>
  );
}

/** Whether one of the drawn values is marked. */
function hasRings(store: Store, variable: ChartVariable): boolean {
  const drawn = store.compared.value.map(({ city_id }) => city_id);
  const rows = store.anomalies.answer.value?.data ?? [];
  return rows.some((row) => row.variable === variable && drawn.includes(row.city_id));
}

function clockWords(clock: string, city: string | undefined, zone: string, at: number): string {
  const offset = formatOffset(at, zone);
  if (clock === 'utc') return 'UTC';
  return clock === 'mine' ? `my clock (${offset})` : `clock of ${city ?? '…'} (${offset})`;
}

/** "line: middle of each week · band: lowest to highest in New York". */
function bandWords(days: number, compared: readonly { readonly name: string }[]): string {
  const banded = bandedOf(compared);
  const where = banded.length < compared.length ? ` in ${banded[0]?.name ?? ''}` : '';
  return `line: middle of ${stepWords(days)} · band: lowest to highest${where}`;
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

function seriesCsv(store: Store, variable: ChartVariable): string | null {
  const range = store.range.value;
  const city = store.compared.value.map(({ city_id }) => city_id);
  if (range === null || city.length === 0) return null;
  const from = formatInstant(range.from);
  const to = range.open ? undefined : formatInstant(range.to);
  return csvOf(formatPath('api/series', { variable, city, from, to, points: CSV_POINTS }));
}

interface DrawingProps {
  readonly store: Store;
  readonly variable: ChartVariable;
  readonly height: number;
  readonly lines: readonly Line[];
  readonly range: ResolvedRange;
  readonly zone: string;
  readonly answer: ChartAnswer;
  /** Is told how many days a point stands for; null while lines are drawn as they are. */
  readonly days: Signal<number | null>;
}

function Drawing(props: DrawingProps) {
  const { store, variable, height, lines, range, zone, answer } = props;
  const [place, width] = useWidth<HTMLDivElement>();
  const tone = toneOf(store);
  const point = useSignal<{ at: number; left: number } | null>(null);
  const { units } = store.address.view.value;
  const [first] = store.compared.value;
  const anomalies = store.anomalies.answer.value?.data ?? [];
  const labelled = width >= LABELLED_MIN;
  const names = lines.map(({ cityId }) => cityId).join(' ');
  const { from, to } = range;
  const days =
    width === 0 ? null : daysPerPoint(lines, from, to, plotWidthOf({ lines, width, labelled }));
  useLayoutEffect(() => {
    props.days.value = days;
  }, [props.days, days]);
  const summaries = useMemo(
    () => (days === null ? null : lines.map((line) => summarise(line, days, zone))),
    [answer, names, units, zone, days],
  );
  // The axis ends at the time of the newest answer; a tick of the clock does not draw anew.
  const figure = useMemo(
    () =>
      width === 0
        ? null
        : buildFigure({
            lines,
            summaries,
            variable,
            units,
            zone,
            tone,
            from,
            to,
            width,
            height,
            nights: nightsOf(range, first),
            anomalies,
            labelled,
          }),
    [answer, names, units, zone, tone, width, height, anomalies, summaries, from, range.open],
  );
  return (
    <div ref={place} class="drawing">
      {width > 0 && !labelled && <Names lines={lines} variable={variable} />}
      {figure !== null && (
        <Plot
          figure={figure}
          height={height}
          label={describe(lines, variable)}
          onPoint={(hovered) => {
            point.value = hovered;
          }}
          onSpan={(span) => chooseView(store, { range: span })}
        />
      )}
      {point.value !== null && (
        <Tooltip
          {...{ store, variable, lines, summaries, days, zone, range, anomalies, width }}
          at={point.value.at}
          left={point.value.left}
        />
      )}
    </div>
  );
}

/** What a screen reader says of the picture: the newest, lowest and highest value of each line. */
function describe(lines: readonly Line[], variable: ChartVariable): string {
  const parts = lines.map((line) => {
    const values = line.values.filter((value) => value !== null);
    const last = lastOf(line);
    if (last === null) return `${line.name}: no data`;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const text = (value: number) => formatEnd(value, variable);
    return `${line.name}: now ${text(last.value)}, from ${text(low)} to ${text(high)}`;
  });
  return `${VARIABLES[variable].label}. ${parts.join('. ')}.`;
}

interface PointsTableProps {
  readonly store: Store;
  readonly variable: ChartVariable;
  readonly lines: readonly Line[];
  readonly zone: string;
  readonly label: string;
}

/** The same numbers as a table, newest first. */
function PointsTable({ store, variable, lines, zone, label }: PointsTableProps) {
  const times = [...new Set(lines.flatMap((line) => line.times))].sort((a, b) => b - a);
  const shown = times.slice(0, TABLE_ROWS);
  const values = lines.map(
    (line) => new Map(line.times.map((at, index) => [at, line.values[index] ?? null])),
  );
  const count =
    times.length > shown.length ? `, the newest ${TABLE_ROWS} of ${times.length} points` : '';
  return (
    <ScrollTable label={`${label} as a table`} tall>
      <table>
        <caption>
          {label} by time{count}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map((line) => (
              <th key={line.cityId} scope="col" class="number">
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((at) => (
            <tr key={at}>
              <th scope="row">{formatTime(at, zone, store.clock.now.peek())}</th>
              {lines.map((line, index) => {
                const value = values[index]?.get(at) ?? null;
                return (
                  <td key={line.cityId} class="number">
                    {value === null ? '–' : formatEnd(value, variable)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollTable>
  );
}
