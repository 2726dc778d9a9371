import { useSignal } from '@preact/signals';
import type { SilenceRow } from '../../src/api/alert-schemas.ts';
import type { Trouble } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';
import { formatTime, zoneOf } from '../format/times.ts';
import { Cells, type Column, Heads } from '../panel/columns.tsx';
import { Panel } from '../panel/panel.tsx';
import { ScrollTable } from '../panel/scroll-table.tsx';
import { words } from '../words/words.ts';
import { endSilence } from './acting.ts';
import { TroubleNote } from './incident-entry.tsx';

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
  const zone = zoneOf(clock === 'utc' ? 'utc' : 'mine', null);
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
          <ScrollTable label={say.silences}>
            <table class="stacks">
              <caption class="unseen">{say.silences}</caption>
              <Heads columns={columns} />
              <tbody>
                {data.map((row) => (
                  <tr key={row.silence_id}>
                    <Cells columns={columns} cells={cellsOf(row)} />
                  </tr>
                ))}
              </tbody>
            </table>
          </ScrollTable>
          <TroubleNote trouble={trouble.value} />
        </>
      )}
    </Panel>
  );
}

function coveredBy({ rule, city_id }: SilenceRow, store: Store): string {
  const city = store.shown.value.find((one) => one.city_id === city_id)?.name ?? city_id;
  const parts = [rule, city].filter((part) => part !== null);
  return parts.length === 0 ? words.value.incidents.everything : parts.join(', ');
}
