import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { nameOfCity } from '../cities/find-city.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { words } from '../words/words.ts';
import { type Chip, chipsOf, isChosen, NO_CHOICE, toggleChip } from './facet-chips.ts';

/** A question follows when the typing pauses, ms. */
const PAUSE_MS = 250;
const TEXT_MAX = 200;

/** The field that searches the unusual values, and what narrows them. */
export function AnomalySearch({ store }: { readonly store: Store }) {
  const { anomalyChoice, foundAnomalies } = store;
  const say = words.value.anomalies;
  const typed = useSignal(anomalyChoice.peek().text);
  useEffect(() => {
    const timer = setTimeout(() => {
      anomalyChoice.value = { ...anomalyChoice.peek(), text: typed.value };
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed.value, anomalyChoice]);
  const choice = anomalyChoice.value;
  const facets = foundAnomalies.answer.value?.meta.facets;
  const clear = () => {
    typed.value = '';
    anomalyChoice.value = NO_CHOICE;
  };
  return (
    <search class="anomaly-search">
      <input
        type="search"
        aria-label={say.search}
        aria-controls="anomalies-found"
        placeholder={say.searchFor}
        autocomplete="off"
        maxLength={TEXT_MAX}
        value={typed.value}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') clear();
        }}
      />
      {facets !== undefined && (
        <Chips {...{ store }} chips={chipsOf(facets, choice, (id) => nameOfCity(store, id))} />
      )}
      {isChosen(choice) && (
        <button type="button" class="link" onClick={clear}>
          {say.clear}
        </button>
      )}
      <p class="quiet" role="status" id="anomalies-found">
        {facets !== undefined && isChosen(choice) && say.found(formatCount(facets.total))}
      </p>
    </search>
  );
}

function Chips({ store, chips }: { readonly store: Store; readonly chips: readonly Chip[] }) {
  if (chips.length === 0) return null;
  return (
    <ul class="chips" aria-label={words.value.anomalies.narrow}>
      {chips.map((chip) => (
        <li key={`${chip.field} ${chip.value}`}>
          <button
            type="button"
            class="chip"
            aria-pressed={chip.isPressed}
            onClick={() => {
              store.anomalyChoice.value = toggleChip(store.anomalyChoice.peek(), chip);
            }}
          >
            {chip.label} <span class="quiet">{formatCount(chip.count)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
