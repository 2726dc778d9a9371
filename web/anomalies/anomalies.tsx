import type { AnomaliesAnswer } from '../../src/api/schemas.ts';
import { COMPARED_MAX } from '../chart/line-style.ts';
import { zoneOfCity } from '../cities/find-city.ts';
import { withLimit } from '../client/fetching.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatAge } from '../format/ages.ts';
import { formatCount, formatPlural, isOne } from '../format/numbers.ts';
import { Panel } from '../panel/panel.tsx';
import { Cells, type Column, Table } from '../panel/table.tsx';
import { TimeCell } from '../panel/time-cell.tsx';
import { SourceLink } from '../provenance/source-window.tsx';
import { words } from '../words/words.ts';
import { describeAnomaly, type Episode, episodesOf, keyOfAnomaly } from './anomaly.ts';
import { AnomalySearch } from './anomaly-search.tsx';

/** Rows of a file; the table on the page has fewer. */
const FILE_ROWS = 50_000;

/** Values far from what is usual, newest first: what lasts for hours is one row, at its peak. */
export function Anomalies({ store }: { readonly store: Store }) {
  const path = store.foundAnomalies.path.value;
  const { anomalies: say, panel } = words.value;
  const columns: readonly Column[] = [
    [panel.time],
    [panel.city],
    [say.variable],
    [say.value, 'number'],
    [say.usual, 'number'],
    [say.why, 'wraps'],
    [words.value.source.link, 'action'],
  ];
  return (
    <Panel
      id="anomalies"
      title={say.title}
      subtitle={say.subtitle}
      store={store}
      resource={store.foundAnomalies}
      legend={<AnomalySearch store={store} />}
      height={230}
      emptyText={say.empty}
      rows={withLimit(path, FILE_ROWS)}
    >
      {(answer) => (
        <>
          <Table label={say.title} caption={say.caption} class="stacks" tall columns={columns}>
            {episodesOf(answer.data).map((episode) => (
              <EpisodeRow key={keyOfAnomaly(episode.peak)} {...{ store, episode, columns }} />
            ))}
          </Table>
          <Note answer={answer} />
        </>
      )}
    </Panel>
  );
}

interface EpisodeRowProps {
  readonly store: Store;
  readonly episode: Episode;
  readonly columns: readonly Column[];
}

function EpisodeRow({ store, episode, columns }: EpisodeRowProps) {
  const { peak: row, from, to, count } = episode;
  const { units, clock } = store.address.view.value;
  const zone = zoneOfCity(store, row.city_id);
  const { variable, value, usual, off } = describeAnomaly(row, units);
  const light = () => {
    store.lit.value = keyOfAnomaly(row);
  };
  const leave = (event: Event) => {
    // A pointer that goes away takes nothing from the row that has the focus.
    const isFocused = (event.currentTarget as Element).contains(document.activeElement);
    if (event.type === 'focusout' || !isFocused) store.lit.value = null;
  };
  return (
    <tr
      title={row.reason}
      onFocusIn={light}
      onFocusOut={leave}
      onPointerEnter={light}
      onPointerLeave={leave}
    >
      <Cells
        columns={columns}
        cells={[
          <TimeCell
            key="time"
            {...{ zone, store }}
            at={row.observed_at}
            mixed={clock === 'city'}
          />,
          <button
            key="city"
            type="button"
            class="link"
            title={words.value.anomalies.show}
            onClick={() => showEpisode(store, episode)}
          >
            {row.city}
          </button>,
          variable,
          value,
          usual,
          count > 1 ? `${off}, ${formatAge((to - from) / 1_000)}` : off,
          <SourceLink
            key="source"
            dataset="anomalies"
            {...{ city_id: row.city_id, city: row.city, time: row.observed_at }}
          />,
        ]}
      />
    </tr>
  );
}

/** Room around an episode when it is shown. */
const AROUND_MS = 3 * 86_400_000;

/** Its city among the compared ones, its time in the middle of the range. */
function showEpisode(store: Store, { peak, from, to }: Episode): void {
  const compared = store.compared.peek().map(({ city_id }) => city_id);
  const cities = compared.includes(peak.city_id)
    ? compared
    : [peak.city_id, ...compared].slice(0, COMPARED_MAX);
  const now = store.clock.now.peek();
  const range = { from: from - AROUND_MS, to: Math.min(now, to + AROUND_MS) };
  chooseView(store, { cities, range });
  document.getElementById(`chart-${peak.variable}`)?.scrollIntoView({ block: 'center' });
}

/** What is not in the table, and why. */
function Note({ answer }: { readonly answer: AnomaliesAnswer }) {
  const { next_cursor, not_enough_values } = answer.meta;
  const { anomalies: say, counts } = words.value;
  const few = not_enough_values.length;
  const parts = [
    next_cursor === null ? null : say.more(formatCount(answer.data.length)),
    few === 0 ? null : say.tooFew(formatPlural(few, counts.city), isOne(few)),
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : <p class="quiet foot">{parts.join(' · ')}</p>;
}
