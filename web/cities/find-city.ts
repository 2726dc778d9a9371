/** What tables and lists show of a city that they know by its id. */
import type { Store } from '../client/store.ts';
import { zoneOf } from '../format/times.ts';
import type { ShownCity } from './city-list.ts';

export function findCity(store: Store, id: string | null): ShownCity | undefined {
  return store.shown.value.find(({ city_id }) => city_id === id);
}

/** Its name; the id itself for a city that is unknown. */
export function nameOfCity(store: Store, id: string): string {
  return findCity(store, id)?.name ?? id;
}

/** The zone of the chosen clock for times of this city. */
export function zoneOfCity(store: Store, id: string): string {
  return zoneOf(store.address.view.value.clock, findCity(store, id)?.time_zone);
}
