import { useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import type { ChartAnswer } from '../../../src/api/schemas.ts';
import type { Anomaly } from '../../../src/model/datasets.ts';
import { VARIABLES } from '../../../src/model/variables.ts';
import { buildFigure, formatEnd, type Line, linesOf, readAt } from '../charts/figure.ts';
import { useWidth } from '../charts/measured.ts';
import { Plot } from '../charts/plot.tsx';
import { toneOf } from '../charts/tone.ts';
import { formatPath } from '../client/fetching.ts';
import { formatInstant, type ResolvedRange } from '../client/range.ts';
import type { Resource } from '../client/resource.ts';
import { chooseView, type Store } from '../client/store.ts';
import { describeAnomaly, peaksOf } from '../format/anomaly.ts';
import { formatDash, lineStyle } from '../format/line-style.ts';
import { lastOf } from '../format/lines.ts';
import { nights, type Span } from '../format/sun.ts';
import { formatOffset, formatTime, zoneOf } from '../format/times.ts';
import { unitOf } from '../format/units.ts';
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
            <Drawing {...{ store, variable, height, lines, range: span, zone, answer }} />
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
}

function Drawing({ store, variable, height, lines, range, zone, answer }: DrawingProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const tone = toneOf(store);
  const point = useSignal<{ at: number; left: number } | null>(null);
  const { units } = store.address.view.value;
  const [first] = store.compared.value;
  const anomalies = store.anomalies.answer.value?.data ?? [];
  const labelled = width >= LABELLED_MIN;
  const names = lines.map(({ cityId }) => cityId).join(' ');
  // The axis ends at the time of the newest answer; a tick of the clock does not draw anew.
  const figure = useMemo(
    () =>
      width === 0
        ? null
        : buildFigure({
            lines,
            variable,
            units,
            zone,
            tone,
            from: range.from,
            to: range.to,
            width,
            height,
            nights: nightsOf(range, first),
            anomalies,
            labelled,
          }),
    [answer, names, units, zone, tone, width, height, anomalies, range.from, range.open],
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
          {...{ store, variable, lines, zone, range, anomalies, width }}
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

function Names({
  lines,
  variable,
}: {
  readonly lines: readonly Line[];
  readonly variable: ChartVariable;
}) {
  return (
    <ul class="names">
      {lines.map((line) => {
        const last = lastOf(line);
        return (
          <li key={line.cityId} class={`place-${line.place}`}>
            <Swatch place={line.place} /> {line.name}{' '}
            {last === null ? 'no data' : formatEnd(last.value, variable)}
          </li>
        );
      })}
    </ul>
  );
}

export function Swatch({ place }: { readonly place: number }) {
  const style = lineStyle(place);
  return (
    <svg
      class={`swatch place-${place}`}
      viewBox="0 0 24 8"
      width="24"
      height="8"
      aria-hidden="true"
    >
      <path
        d="M0 4H24"
        stroke-dasharray={formatDash(style) === 'solid' ? undefined : style.dash.join(' ')}
      />
    </svg>
  );
}

interface TooltipProps {
  readonly store: Store;
  readonly variable: ChartVariable;
  readonly lines: readonly Line[];
  readonly zone: string;
  readonly range: ResolvedRange;
  readonly anomalies: readonly Anomaly[];
  readonly width: number;
  readonly at: number;
  readonly left: number;
}

const TOOLTIP_WIDTH = 250;

/** All cities at the time under the pointer, and in words why a value is unusual. */
function Tooltip(props: TooltipProps) {
  const { store, variable, lines, zone, range, anomalies, width, at, left } = props;
  const tolerance = Math.max(3_600_000, (range.to - range.from) / 200);
  const readings = readAt(lines, at, tolerance);
  const unusual = peaksOf(anomalies).filter(
    (row) =>
      row.variable === variable &&
      lines.some(({ cityId }) => cityId === row.city_id) &&
      Math.abs(Date.parse(row.observed_at) - at) <= tolerance / 4,
  );
  const side = left + 16 + TOOLTIP_WIDTH > width ? left - 16 - TOOLTIP_WIDTH : left + 16;
  return (
    <div class="tooltip" aria-hidden="true" style={{ left: `${Math.max(0, side)}px` }}>
      <p class="tooltip-time">{formatTime(at, zone, store.clock.now.peek())}</p>
      {readings.map(({ line, value }) => (
        <p key={line.cityId} class="tooltip-row">
          <Swatch place={line.place} /> <span>{line.name}</span>
          <b>{value === null ? 'no data' : formatEnd(value, variable)}</b>
        </p>
      ))}
      {unusual.slice(0, 2).map((row) => (
        <p key={row.city_id} class="tooltip-reason">
          <b class="alert">Unusual in {row.city}:</b> {explain(row, store)}
        </p>
      ))}
    </div>
  );
}

function explain(row: Anomaly, store: Store): string {
  const { value, usual, why } = describeAnomaly(row, store.address.view.value.units);
  return `${value}, ${why}, the mean; usual here: ${usual}.`;
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
