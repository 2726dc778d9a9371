import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { type ShownCity, toggleCity } from '../cities/city-list.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatDegrees } from '../format/units.ts';
import { words } from '../words/words.ts';
import { findCities } from './find-cities.ts';
import { isMenuOpen, narrow } from './narrow.ts';

const FOUND_MAX = 8;
const SEARCH_ID = 'search';

export function focusSearch(): void {
  const focus = () => document.getElementById(SEARCH_ID)?.focus();
  isMenuOpen.value = narrow.value;
  if (narrow.value) requestAnimationFrame(focus);
  else focus();
}

/** Finds one of all cities and compares it; a star puts it first. */
export function Search({ store }: { readonly store: Store }) {
  const typed = useSignal('');
  const open = useSignal(false);
  const at = useSignal(0);
  const box = useRef<HTMLDivElement>(null);
  const say = words.value.search;
  const found = open.value ? findCities(store.shown.value, typed.value, FOUND_MAX) : [];
  const compared = store.compared.value.map(({ city_id }) => city_id);
  const choose = (id: string) => {
    chooseView(store, { cities: toggleCity(compared, id) });
    open.value = false;
    typed.value = '';
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => {
      at.value = Math.min(found.length - 1, at.value + 1);
    },
    ArrowUp: () => {
      at.value = Math.max(0, at.value - 1);
    },
    Enter: () => {
      const city = found[at.value];
      if (city !== undefined) choose(city.city_id);
    },
    Escape: () => {
      open.value = false;
    },
  };
  return (
    <div
      ref={box}
      class="search"
      onFocusOut={(event) => {
        if (!box.current?.contains(event.relatedTarget as Node | null)) open.value = false;
      }}
    >
      <input
        id={SEARCH_ID}
        type="search"
        role="combobox"
        aria-label={say.label}
        aria-expanded={found.length > 0}
        aria-controls="search-found"
        aria-autocomplete="list"
        aria-activedescendant={found.length > 0 ? `found-${at.value}` : undefined}
        placeholder={say.placeholder}
        autocomplete="off"
        value={typed.value}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
          at.value = 0;
          open.value = true;
        }}
        onFocus={() => {
          open.value = true;
        }}
        onKeyDown={(event) => {
          const act = keys[event.key];
          if (act === undefined) return;
          event.preventDefault();
          act();
        }}
      />
      <Found {...{ found, compared, choose }} at={at.value} isOpen={open.value} store={store} />
      {open.value && found.length === 0 && typed.value !== '' && (
        <p class="found quiet" role="status">
          {say.none}
        </p>
      )}
    </div>
  );
}

interface FoundProps {
  readonly store: Store;
  readonly found: readonly ShownCity[];
  readonly compared: readonly string[];
  /** The place of the one that Enter chooses. */
  readonly at: number;
  readonly isOpen: boolean;
  choose(id: string): void;
}

function Found({ store, found, compared, at, isOpen, choose }: FoundProps) {
  const say = words.value.search;
  const { units } = store.address.view.value;
  const favourites = store.favourites.ids.value;
  return (
    <div class="found" id="search-found" role="listbox" aria-label={say.found} hidden={!isOpen}>
      {found.map((city, place) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard acts in the field above.
        <div
          key={city.city_id}
          id={`found-${place}`}
          role="option"
          tabIndex={-1}
          aria-selected={place === at}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => choose(city.city_id)}
        >
          <span aria-hidden="true">{favourites.has(city.city_id) ? '★ ' : ''}</span>
          {city.name} <span class="quiet">{city.country}</span>
          <b>{formatDegrees(city.latest?.temperature_c, units)}</b>
          {compared.includes(city.city_id) && <span class="quiet"> {say.compared}</span>}
        </div>
      ))}
    </div>
  );
}
