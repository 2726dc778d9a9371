import { useSignal } from '@preact/signals';
import { extent, range } from 'd3-array';
import type { HourlyTrend } from '../../src/model/datasets.ts';
import type { ShownCity } from '../cities/city-list.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { hourOf, isKnownZone } from '../format/times.ts';
import {
  convertTemperature,
  formatDegrees,
  formatValue,
  temperatureUnit,
  type Units,
} from '../format/units.ts';
import { Choice } from '../panel/choice.tsx';
import { CityPanel } from '../panel/city-panel.tsx';
import { useSize } from '../panel/measured.ts';
import { type Column, Row, Table } from '../panel/table.tsx';
import { SourceLink } from '../provenance/source-window.tsx';
import { formatWind } from '../wind/wind.ts';
import { words } from '../words/words.ts';

const MARGIN = { top: 8, right: 4, bottom: 24, left: 36 };

/** The mean of each hour of the day, by the city's clock or by UTC. */
export function HourlyTrends({ store }: { readonly store: Store }) {
  const clock = useSignal<'local' | 'utc'>('local');
  const { units } = store.address.view.value;
  const say = words.value.trends;
  const ofClock = (rows: readonly HourlyTrend[]) => rows.filter((row) => row.clock === clock.value);
  return (
    <CityPanel
      id="trends"
      title={say.title}
      subtitle={say.subtitle(temperatureUnit(units), clock.value === 'local')}
      store={store}
      resource={store.trends}
      drawing={(rows) => (
        <>
          <div class="choices">
            <Choice
              label={words.value.panel.city}
              options={store.compared.value.map(({ city_id, name }) => [city_id, name])}
              value={store.focus.value?.city_id ?? null}
              onChoose={(id) => {
                store.focusId.value = id;
              }}
            />
            <Choice
              label={say.clock}
              options={[
                ['local', say.clocks.local],
                ['utc', say.clocks.utc],
              ]}
              value={clock.value}
              onChoose={(value) => {
                clock.value = value;
              }}
            />
            {store.focus.value !== null && (
              <SourceLink
                dataset="hourly_trends"
                city_id={store.focus.value.city_id}
                city={store.focus.value.name}
                answered={store.trends.path.value}
              />
            )}
          </div>
          <Bars
            rows={ofClock(rows)}
            units={units}
            hour={hourNow(store, clock.value === 'utc' ? null : store.focus.value)}
          />
        </>
      )}
      asTable={(rows, name) => <HoursTable rows={ofClock(rows)} units={units} name={name} />}
    />
  );
}

/** The hour of the day on the city's clock; by UTC without one. */
function hourNow(store: Store, city: ShownCity | null | undefined): number {
  const now = store.clock.now.peek();
  const zone = city?.time_zone;
  if (zone && isKnownZone(zone)) return hourOf(now, zone);
  return hourOf(now + 1_000 * (city?.latest?.utc_offset_s ?? 0), 'UTC');
}

interface BarsProps {
  readonly rows: readonly HourlyTrend[];
  readonly units: Units;
  /** The hour that it is now. */
  readonly hour: number;
}

function Bars({ rows, units, hour }: BarsProps) {
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const values = rows.flatMap(({ temperature_c_mean }) =>
    temperature_c_mean === null ? [] : convertTemperature(temperature_c_mean, units),
  );
  const [low, high, step] = barAxis(values);
  const inner = Math.max(0, width - MARGIN.left - MARGIN.right);
  const bottom = height - MARGIN.bottom;
  const y = (value: number) => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);
  const slot = inner / 24;
  const marks = range(low, high + step / 2, step);
  return (
    <div ref={place} class="drawing bars fitted">
      {inner > 0 && (
        <svg width={width} height={height} role="img" aria-label={describe(rows, units)}>
          {marks.map((mark) => (
            <g key={mark}>
              <path class="grid" d={`M${MARGIN.left} ${y(mark)}H${width - MARGIN.right}`} />
              <text class="tick" x={MARGIN.left - 6} y={y(mark) + 4} text-anchor="end">
                {formatCount(mark)}°
              </text>
            </g>
          ))}
          {rows.map((row) => {
            if (row.temperature_c_mean === null) return null;
            const top = y(convertTemperature(row.temperature_c_mean, units));
            return (
              <rect
                key={row.hour}
                class={row.hour === hour ? 'bar bar-now' : 'bar'}
                x={MARGIN.left + row.hour * slot + slot * 0.08}
                y={top}
                width={slot * 0.84}
                height={Math.max(1, bottom - top)}
                rx={Math.min(3, slot * 0.2)}
              >
                <title>
                  {words.value.trends.bar(
                    formatHour(row.hour),
                    formatDegrees(row.temperature_c_mean, units),
                    formatCount(row.observation_count),
                  )}
                  {row.hour === hour ? `, ${words.value.trends.now}` : ''}
                </title>
              </rect>
            );
          })}
          {[0, 6, 12, 18].map((at) => (
            <text key={at} class="tick" x={MARGIN.left + at * slot + 2} y={height - 6}>
              {formatHour(at)}
            </text>
          ))}
        </svg>
      )}
    </div>
  );
}

/** Lowest mark, highest mark and the step between two of them. */
function barAxis(values: readonly number[]): readonly [number, number, number] {
  if (values.length === 0) return [0, 30, 10];
  const [low = 0, high = 0] = extent(values);
  const step = [2, 5, 10, 20].find((size) => (high - low) / size <= 3) ?? 40;
  const bottom = Math.floor((low - step * 0.4) / step) * step;
  return [bottom, Math.max(bottom + step, Math.ceil(high / step) * step), step];
}

export function formatHour(hour: number): string {
  return `${String(hour).padStart(2, '0')}:00`;
}

function describe(rows: readonly HourlyTrend[], units: Units): string {
  const known = rows.filter((row) => row.temperature_c_mean !== null);
  const sorted = known.toSorted(
    (a, b) => (a.temperature_c_mean ?? 0) - (b.temperature_c_mean ?? 0),
  );
  const [coldest, warmest] = [sorted[0], sorted.at(-1)];
  if (coldest === undefined || warmest === undefined) return words.value.trends.noValues;
  const say = (row: HourlyTrend) =>
    words.value.trends.at(formatDegrees(row.temperature_c_mean, units), formatHour(row.hour));
  return words.value.trends.label(say(coldest), say(warmest));
}

function HoursTable({
  rows,
  units,
  name,
}: {
  readonly rows: readonly HourlyTrend[];
  readonly units: Units;
  readonly name: string;
}) {
  const { panel, trends, variables } = words.value;
  const columns: readonly Column[] = [
    [trends.hour],
    [variables.temperature_c, 'number'],
    [variables.humidity_pct, 'number'],
    [panel.wind, 'number'],
    [panel.observations, 'number'],
  ];
  return (
    <Table label={trends.table} caption={trends.caption(name)} captioned columns={columns}>
      {rows.map((row) => (
        <Row
          key={row.hour}
          columns={columns}
          cells={[
            formatHour(row.hour),
            formatDegrees(row.temperature_c_mean, units),
            formatValue(row.humidity_pct_mean, 'humidity_pct', units),
            formatWind(row.wind_speed_ms_mean, row.wind_direction_deg_mean),
            formatCount(row.observation_count),
          ]}
        />
      ))}
    </Table>
  );
}
