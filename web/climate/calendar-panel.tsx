import { type Signal, useSignal } from '@preact/signals';
import {
  growingSeason,
  type Hemisphere,
  heatWaves,
  hemisphereOf,
} from '../../src/model/climate.ts';
import type { DailySummary } from '../../src/model/climate-datasets.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { temperatureColour } from '../format/palette.ts';
import { formatDay, formatMonth } from '../format/times.ts';
import { formatDegrees, temperatureUnit, type Units } from '../format/units.ts';
import { Choice } from '../panel/choice.tsx';
import { useWidth } from '../panel/measured.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import {
  type CalendarLayout,
  DAY_VALUES,
  type DayValue,
  dateAtPlace,
  dateByKey,
  layOutCalendar,
} from './calendar-layout.ts';
import { type ClimateList, rowsOf } from './climate-list.ts';
import { climateWords } from './climate-words.ts';

/** Days of the month that are named below. */
const MARKED_DAYS = [1, 5, 10, 15, 20, 25, 30];
/** Temperatures of the scale, °C. */
const SCALE = [-20, -10, 0, 10, 20, 30, 40];

/** The temperature of each day of a year; what was not observed is grey or empty. */
export function CalendarPanel({
  store,
  list,
}: {
  readonly store: Store;
  readonly list: ClimateList;
}) {
  const variable = useSignal<DayValue>('temperature_c_mean');
  const table = useSignal(false);
  const chosen = useSignal<string | null>(null);
  const { units } = store.address.view.value;
  const say = climateWords.value.calendar;
  const year = list.year.value;
  const city = store.focus.value;
  const all = rowsOf(list.days.answer.value?.data, city?.city_id);
  const days = all.filter(({ date }) => date.startsWith(`${year}-`));
  return (
    <Panel
      id="climate-calendar"
      title={year === null ? say.plain : say.title(String(year))}
      subtitle={`${city?.name ?? ''}, ${say.subtitle(temperatureUnit(units))}`}
      legend={<Legend units={units} />}
      store={store}
      resource={list.days}
      height={380}
      table={table}
      emptyText={climateWords.value.none}
      isEmpty={() => days.length === 0}
    >
      {() =>
        year !== null && (
          <>
            <div class="choices">
              <Choice
                label={say.value}
                options={DAY_VALUES.map((name) => [name, say.values[name]])}
                value={variable.value}
                onChoose={(value) => {
                  variable.value = value;
                }}
              />
            </div>
            <Calendar
              {...{ store, days, year, units, chosen }}
              variable={variable.value}
              name={city?.name ?? ''}
            />
            <Spells {...{ store, days: all, year }} hemisphere={hemisphereOf(city?.latitude)} />
            {table.value && <DaysTable days={days} units={units} store={store} />}
          </>
        )
      }
    </Panel>
  );
}

interface CalendarProps {
  readonly store: Store;
  readonly days: readonly DailySummary[];
  readonly year: number;
  readonly variable: DayValue;
  readonly units: Units;
  readonly name: string;
  readonly chosen: Signal<string | null>;
}

function Calendar(props: CalendarProps) {
  const { days, year, variable, name, chosen } = props;
  const [place, width] = useWidth<HTMLDivElement>();
  const layout = layOutCalendar(days, year, variable, width);
  const known = layout.cells.filter(({ value }) => value !== null).length;
  const say = climateWords.value.calendar;
  const choose = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    chosen.value = dateAtPlace(layout, year, event.clientX - box.left, event.clientY - box.top);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const from = chosen.value?.startsWith(`${year}-`) ? chosen.value : `${year}-01-01`;
    const to = event.key === 'Escape' ? null : dateByKey(from, event.key, year);
    if (to === null && event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    chosen.value = to;
  };
  return (
    <div class="drawing">
      <div
        ref={place}
        class="plot climate-calendar"
        style={{ minHeight: `${layout.height}px` }}
        role="application"
        aria-roledescription={say.role}
        aria-label={say.label(name, formatCount(known), formatCount(layout.cells.length - known))}
        aria-describedby="climate-calendar-keys"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the day is chosen by the keyboard.
        tabIndex={0}
        onPointerMove={choose}
        onPointerDown={choose}
        onPointerLeave={(event) => {
          if (event.pointerType === 'mouse') chosen.value = null;
        }}
        onKeyDown={onKeyDown}
      >
        {width > 0 && <Cells layout={layout} width={width} chosen={chosen.value} />}
      </div>
      <p id="climate-calendar-keys" class="unseen">
        {say.keys}
      </p>
      <p class={`climate-day${chosen.value === null ? ' quiet' : ''}`} role="status">
        {describeDay(props)}
      </p>
    </div>
  );
}

interface CellsProps {
  readonly layout: CalendarLayout;
  readonly width: number;
  readonly chosen: string | null;
}

