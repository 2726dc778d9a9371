/** Which city a place is: a known one, or a new one with an id made from its name. */
import tzLookup from '@photostructure/tz-lookup';
import { type City, distanceKm, formatCityId, formatPlaceId, isElevation } from '../model/city.ts';
import { countryCode } from './countries.ts';

export interface Place {
  /** The city's id, when the data names one. */
  readonly id?: string;
  /** The id of a new city; made from name and country by default. */
  readonly newId?: string;
  readonly name: string;
  /** Null where the data never says: then a known city of any country will do. */
  readonly country: string | null;
  readonly latitude: number;
  readonly longitude: number;
  readonly elevation_m?: number | null;
  readonly time_zone?: string;
}

export interface CityFinder {
  find(place: Place): City;
  /** Cities that were not known before. */
  readonly added: readonly City[];
}

/**
 * Two places of one name and country nearer than this are one city. Names are compared as they are
 * written: `a` and `A` are two cities, and only forms of one accented letter are the same.
 */
const SAME_CITY_KM = 25;
/** Leaves room for a place and a number in an id of 64 characters. */
const ID_START_MAX = 40;

export function openCityFinder(known: Iterable<City>): CityFinder {
  const byId = new Map<string, City>();
  const byName = new Map<string, City[]>();
  const added: City[] = [];
  for (const city of known) add(city);

  function add(city: City): void {
    byId.set(city.city_id, city);
    const key = nameKey(city.name);
    byName.set(key, [...(byName.get(key) ?? []), city]);
  }

  function find(place: Place): City {
    const country = countryCode(place.country ?? '');
    const byOwnId = place.id === undefined ? undefined : byId.get(place.id);
    if (byOwnId !== undefined) return withElevation(byOwnId, place);
    const named = byName.get(nameKey(place.name)) ?? [];
    const near = named.find(
      (city) =>
        (place.country === null || city.country.toLowerCase() === country.toLowerCase()) &&
        distanceKm(city, place) <= SAME_CITY_KM,
    );
    if (near !== undefined && place.id === undefined) return withElevation(near, place);
    const city: City = {
      city_id: freeId(place.id ?? place.newId ?? formatCityId(place.name, country), place),
      name: place.name,
      country,
      latitude: place.latitude,
      longitude: place.longitude,
      ...(isElevation(place.elevation_m) ? { elevation_m: place.elevation_m } : {}),
      time_zone: place.time_zone ?? tzLookup(place.latitude, place.longitude),
    };
    add(city);
    added.push(city);
    return city;
  }

  /** What is known of a city stays; an elevation that was not known is added. */
  function withElevation(city: City, { elevation_m = null }: Place): City {
    if (elevation_m === null || isElevation(city.elevation_m)) return city;
    const placed = { ...city, elevation_m };
    byId.set(city.city_id, placed);
    const named = byName.get(nameKey(city.name)) ?? [];
    byName.set(nameKey(city.name), named.with(named.indexOf(city), placed));
    return placed;
  }

  /** Two cities of one name in one country: the second one's id also contains its place. */
  function freeId(id: string, place: Place): string {
    if (id !== '' && !byId.has(id)) return id;
    const at = formatPlaceId(place.latitude, place.longitude);
    const wanted = id === '' ? at : `${id.slice(0, ID_START_MAX)}-${at}`;
    let free = wanted;
    for (let number = 2; byId.has(free); number++) free = `${wanted}-${number}`;
    return free;
  }

  return { find, added };
}

function nameKey(name: string): string {
  return name.trim().normalize();
}
