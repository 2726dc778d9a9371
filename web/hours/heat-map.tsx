import type { HourlyMean } from '../../src/api/schemas.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { temperatureColour } from '../format/palette.ts';
import { formatDay, formatMonthOfYear } from '../format/times.ts';
import { formatDegrees, temperatureUnit, type Units } from '../format/units.ts';
import { CityPanel } from '../panel/city-panel.tsx';
import { useSize } from '../panel/measured.ts';
import { ScrollTable } from '../panel/scroll-table.tsx';
import { words } from '../words/words.ts';
import { layOutHeat, type Period, periodOf } from './heat-layout.ts';
import { formatHour } from './hourly-trends.tsx';

/** The temperature of each hour of the day, a row for each day, week or month of the range. */
export function HeatMap({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const range = store.range.value;
  const say = words.value.heat;
  const period = range === null ? 'day' : periodOf(range.from, range.to);
  const shown = { units, period, now: store.clock.now.peek() };
  return (
    <CityPanel
      id="heat"
      title={say.title[period]}
      subtitle={say.subtitle(temperatureUnit(units))}
      store={store}
      resource={store.means}
      drawing={(rows, name) => <Cells {...shown} rows={rows} name={name} />}
      asTable={(rows, name) => <HeatTable {...shown} rows={rows} name={name} />}
    />
  );
}

interface HeatProps {
  readonly rows: readonly HourlyMean[];
  readonly units: Units;
  readonly period: Period;
  readonly name: string;
  readonly now: number;
}

function Cells({ rows, units, period, name, now }: HeatProps) {
  const [place, { width, height }] = useSize<HTMLDivElement>();
  const layout = layOutHeat(rows, { width, height }, period);
  const { left, cellWidth, cellHeight, marks } = layout;
  const gap = cellHeight > 6 ? 1 : 0;
  return (
    <div ref={place} class="drawing heat fitted">
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={describe(rows, units, name)}>
          {layout.cells.map(({ row, hour, x, y, mean, count }) => (
            <rect
              key={`${row} ${hour}`}
              x={x.toFixed(1)}
              y={y.toFixed(1)}
              width={Math.max(1, cellWidth - gap).toFixed(1)}
              height={Math.max(1, cellHeight - gap).toFixed(1)}
              fill={temperatureColour(mean)}
            >
              <title>
                {`${periodWords(layout.periods[row] ?? '', period, now)} ${formatHour(hour)}: ` +
                  words.value.heat.mean(formatDegrees(mean, units), formatCount(count))}
              </title>
            </rect>
          ))}
          {marks.map((mark) => (
            <text key={mark.period} class="tick" x={left - 6} y={mark.y + 4} text-anchor="end">
              {periodWords(mark.period, period, now, true)}
            </text>
          ))}
          {[0, 6, 12, 18].map((hour) => (
            <text key={hour} class="tick" x={left + hour * cellWidth} y={height - 6}>
              {formatHour(hour)}
            </text>
          ))}
        </svg>
      )}
    </div>
  );
}

/** "Fri 8 Jul", or only "8 Jul" where room is short; "Jul 2016" for a month. */
function periodWords(start: string, period: Period, now: number, short = false): string {
  const at = Date.parse(`${start}T00:00:00Z`);
  if (Number.isNaN(at)) return '';
  if (period === 'month') return formatMonthOfYear(at, 'UTC');
  const day = formatDay(at, 'UTC', now);
  return short ? day.replace(/^[^\d ]+ /, '').replace(/ \d{4}$/, '') : day;
}

function describe(rows: readonly HourlyMean[], units: Units, name: string): string {
  const sorted = rows.toSorted((a, b) => a.mean - b.mean);
  const [coldest, warmest] = [sorted[0], sorted.at(-1)];
  if (coldest === undefined || warmest === undefined) return words.value.chart.noData;
  const tell = (row: HourlyMean) =>
    `${formatDegrees(row.mean, units)} (${row.period_start}, ${formatHour(row.hour)})`;
  return words.value.heat.label(name, tell(coldest), tell(warmest));
}

function HeatTable({ rows, units, period, name, now }: HeatProps) {
  const byPeriod = [...Map.groupBy(rows, ({ period_start }) => period_start)].toReversed();
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  return (
    <ScrollTable label={words.value.panel.asTable(name)} tall>
      <table>
        <caption>{words.value.heat.caption(name, temperatureUnit(units))}</caption>
        <thead>
          <tr>
            <th scope="col">{words.value.panel.time}</th>
            {hours.map((hour) => (
              <th key={hour} scope="col" class="number">
                {formatHour(hour)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {byPeriod.map(([start, own]) => {
            const means = new Map(own.map(({ hour, mean }) => [hour, mean]));
            return (
              <tr key={start}>
                <th scope="row">{periodWords(start, period, now)}</th>
                {hours.map((hour) => (
                  <td key={hour} class="number">
                    {formatDegrees(means.get(hour), units)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </ScrollTable>
  );
}