function Cells({ layout, width, chosen }: CellsProps) {
  const { left, cellWidth, cellHeight, height, cells } = layout;
  const gap = cellWidth > 8 ? 1 : 0.5;
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {cells.map(({ date, x, y, value, isComplete }) => (
        <rect
          key={date}
          class={`${isComplete ? '' : value === null ? 'missing' : 'incomplete'}${date === chosen ? ' chosen' : ''}`}
          x={(x + gap / 2).toFixed(1)}
          y={(y + gap / 2).toFixed(1)}
          width={(cellWidth - gap).toFixed(1)}
          height={(cellHeight - gap).toFixed(1)}
          fill={isComplete && value !== null ? temperatureColour(value) : undefined}
        />
      ))}
      {Array.from({ length: 12 }, (_, month) => {
        const name = formatMonth(Date.UTC(2023, month, 15), 'UTC');
        return (
          <text
            key={name}
            class="tick"
            x={left - 6}
            y={month * cellHeight + cellHeight / 2 + 4}
            text-anchor="end"
          >
            {name}
          </text>
        );
      })}
      {MARKED_DAYS.map((day) => (
        <text
          key={day}
          class="tick"
          x={left + (day - 0.5) * cellWidth}
          y={height - 6}
          text-anchor="middle"
        >
          {day}
        </text>
      ))}
    </svg>
  );
}

const KINDS = ['frost_day', 'ice_day', 'summer_day', 'hot_day', 'tropical_night'] as const;

/** The chosen day in words, or how one is chosen. */
function describeDay({ store, days, year, units, chosen }: CalendarProps): string {
  const { calendar: say, kinds } = climateWords.value;
  const date = chosen.value;
  if (date?.startsWith(`${year}-`) !== true) return say.hint;
  const day = days.find((one) => one.date === date);
  const when = formatDate(date, store);
  if (day === undefined || day.temperature_c_mean === null) return say.nothing(when);
  const degrees = (value: number | null) => formatDegrees(value, units);
  const { temperature_c_mean: mean, temperature_c_min: low, temperature_c_max: high } = day;
  return [
    say.day(when, degrees(mean), degrees(low), degrees(high)),
    say.observed(formatCount(Math.floor(day.coverage_pct))),
    ...KINDS.filter((name) => day[`is_${name}`] === true).map((name) => kinds[name]),
  ].join(' · ');
}

function formatDate(date: string, store: Store): string {
  return formatDay(Date.parse(`${date}T00:00:00Z`), 'UTC', store.clock.now.peek());
}

interface SpellsProps {
  readonly store: Store;
  readonly days: readonly DailySummary[];
  readonly year: number;
  readonly hemisphere: Hemisphere | null;
}

/** The growing season, unless it is not known by whose rule, and the heat waves of the year. */
function Spells({ store, days, year, hemisphere }: SpellsProps) {
  const say = climateWords.value.calendar;
  const season = hemisphere && growingSeason(days, year, hemisphere);
  const waves = heatWaves(days.filter(({ date }) => date.startsWith(`${year}-`)));
  const longest = Math.max(0, ...waves.map((wave) => wave.days));
  return (
    <p class="quiet climate-note">
      {hemisphere === null
        ? ''
        : season === null
          ? say.noSeason
          : say.season(
              formatCount(season.days),
              formatDate(season.from, store),
              formatDate(season.to, store),
            )}{' '}
      {waves.length === 0
        ? say.noWaves
        : say.waves(formatCount(waves.length), formatCount(longest))}
    </p>
  );
}

function Legend({ units }: { readonly units: Units }) {
  const say = climateWords.value.calendar;
  return (
    <ul class="marks">
      {SCALE.map((celsius) => (
        <li key={celsius}>
          <svg width="14" height="12" aria-hidden="true">
            <rect width="14" height="12" rx="2" fill={temperatureColour(celsius)} />
          </svg>{' '}
          {formatDegrees(celsius, units).replace(/[.,]0/, '')}
        </li>
      ))}
      <li>
        <svg class="climate-calendar" width="14" height="12" aria-hidden="true">
          <rect class="incomplete" x="0.5" y="0.5" width="13" height="11" />
        </svg>{' '}
        {say.incomplete}
      </li>
      <li>
        <svg class="climate-calendar" width="14" height="12" aria-hidden="true">
          <rect class="missing" x="0.5" y="0.5" width="13" height="11" />
        </svg>{' '}
        {say.missing}
      </li>
    </ul>
  );
}

interface DaysProps {
  readonly store: Store;
  readonly days: readonly DailySummary[];
  readonly units: Units;
}

function DaysTable({ store, days, units }: DaysProps) {
  const say = climateWords.value.calendar;
  const columns: readonly Column[] = [
    [say.date],
    ...DAY_VALUES.map((name) => [say.values[name], 'number'] as const),
    ['%', 'number'],
  ];
  return (
    <Table label={say.plain} tall columns={columns}>
      {days.map((day) => (
        <Row
          key={day.date}
          columns={columns}
          cells={[
            formatDate(day.date, store),
            ...DAY_VALUES.map((name) => formatDegrees(day[name], units)),
            formatCount(Math.floor(day.coverage_pct)),
          ]}
        />
      ))}
    </Table>
  );
}
