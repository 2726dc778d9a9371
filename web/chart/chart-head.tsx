/** What is written above a chart: unit and clock, and the marks with what they mean. */
import type { ComponentChildren } from 'preact';
import type { Forecast } from '../../src/api/schemas.ts';
import type { Verdict } from '../../src/model/quality.ts';
import type { VariableName } from '../../src/model/variables.ts';
import type { ResolvedRange } from '../client/range.ts';
import type { Store } from '../client/store.ts';
import { formatOffset, formatTime } from '../format/times.ts';
import { unitOf } from '../format/units.ts';
import { worstFlags } from '../quality/flag.ts';
import { ARROW_PATH } from '../wind/wind.ts';
import { words } from '../words/words.ts';
import type { Chart } from './chart-list.ts';
import { errorsOf } from './forecast.ts';
import { bandedOf, plotWidthOf } from './line-layout.ts';
import { linesOf } from './lines.ts';
import { hasArrows, mostOf } from './sky-layout.ts';
import { daysPerPoint, stepWords } from './summarise.ts';
import { nights, type Span } from './sun.ts';

/** Nights are drawn where they can still be distinguished. */
const NIGHTS_MAX_MS = 10 * 86_400_000;
/** Narrower than this, the cities' names stand above the lines and not at their ends. */
export const LABELLED_MIN = 640;

export interface ChartHeadProps {
  readonly store: Store;
  readonly chart: Chart;
  readonly variable: VariableName;
  readonly range: ResolvedRange | null;
  readonly zone: string;
}

export function Subtitle({ store, variable, range, zone }: ChartHeadProps) {
  const { units, clock } = store.address.view.value;
  const [first] = store.compared.value;
  const say = words.value.chart;
  const offset = formatOffset(range?.to ?? store.clock.now.peek(), zone);
  const time =
    clock === 'utc' ? 'UTC' : say.clock(clock === 'mine' ? null : (first?.name ?? '…'), offset);
  return <>{`${unitOf(variable, units)} · ${time}`}</>;
}

/** The marks that are drawn, and none besides; those of one city stand behind its name. */
export function Legend({ store, chart, variable, range }: ChartHeadProps) {
  const compared = store.compared.value;
  const [first] = compared;
  const say = words.value.chart.legend;
  const days = stepOf(store, chart, variable, range);
  const banded = bandedOf(compared);
  const fallen = skyOf(chart) ?? [];
  const most = mostOf(fallen);
  const has = (name: VariableName) =>
    fallen.some(({ variable: one, values }) => one === name && values.some((value) => value));
  const ofAll: Entries = [
    [days !== null, <LinePicture key="line" />, say.middle(stepWords(days ?? 1))],
    [
      days !== null,
      <rect key="band" class="band place-0" width="18" height="10" y="1" />,
      say.span(banded.length < compared.length ? (banded[0]?.name ?? '') : null),
    ],
    ...(days === null ? flagEntries(store, variable) : []),
    [hasRings(store, variable), <circle key="ring" class="ring" cx="9" cy="6" r="4.5" />, say.ring],
  ];
  const ofFirst: Entries = [
    [
      days === null && forecastOf(store, variable) !== null,
      <ForecastPicture key="forecast" />,
      words.value.chart.forecast.legend,
    ],
    [
      days === null && hasUsual(chart),
      <rect key="usual" class="usual place-0" width="18" height="10" y="1" />,
      say.usual,
    ],
    [
      range !== null && hasNights(range, first),
      <rect key="night" class="night" width="18" height="12" />,
      say.night,
    ],
    [
      has('rain_1h_mm'),
      <path key="rain" class="rain" d="M1 12V6H5V12M7 12V1H11V12M13 12V4H17V12" />,
      say.rain,
    ],
    [
      has('snow_1h_mm'),
      <path key="snow" class="snow" d="M1 12V6H5V12M7 12V1H11V12M13 12V4H17V12" />,
      say.snow,
    ],
    [
      range !== null && hasArrows(range) && has('wind_speed_ms'),
      <path
        key="wind"
        class="wind-arrow"
        d={ARROW_PATH}
        transform="translate(9 6) rotate(60) scale(0.85)"
      />,
      say.wind,
    ],
    [fallen.length > 0 && most === 0, null, say.dry],
  ];
  const isAny = [...ofAll, ...ofFirst].some(([isDrawn]) => isDrawn);
  if (!isAny) return null;
  return (
    <ul class="marks" aria-label={say.label}>
      <Marks entries={ofAll} />
      {ofFirst.some(([isDrawn]) => isDrawn) && <li class="marks-city">{first?.name}:</li>}
      <Marks entries={ofFirst} />
    </ul>
  );
}

