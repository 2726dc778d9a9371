import type { Anomaly } from '../../../src/model/datasets.ts';
import { formatEnd, type Line, readAt } from '../charts/figure.ts';
import { type Summary, spanAt } from '../charts/summarise.ts';
import type { ResolvedRange } from '../client/range.ts';
import type { Store } from '../client/store.ts';
import { describeAnomaly, episodesOf } from '../format/anomaly.ts';
import { formatDash, lineStyle } from '../format/line-style.ts';
import { lastOf } from '../format/lines.ts';
import { formatDay, formatTime } from '../format/times.ts';
import type { ChartVariable } from './line-chart.tsx';

/** The names above the lines, where there is no room at their ends. */
export function Names({
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
  readonly summaries: readonly Summary[] | null;
  /** Days of one point of the summaries. */
  readonly days: number | null;
  readonly zone: string;
  readonly range: ResolvedRange;
  readonly anomalies: readonly Anomaly[];
  readonly width: number;
  readonly at: number;
  readonly left: number;
}

const TOOLTIP_WIDTH = 250;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** All cities at the time under the pointer, and in words why a value is unusual. */
export function Tooltip(props: TooltipProps) {
  const { store, variable, lines, range, days, anomalies, width, at, left } = props;
  const tolerance = Math.max(HOUR, (range.to - range.from) / 200);
  const near = days === null ? tolerance / 4 : (days * DAY) / 2;
  const unusual = episodesOf(anomalies)
    .map(({ peak }) => peak)
    .filter(
      (row) =>
        row.variable === variable &&
        lines.some(({ cityId }) => cityId === row.city_id) &&
        Math.abs(Date.parse(row.observed_at) - at) <= near,
    );
  const side = left + 16 + TOOLTIP_WIDTH > width ? left - 16 - TOOLTIP_WIDTH : left + 16;
  return (
    <div class="tooltip" aria-hidden="true" style={{ left: `${Math.max(0, side)}px` }}>
      <p class="tooltip-time">{timeWords(props)}</p>
      {readingsAt(props, tolerance).map(({ line, words }) => (
        <p key={line.cityId} class="tooltip-row">
          <Swatch place={line.place} /> <span>{line.name}</span>
          <b>{words ?? 'no data'}</b>
        </p>
      ))}
      {unusual.slice(0, 2).map((row) => (
        <p key={`${row.city_id} ${row.observed_at}`} class="tooltip-reason">
          <b class="alert">Unusual in {row.city}:</b> {explain(row, store)}
        </p>
      ))}
    </div>
  );
}

/** The time, or the days that one point stands for. */
function timeWords({ store, at, zone, days }: TooltipProps): string {
  const now = store.clock.now.peek();
  if (days === null) return formatTime(at, zone, now);
  // The point stands in the middle of its days.
  const half = (days * DAY) / 2;
  const first = formatDay(at - half + HOUR, zone, now);
  return days === 1 ? first : `${first} to ${formatDay(at + half - HOUR, zone, now)}`;
}

function readingsAt(
  { lines, summaries, variable, at }: TooltipProps,
  tolerance: number,
): readonly { readonly line: Line; readonly words: string | null }[] {
  const text = (value: number) => formatEnd(value, variable);
  if (summaries === null) {
    return readAt(lines, at, tolerance).map(({ line, value }) => ({
      line,
      words: value === null ? null : text(value),
    }));
  }
  return summaries.map((line) => {
    const span = spanAt(line, at);
    return { line, words: span === null ? null : `${text(span.low)} to ${text(span.high)}` };
  });
}

function explain(row: Anomaly, store: Store): string {
  const { value, usual, off, mean } = describeAnomaly(row, store.address.view.value.units);
  return `${value}, ${off} the mean of ${mean}; usual here: ${usual}.`;
}
