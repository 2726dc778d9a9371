/** What an incident is about, and whose clock its times are on. */
import type { Incident } from '../../src/model/alerts.ts';
import { findCity, nameOfCity } from '../cities/find-city.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { zoneOf, zoneWithoutCity } from '../format/times.ts';
import { words } from '../words/words.ts';

export function subjectOf(store: Store, { city, subjects, variable }: Incident): string {
  const say = words.value.incidents;
  if (city !== null) return city;
  const [only] = subjects;
  if (variable === null || only === undefined) return [say.system, ...subjects].join(' · ');
  if (subjects.length > 1) return say.cities(formatCount(subjects.length));
  return nameOfCity(store, only);
}

/** The clock of its city; mine for the system. */
export function zoneOfIncident(store: Store, { city_id }: Incident): string {
  const { clock } = store.address.view.value;
  const city = findCity(store, city_id);
  return city === undefined ? zoneWithoutCity(clock) : zoneOf(clock, city.time_zone);
}