type Entries = readonly (readonly [isDrawn: boolean, picture: ComponentChildren, text: string])[];

function Marks({ entries }: { readonly entries: Entries }) {
  return entries.map(([isDrawn, picture, text]) =>
    isDrawn ? (
      <li key={text}>
        {picture !== null && (
          <svg viewBox="0 0 18 12" width="18" height="12" aria-hidden="true">
            {picture}
          </svg>
        )}
        {text}
      </li>
    ) : null,
  );
}

function ForecastPicture() {
  return (
    <g class="place-0">
      <rect class="ahead" width="18" height="12" />
      <path class="line forecast" d="M0 6H18" />
    </g>
  );
}

const NO_FORECAST: readonly Forecast[] = [];

/** Of the first compared city. */
export function forecastsOf({ forecast }: Store): readonly Forecast[] {
  return forecast.path.value === null ? NO_FORECAST : (forecast.answer.value?.data ?? NO_FORECAST);
}

/** The one that is drawn; null where none is. */
export function forecastOf(store: Store, variable: VariableName): Forecast | null {
  if (store.forecast.outdated.value) return null;
  const city = store.compared.value[0]?.city_id;
  const own = forecastsOf(store).filter(({ city_id }) => city_id === city);
  return own.find((one) => one.variable === variable) ?? null;
}

/** How good the forecasts were, and what to know of the one that is drawn. */
export function ForecastNote({ store, variable, zone }: Omit<ChartHeadProps, 'chart' | 'range'>) {
  const forecast = forecastOf(store, variable);
  if (forecast === null) return null;
  const say = words.value.chart.forecast;
  const { learned_days, needed_days, issued_at } = forecast;
  const now = store.clock.now.value;
  const issuedAt = Date.parse(issued_at);
  const errors = errorsOf(forecast, store.address.view.value.units);
  const parts = [
    learned_days < needed_days ? say.learning(String(learned_days), String(needed_days)) : '',
    errors === null ? '' : say.errors(errors.own, errors.persistence),
    now - issuedAt > OLD_MS ? say.issued(formatTime(issuedAt, zone, now)) : '',
  ];
  const text = parts.filter((part) => part !== '').join(' ');
  return text === '' ? null : <p class="quiet foot">{text}</p>;
}

/** An older forecast says when it was issued. */
const OLD_MS = 3 * 3_600_000;

function LinePicture() {
  return <path class="line place-0" d="M0 6H18" />;
}

/** What fell and blew; null where it is not drawn. */
export function skyOf({ sky }: Chart) {
  return sky.path.value === null || sky.outdated.value ? null : (sky.answer.value?.data ?? null);
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

function flagEntries(store: Store, variable: VariableName): Entries {
  const say = words.value.chart.legend;
  const flags = worstFlags(store.flags.answer.value?.data ?? []);
  const has = (verdict: Verdict) =>
    flags.some((flag) => flag.variable === variable && flag.verdict === verdict);
  return [
    [has('fail'), <circle key="fail" class="hollow fail place-0" cx="9" cy="6" r="4" />, say.flag],
    [
      has('suspect'),
      <circle key="suspect" class="hollow suspect place-0" cx="9" cy="6" r="3.5" />,
      say.doubt,
    ],
  ];
}

interface Place {
  readonly latitude: number | null;
  readonly longitude: number | null;
}

function hasNights(range: ResolvedRange, place: Place | undefined): boolean {
  return range.to - range.from <= NIGHTS_MAX_MS && place?.latitude != null;
}

export function nightsOf(range: ResolvedRange, place: Place | undefined): readonly Span[] {
  const { latitude, longitude } = place ?? {};
  if (!hasNights(range, place) || latitude == null || longitude == null) return [];
  return nights(range.from, range.to, latitude, longitude);
}
