/** How far stations are from their neighbours, day by day; shown where stations have neighbours. */
import { linePath, type Points, valueRange } from '../chart/points.ts';
import { nameOfCity } from '../cities/find-city.ts';
import type { Store } from '../client/store.ts';
import { formatCount, formatSigned } from '../format/numbers.ts';
import { formatTemperatureDifference, temperatureUnit, type Units } from '../format/units.ts';
import { Panel } from '../panel/panel.tsx';
import { Cells, type Column, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import { type DriftRow, driftRows } from './drift.ts';

const ROWS_SHOWN = 100;

export function DriftPanel({ store }: { readonly store: Store }) {
  const { panel, anomalies, quality: say } = words.value;
  if ((store.sensors.drift.answer.value?.data.length ?? 0) === 0) return null;
  const columns: readonly Column[] = [
    [panel.city],
    [anomalies.variable],
    [say.difference, 'number'],
    [say.change, 'number'],
    [say.byDay],
  ];
  return (
    <Panel
      id="drift"
      title={say.drift}
      subtitle={say.driftSubtitle}
      store={store}
      resource={store.sensors.drift}
      height={260}
    >
      {(answer) => {
        const rows = driftRows(answer.data);
        const more = rows.length - ROWS_SHOWN;
        return (
          <>
            <Table
              label={say.drift}
              caption={say.driftCaption}
              class="stacks"
              tall
              columns={columns}
            >
              {rows.slice(0, ROWS_SHOWN).map((row) => (
                <Row key={`${row.cityId} ${row.variable}`} {...{ store, row, columns }} />
              ))}
            </Table>
            {more > 0 && (
              <p class="quiet foot">
                {say.moreStations(
                  `${formatCount(more)}${answer.meta.next_cursor === null ? '' : '+'}`,
                )}
              </p>
            )}
          </>
        );
      }}
    </Panel>
  );
}

interface RowProps {
  readonly store: Store;
  readonly row: DriftRow;
  readonly columns: readonly Column[];
}

function Row({ store, row, columns }: RowProps) {
  const { variable, newest, change } = row;
  const { units } = store.address.view.value;
  const { variables, quality: say } = words.value;
  return (
    <tr>
      <Cells
        columns={columns}
        cells={[
          nameOfCity(store, row.cityId),
          variable === 'dew_point_c' ? say.dewPointName : variables[variable],
          format(newest, row, units),
          change === null ? '–' : format(change, row, units),
          row.points.times.length < 2 ? '–' : <Line key="line" points={row.points} />,
        ]}
      />
    </tr>
  );
}

function format(difference: number, { variable }: DriftRow, units: Units): string {
  return variable === 'pressure_hpa'
    ? `${formatSigned(difference, 1)} hPa`
    : `${formatTemperatureDifference(difference, units)} ${temperatureUnit(units)}`;
}

const WIDTH = 140;
const HEIGHT = 24;

/** The differences around zero, which is drawn as well. */
function Line({ points }: { readonly points: Points }) {
  const [low, high] = valueRange([points, ZERO], 2) ?? [-1, 1];
  const first = points.times[0] ?? 0;
  const last = points.times.at(-1) ?? first;
  const x = (at: number) => ((at - first) / Math.max(1, last - first)) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4);
  return (
    <svg class="drift-line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path class="zero" d={`M0 ${y(0).toFixed(1)}H${WIDTH}`} />
      <path d={linePath(points, x, y)} />
    </svg>
  );
}

const ZERO: Points = { times: [0], values: [0] };
