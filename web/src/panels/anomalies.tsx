import type { AnomaliesAnswer } from '../../../src/api/schemas.ts';
import type { Anomaly } from '../../../src/model/datasets.ts';
import type { Store } from '../client/store.ts';
import { formatAge } from '../format/ages.ts';
import { describeAnomaly, type Episode, episodesOf } from '../format/anomaly.ts';
import { formatCount, formatPlural } from '../format/numbers.ts';
import { zoneOf } from '../format/times.ts';
import { csvOf, DataLinks, Panel } from './panel.tsx';
import { ScrollTable } from './scroll-table.tsx';
import { TimeCell } from './time-cell.tsx';

/** Values far from what is usual, newest first: what lasts for hours is one row, at its peak. */
export function Anomalies({ store }: { readonly store: Store }) {
  const path = store.anomalies.path.value;
  return (
    <Panel
      id="anomalies"
      title="Unusual values"
      subtitle="all cities · the peak of each episode · three spreads (standard deviations) or more off"
      store={store}
      resource={store.anomalies}
      height={230}
      meta={(answer) => answer.meta}
      isEmpty={(answer) => answer.data.length === 0}
      emptyText="Nothing unusual in this range."
      actions={<DataLinks path={path} csv={csvOf(path)} />}
    >
      {(answer) => (
        <>
          <ScrollTable label="Unusual values" tall>
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
                    Usual
                  </th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>
                {episodesOf(answer.data).map((episode) => (
                  <EpisodeRow key={keyOf(episode.peak)} store={store} episode={episode} />
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

function EpisodeRow({ store, episode }: { readonly store: Store; readonly episode: Episode }) {
  const { peak: row, from, to, count } = episode;
  const { units, clock } = store.address.view.value;
  const city = store.shown.value.find(({ city_id }) => city_id === row.city_id);
  const zone = zoneOf(clock, city?.time_zone);
  const { variable, value, usual, off } = describeAnomaly(row, units);
  return (
    <tr title={row.reason}>
      <th scope="row">
        <TimeCell at={row.observed_at} zone={zone} store={store} mixed={clock === 'city'} />
      </th>
      <td>{row.city}</td>
      <td>{variable}</td>
      <td class="number">{value}</td>
      <td class="number">{usual}</td>
      <td>
        {off}
        {count > 1 && `, ${formatAge((to - from) / 1_000)}`}
      </td>
    </tr>
  );
}

/** What is not in the table, and why. */
function Note({ answer }: { readonly answer: AnomaliesAnswer }) {
  const { next_cursor, not_enough_values } = answer.meta;
  const parts = [
    next_cursor === null
      ? null
      : `of the newest ${formatCount(answer.data.length)} values; the CSV has all`,
    not_enough_values.length === 0
      ? null
      : `${formatPlural(not_enough_values.length, 'city has', 'cities have')} fewer than 11 values, too few to judge`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : <p class="quiet foot">{parts.join(' · ')}</p>;
}
