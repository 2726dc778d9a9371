/** What people do with incidents, and under which name: the browser keeps it. */
import { signal } from '@preact/signals';
import { browserKeeper } from '../cities/favourites.ts';
import { formatPath, post, type Trouble, troubleOf } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';

const KEY = 'isobar.name';
export const NAME_MAX = 100;

export const ownName = signal(readName());

function readName(): string {
  try {
    return browserKeeper()?.getItem(KEY)?.slice(0, NAME_MAX) ?? '';
  } catch {
    return '';
  }
}

export function keepName(name: string): void {
  ownName.value = name;
  try {
    browserKeeper()?.setItem(KEY, name);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

/** The parameter `by`, without which the server names the page. */
function by(): { readonly by?: string } {
  const name = ownName.value.trim();
  return name === '' ? {} : { by: name };
}

export function acknowledge(store: Store, incident: string, note: string): Promise<Trouble | null> {
  const more = note.trim() === '' ? {} : { note: note.trim() };
  return act(store, formatPath('api/acknowledge', { incident, ...by(), ...more }));
}

/** `for` is such as `8h`; without a city all cities and the system are silenced. */
export function silence(
  store: Store,
  what: { readonly rule: string; readonly city?: string; readonly for: string },
): Promise<Trouble | null> {
  return act(store, formatPath('api/silence', { ...what, ...by() }));
}

export function endSilence(store: Store, id: string): Promise<Trouble | null> {
  return act(store, formatPath('api/end-silence', { silence: id }));
}

/** Resolves with what went wrong; null when nothing did. */
async function act(store: Store, path: string): Promise<Trouble | null> {
  try {
    await post(path);
  } catch (error) {
    return troubleOf(error);
  }
  await Promise.all([store.incidents.refresh(), store.status.refresh()]);
  return null;
}
