import { useSignal } from '@preact/signals';
import type { SilenceRow } from '../../src/api/alert-schemas.ts';
import { mayOperate } from '../account/account.ts';
import { nameOfCity } from '../cities/find-city.ts';
import type { Trouble } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';
import { formatTime, zoneWithoutCity } from '../format/times.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { TroubleNote } from '../panel/trouble-note.tsx';
import { words } from '../words/words.ts';
import { endSilence } from './acting.ts';

/** What is not notified at the moment, and a way to end it. */
export function SilencesPanel({ store }: { readonly store: Store }) {
  const say = words.value.incidents;
  const trouble = useSignal<Trouble | null>(null);
  const columns: readonly Column[] = [
    [say.covers],
    [say.until],
    [say.by],
    [say.note, 'wraps'],
    [say.end, 'action'],
  ];
  const { clock } = store.address.view.value;
  const zone = zoneWithoutCity(clock);
  const cellsOf = (row: SilenceRow) => {
    const what = coveredBy(row, store);
    return [
      what,
      formatTime(Date.parse(row.until), zone, store.clock.now.peek()),
      row.by,
      row.note ?? '–',
      <button
        key="end"
        type="button"
        class="plain"
        disabled={!mayOperate.value}
        aria-label={say.endOf(what)}
        onClick={async () => {
          trouble.value = await endSilence(store, row.silence_id);
        }}
      >
        {say.end}
      </button>,
    ];
  };
  return (
    <Panel
      id="silences"
      title={say.silences}
      store={store}
      resource={store.incidents.silences}
      height={60}
      rows={null}
      emptyText={say.noSilences}
    >
      {({ data }) => (
        <>
          <Table label={say.silences} class="stacks" columns={columns}>
            {data.map((row) => (
              <Row key={row.silence_id} columns={columns} cells={cellsOf(row)} />
            ))}
          </Table>
          <TroubleNote trouble={trouble.value} />
        </>
      )}
    </Panel>
  );
}

function coveredBy({ rule, city_id }: SilenceRow, store: Store): string {
  const city = city_id === null ? null : nameOfCity(store, city_id);
  const parts = [rule, city].filter((part) => part !== null);
  return parts.length === 0 ? words.value.incidents.everything : parts.join(', ');
}
