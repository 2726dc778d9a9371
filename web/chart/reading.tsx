import type { Anomaly } from '../../src/model/datasets.ts';
import type { QualityFlag } from '../../src/model/quality.ts';
import type { VariableName } from '../../src/model/variables.ts';
import { describeAnomaly, episodesOf } from '../anomalies/anomaly.ts';
import type { ResolvedRange } from '../client/range.ts';
import type { Store } from '../client/store.ts';
import { formatDay, formatTime } from '../format/times.ts';
import type { Units } from '../format/units.ts';
import { describeFlag, keyOfFlag, worstFlags } from '../quality/flag.ts';
import { words } from '../words/words.ts';
import type { ForecastLine } from './forecast.ts';
import { dashOf } from './line-style.ts';
import { formatEnd, type Line, readAt } from './lines.ts';
import { lastOf } from './points.ts';
import { type Summary, spanAt } from './summarise.ts';

/** The names above the lines, where their ends leave too little room. */
export function Names({
  lines,
  variable,
}: {
  readonly lines: readonly Line[];
  readonly variable: VariableName;
}) {
  return (
    <ul class="names">
      {lines.map((line) => {
        const last = lastOf(line);
        return (
          <li key={line.cityId} class={`place-${line.place}`}>
            <Swatch place={line.place} /> {line.name}{' '}
            {last === null ? words.value.chart.noData : formatEnd(last.value, variable)}
          </li>
        );
      })}
    </ul>
  );
}

export function Swatch({ place }: { readonly place: number }) {
  return (
    <svg
      class={`swatch place-${place}`}
      viewBox="0 0 24 8"
      width="24"
      height="8"
      aria-hidden="true"
    >
      <path d="M0 4H24" stroke-dasharray={dashOf(place)} />
    </svg>
  );
}

/** What the charts say of a time. */
export interface ReadingProps {
  readonly store: Store;
  readonly variable: VariableName;
  readonly lines: readonly Line[];
  readonly summaries: readonly Summary[] | null;
  /** Of one of the lines; null where none is drawn. */
  readonly forecast: ForecastLine | null;
  /** Days of one point of the summaries. */
  readonly days: number | null;
  readonly zone: string;
  readonly range: ResolvedRange;
  readonly anomalies: readonly Anomaly[];
  readonly flags: readonly QualityFlag[];
  readonly width: number;
  readonly at: number;
}

const TOOLTIP_WIDTH = 250;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** All cities at the time under the pointer, and in words why a value is unusual. */
export function Tooltip(props: ReadingProps & { readonly left: number }) {
  const { width, left } = props;
  const unusual = unusualAt(props);
  const side = left + 16 + TOOLTIP_WIDTH > width ? left - 16 - TOOLTIP_WIDTH : left + 16;
  return (
    <div class="tooltip" aria-hidden="true" style={{ left: `${Math.max(0, side)}px` }}>
      <p class="tooltip-time">{timeWords(props)}</p>
      {readingsAt(props).map(({ line, said }) => (
        <p key={line.cityId} class="tooltip-row">
          <Swatch place={line.place} /> <span>{line.name}</span>
          <b>{said ?? words.value.chart.noData}</b>
        </p>
      ))}
      {unusual.slice(0, 2).map((row) => (
        <p key={`${row.city_id} ${row.observed_at}`} class="tooltip-reason">
          <b class="alert">{words.value.chart.unusualIn(row.city)}</b> {explain(row, props.store)}
        </p>
      ))}
      {flagsAt(props)
        .slice(0, 2)
        .map((flag) => (
          <p key={keyOfFlag(flag)} class="tooltip-reason">
            <b>{introduce(flag, props.lines)}</b> {describeFlag(flag, unitsOf(props))}
          </p>
        ))}
    </div>
  );
}

