import { type Signal, useSignal } from '@preact/signals';
import type { Incident } from '../../src/model/alerts.ts';
import type { Trouble } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';
import { TroubleNote } from '../panel/trouble-note.tsx';
import { Window } from '../panel/window.tsx';
import { words } from '../words/words.ts';
import { acknowledge, keepName, NAME_MAX, ownName } from './acting.ts';

/** Who takes care of it, and a note for the others. */
export function AcknowledgeWindow({
  store,
  incident,
  open,
}: {
  readonly store: Store;
  readonly incident: Incident;
  readonly open: Signal<boolean>;
}) {
  const say = words.value.incidents;
  const note = useSignal('');
  const trouble = useSignal<Trouble | null>(null);
  return (
    <Window title={say.acknowledge} subtitle={incident.summary} open={open} class="narrow">
      <form
        class="acknowledge"
        onSubmit={async (event) => {
          event.preventDefault();
          trouble.value = await acknowledge(store, incident.incident_id, note.value);
          if (trouble.value === null) open.value = false;
        }}
      >
        <label>
          {say.name}
          <input
            type="text"
            maxLength={NAME_MAX}
            autoComplete="name"
            value={ownName.value}
            onInput={({ currentTarget }) => keepName(currentTarget.value)}
          />
        </label>
        <label>
          {say.note}
          <textarea
            rows={3}
            maxLength={500}
            value={note.value}
            onInput={({ currentTarget }) => {
              note.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="plain">
          {say.acknowledge}
        </button>
        <TroubleNote trouble={trouble.value} />
      </form>
    </Window>
  );
}
