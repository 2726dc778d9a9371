import type { CityStatistics } from '../../src/model/datasets.ts';
import type { Store } from '../client/store.ts';
import { formatCount, formatNumber } from '../format/numbers.ts';
import { formatTime, zoneOf } from '../format/times.ts';
import {
  formatDegrees,
  formatTemperatureDifference,
  formatValue,
  temperatureUnit,
} from '../format/units.ts';
import { Cells, type Column, Heads } from '../panel/columns.tsx';
import { Panel } from '../panel/panel.tsx';
import { ScrollTable } from '../panel/scroll-table.tsx';
import { words } from '../words/words.ts';

/** What the range comes down to, city by city. */
export function Statistics({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const { panel, statistics: say, variables } = words.value;
  const columns: readonly Column[] = [
    [panel.city],
    [panel.mean, 'number'],
    [say.low, 'number'],
    [say.high, 'number'],
    [say.spread, 'number'],
    [variables.humidity_pct, 'number'],
    [say.coverage, 'number'],
  ];
  return (
    <Panel
      id="statistics"
      title={say.title}
      subtitle={say.subtitle(temperatureUnit(units))}
      store={store}
      resource={store.statistics}
      height={288}
      widen
    >
      {(answer) => (
        <ScrollTable label={say.title} tall>
          <table class="stacks">
            <caption class="unseen">{say.caption}</caption>
            <Heads columns={columns} />
            <tbody>
              {answer.data.map((row) => (
                <StatisticsRow key={row.city_id} {...{ store, row, columns }} />
              ))}
            </tbody>
          </table>
        </ScrollTable>
      )}
    </Panel>
  );
}

interface StatisticsRowProps {
  readonly store: Store;
  readonly row: CityStatistics;
  readonly columns: readonly Column[];
}

function StatisticsRow({ store, row, columns }: StatisticsRowProps) {
  const { units, clock } = store.address.view.value;
  const city = store.shown.value.find(({ city_id }) => city_id === row.city_id);
  const zone = zoneOf(clock, city?.time_zone);
  const when = (time: string | null) =>
    time === null ? '' : formatTime(Date.parse(time), zone, store.clock.now.peek());
  const spread = row.temperature_c_stddev;
  return (
    <tr>
      <Cells
        columns={columns}
        cells={[
          row.city,
          formatDegrees(row.temperature_c_mean, units),
          <>
            {formatDegrees(row.temperature_c_min, units)}
            <small>{when(row.temperature_c_min_at)}</small>
          </>,
          <>
            {formatDegrees(row.temperature_c_max, units)}
            <small>{when(row.temperature_c_max_at)}</small>
          </>,
          spread === null
            ? '–'
            : `±${formatTemperatureDifference(spread, units).replace('+', '')}°`,
          formatValue(row.humidity_pct_mean, 'humidity_pct', units),
          <>
            {formatNumber(row.coverage_pct, row.coverage_pct > 99.95 ? 0 : 1)} %
            <small>{words.value.statistics.observations(formatCount(row.observation_count))}</small>
          </>,
        ]}
      />
    </tr>
  );
}
