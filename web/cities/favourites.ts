/** Cities that go first, kept by this browser. */
import { type Signal, signal } from '@preact/signals';

const KEY = 'isobar.favourites';
const MAX = 200;

export interface Favourites {
  readonly ids: Signal<ReadonlySet<string>>;
  toggle(id: string): void;
}

type Keeper = Pick<Storage, 'getItem' | 'setItem'>;

export function createFavourites(keeper: Keeper | null): Favourites {
  const ids = signal<ReadonlySet<string>>(new Set(read(keeper)));
  return {
    ids,
    toggle(id) {
      const next = new Set(ids.value);
      if (!next.delete(id) && next.size < MAX) next.add(id);
      ids.value = next;
      try {
        keeper?.setItem(KEY, JSON.stringify([...next]));
      } catch {
        // A browser that keeps nothing shows them until the page is closed.
      }
    },
  };
}

function read(keeper: Keeper | null): readonly string[] {
  try {
    const kept: unknown = JSON.parse(keeper?.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((id) => typeof id === 'string').slice(0, MAX) : [];
  } catch {
    return [];
  }
}

/** The browser's own keeper; null where the page may not use it. */
export function browserKeeper(): Keeper | null {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}
