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
import { Panel } from '../panel/panel.tsx';
import { ScrollTable } from '../panel/scroll-table.tsx';
import { words } from '../words/words.ts';

/** What the range comes down to, city by city. */
export function Statistics({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const { panel, statistics: say, variables } = words.value;
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
          <table>
            <caption class="unseen">{say.caption}</caption>
            <thead>
              <tr>
                <th scope="col">{panel.city}</th>
                <th scope="col" class="number">
                  {panel.mean}
                </th>
                <th scope="col" class="number">
                  {say.low}
                </th>
                <th scope="col" class="number">
                  {say.high}
                </th>
                <th scope="col" class="number">
                  {say.spread}
                </th>
                <th scope="col" class="number">
                  {variables.humidity_pct}
                </th>
                <th scope="col" class="number">
                  {say.coverage}
                </th>
              </tr>
            </thead>
            <tbody>
              {answer.data.map((row) => (
                <StatisticsRow key={row.city_id} store={store} row={row} />
              ))}
            </tbody>
          </table>
        </ScrollTable>
      )}
    </Panel>
  );
}

function StatisticsRow({ store, row }: { readonly store: Store; readonly row: CityStatistics }) {
  const { units, clock } = store.address.view.value;
  const city = store.shown.value.find(({ city_id }) => city_id === row.city_id);
  const zone = zoneOf(clock, city?.time_zone);
  const when = (time: string | null) =>
    time === null ? '' : formatTime(Date.parse(time), zone, store.clock.now.peek());
  const spread = row.temperature_c_stddev;
  return (
    <tr>
      <th scope="row">{row.city}</th>
      <td class="number">{formatDegrees(row.temperature_c_mean, units)}</td>
      <td class="number">
        {formatDegrees(row.temperature_c_min, units)}
        <small>{when(row.temperature_c_min_at)}</small>
      </td>
      <td class="number">
        {formatDegrees(row.temperature_c_max, units)}
        <small>{when(row.temperature_c_max_at)}</small>
      </td>
      <td class="number">
        {spread === null ? '–' : `±${formatTemperatureDifference(spread, units).replace('+', '')}°`}
      </td>
      <td class="number">{formatValue(row.humidity_pct_mean, 'humidity_pct', units)}</td>
      <td class="number">
        {formatNumber(row.coverage_pct, row.coverage_pct > 99.95 ? 0 : 1)} %
        <small>{words.value.statistics.observations(formatCount(row.observation_count))}</small>
      </td>
    </tr>
  );
}
