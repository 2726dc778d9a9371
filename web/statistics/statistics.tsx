import type { CityStatistics } from '../../src/model/datasets.ts';
import { zoneOfCity } from '../cities/find-city.ts';
import type { Store } from '../client/store.ts';
import { formatCount, formatNumber } from '../format/numbers.ts';
import { formatTime } from '../format/times.ts';
import {
  formatDegrees,
  formatTemperatureDifference,
  formatValue,
  temperatureUnit,
} from '../format/units.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { SourceLink } from '../provenance/source-window.tsx';
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
    [words.value.source.link, 'action'],
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
        <Table label={say.title} caption={say.caption} class="stacks" tall columns={columns}>
          {answer.data.map((row) => (
            <StatisticsRow key={row.city_id} {...{ store, row, columns }} />
          ))}
        </Table>
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
  const { units } = store.address.view.value;
  const zone = zoneOfCity(store, row.city_id);
  const when = (time: string | null) =>
    time === null ? '' : formatTime(Date.parse(time), zone, store.clock.now.peek());
  const spread = row.temperature_c_stddev;
  return (
    <Row
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
        spread === null ? '–' : `±${formatTemperatureDifference(spread, units).replace('+', '')}°`,
        formatValue(row.humidity_pct_mean, 'humidity_pct', units),
        <>
          {formatNumber(row.coverage_pct, row.coverage_pct > 99.95 ? 0 : 1)} %
          <small>{words.value.statistics.observations(formatCount(row.observation_count))}</small>
        </>,
        <SourceLink
          key="source"
          dataset="city_statistics"
          {...{ city_id: row.city_id, city: row.city, answered: store.statistics.path.value }}
        />,
      ]}
    />
  );
}
