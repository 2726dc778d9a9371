import type { AnomaliesAnswer } from '../../../src/api/schemas.ts';
import type { Anomaly } from '../../../src/model/datasets.ts';
import { isVariableName, VARIABLES } from '../../../src/model/variables.ts';
import type { Store } from '../client/store.ts';
import { formatNumber, formatPlural, formatSigned } from '../format/numbers.ts';
import { formatTime, zoneOf } from '../format/times.ts';
import { formatBare, formatValue, type Units } from '../format/units.ts';
import { csvOf, DataLinks, Panel } from './panel.tsx';
import { ScrollTable } from './scroll-table.tsx';

/** Values far from what is usual, newest first, each with a sentence that says why. */
export function Anomalies({ store }: { readonly store: Store }) {
  const path = store.anomalies.path.value;
  return (
    <Panel
      id="anomalies"
      title="Unusual values"
      subtitle="all cities · more than three standard deviations from the city’s mean"
      store={store}
      resource={store.anomalies}
      height={210}
      meta={(answer) => answer.meta}
      isEmpty={(answer) => answer.data.length === 0}
      emptyText="Nothing unusual in this range."
      actions={<DataLinks path={path} csv={csvOf(path)} />}
    >
      {(answer) => (
        <>
          <ScrollTable label="Unusual values">
            <table>
              <caption class="unseen">Unusual values, newest first</caption>
              <thead>
                <tr>
                  <th scope="col">Time</th>
                  <th scope="col">City</th>
                  <th scope="col">Variable</th>
                  <th scope="col" class="number">
                    Value
                  </th>
                  <th scope="col" class="number">
                    Expected
                  </th>
                  <th scope="col" class="number">
                    Score
                  </th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>
                {answer.data.map((row) => (
                  <AnomalyRow key={keyOf(row)} store={store} row={row} />
                ))}
              </tbody>
            </table>
          </ScrollTable>
          <Note answer={answer} />
        </>
      )}
    </Panel>
  );
}

function keyOf({ city_id, observed_at, variable, rule }: Anomaly): string {
  return `${city_id} ${observed_at} ${variable} ${rule}`;
}

function AnomalyRow({ store, row }: { readonly store: Store; readonly row: Anomaly }) {
  const { units, clock } = store.address.view.value;
  const city = store.shown.value.find(({ city_id }) => city_id === row.city_id);
  const zone = zoneOf(clock, city?.time_zone);
  const { label, value, expected } = describe(row, units);
  return (
    <tr>
      <th scope="row">{formatTime(Date.parse(row.observed_at), zone, store.clock.now.peek())}</th>
      <td>{row.city}</td>
      <td>{label}</td>
      <td class="number">{value}</td>
      <td class="number">{expected}</td>
      <td class="number">{formatSigned(row.score, 1)}</td>
      <td class="words">{row.reason}</td>
    </tr>
  );
}

function describe({ variable, value, expected }: Anomaly, units: Units) {
  if (!isVariableName(variable)) {
    return { label: variable, value: formatNumber(value, 1), expected: formatNumber(expected, 1) };
  }
  return {
    label: VARIABLES[variable].label.toLowerCase(),
    value: formatValue(value, variable, units),
    expected: formatBare(expected, variable, units),
  };
}

/** What is not in the table, and why. */
function Note({ answer }: { readonly answer: AnomaliesAnswer }) {
  const { next_cursor, not_enough_values } = answer.meta;
  const parts = [
    next_cursor === null ? null : `the newest ${answer.data.length}; the CSV has all`,
    not_enough_values.length === 0
      ? null
      : `${formatPlural(not_enough_values.length, 'city has', 'cities have')} fewer than 11 values, too few to judge`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : <p class="quiet foot">{parts.join(' · ')}</p>;
}