/** The same for a screen reader: the chosen city first, and why a value is unusual. */
export function spokenAt(props: ReadingProps, city: number): string {
  const readings = readingsAt(props);
  const chosen = readings[Math.min(city, readings.length - 1)];
  if (chosen === undefined) return '';
  const value = chosen.said ?? words.value.chart.noData;
  const reasons = unusualAt(props)
    .filter(({ city_id }) => city_id === chosen.line.cityId)
    .map((row) => `${words.value.chart.unusualIn(row.city)} ${explain(row, props.store)}`);
  const flags = flagsAt(props)
    .filter(({ city_id }) => city_id === chosen.line.cityId)
    .map((flag) => `${introduce(flag, props.lines)} ${describeFlag(flag, unitsOf(props))}`);
  return [`${chosen.line.name} ${value}, ${timeWords(props)}`, ...reasons, ...flags].join('. ');
}

function unitsOf({ store }: ReadingProps): Units {
  return store.address.view.value.units;
}

/** "Failed quality control in Berlin:" */
function introduce({ city_id, verdict }: QualityFlag, lines: readonly Line[]): string {
  const say = words.value.quality;
  const city = lines.find(({ cityId }) => cityId === city_id)?.name ?? city_id;
  return verdict === 'fail' ? say.failed(city) : say.suspect(city);
}

/** What quality control says of the values under the pointer. */
function flagsAt(props: ReadingProps): readonly QualityFlag[] {
  const { flags, variable, lines, days, at } = props;
  if (days !== null) return [];
  const near = toleranceOf(props) / 4;
  return worstFlags(
    flags.filter(
      (flag) =>
        flag.variable === variable &&
        lines.some(({ cityId }) => cityId === flag.city_id) &&
        Math.abs(Date.parse(flag.observed_at) - at) <= near,
    ),
  );
}

/** How far from its time a value still counts. */
function toleranceOf({ range }: ReadingProps): number {
  return Math.max(HOUR, (range.to - range.from) / 200);
}

/** Peaks of what was unusual then. */
function unusualAt(props: ReadingProps): readonly Anomaly[] {
  const { variable, lines, days, anomalies, at } = props;
  const near = days === null ? toleranceOf(props) / 4 : (days * DAY) / 2;
  return episodesOf(anomalies)
    .map(({ peak }) => peak)
    .filter(
      (row) =>
        row.variable === variable &&
        lines.some(({ cityId }) => cityId === row.city_id) &&
        Math.abs(Date.parse(row.observed_at) - at) <= near,
    );
}

/** The time, or the days that one point stands for. */
function timeWords({ store, at, zone, days }: ReadingProps): string {
  const now = store.clock.now.peek();
  if (days === null) return formatTime(at, zone, now);
  // The point stands in the middle of its days.
  const half = (days * DAY) / 2;
  const first = formatDay(at - half + HOUR, zone, now);
  return days === 1 ? first : words.value.chart.days(first, formatDay(at + half - HOUR, zone, now));
}

function readingsAt(
  props: ReadingProps,
): readonly { readonly line: Line; readonly said: string | null }[] {
  const { lines, summaries, variable, at, forecast } = props;
  const text = (value: number) => formatEnd(value, variable);
  if (summaries === null) {
    const readings = readAt(lines, at, toleranceOf(props)).map(({ line, value }) => ({
      line,
      said: value === null ? null : text(value),
    }));
    if (forecast === null || readings.some(({ said }) => said !== null)) return readings;
    const said = forecastAt(forecast, at, text);
    return said === null
      ? readings
      : readings.flatMap(({ line }) => (line.cityId === forecast.cityId ? { line, said } : []));
  }
  return summaries.map((line) => {
    const span = spanAt(line, at);
    const said = span === null ? null : words.value.chart.span(text(span.low), text(span.high));
    return { line, said };
  });
}

/** "7.2° (5.1° to 9.0°)", of the hour itself; null at other times. */
function forecastAt(
  { times, values, lows, highs }: ForecastLine,
  at: number,
  text: (value: number) => string,
): string | null {
  const index = times.indexOf(at);
  const [median, low, high] = [values[index], lows[index], highs[index]];
  if (median == null) return null;
  if (low == null || high == null) return text(median);
  return words.value.chart.forecast.said(text(median), text(low), text(high));
}

function explain(row: Anomaly, store: Store): string {
  const { value, usual, off, mean } = describeAnomaly(row, store.address.view.value.units);
  return words.value.chart.unusual(value, off, mean, usual);
}
