/** The cities as the page shows them, with what has just come laid over the last answer. */
import type { CityEntry, LatestObservation } from '../../src/api/schemas.ts';
import type { ObservationEvent } from '../../src/api/status-schemas.ts';
import { COMPARED_MAX } from '../chart/line-style.ts';

export type Latest = Omit<LatestObservation, 'age_s'>;

/** What came over the stream, by city; only what is newer than before takes its place. */
export function overlay(
  known: ReadonlyMap<string, Latest>,
  events: readonly ObservationEvent[],
): ReadonlyMap<string, Latest> {
  const next = new Map(known);
  for (const { city_id, observation } of events) {
    const before = next.get(city_id);
    if (before === undefined || !isOlder(observation, before)) next.set(city_id, observation);
  }
  return next;
}

/** The entries of the answer, each with the newest observation of the two. */
export function mergeCities(
  entries: readonly CityEntry[],
  live: ReadonlyMap<string, Latest>,
): readonly ShownCity[] {
  return entries.map((entry) => {
    const streamed = live.get(entry.city_id);
    const latest =
      streamed !== undefined && (entry.latest === null || isOlder(entry.latest, streamed))
        ? streamed
        : entry.latest;
    return { ...entry, latest };
  });
}

export type ShownCity = Omit<CityEntry, 'latest'> & { readonly latest: Latest | null };

/** By the time of the observation, and of two reports of one observation by their versions. */
function isOlder(a: Latest, b: Latest): boolean {
  const difference = Date.parse(a.observed_at) - Date.parse(b.observed_at);
  return difference < 0 || (difference === 0 && a.version < b.version);
}

/** The order stays, but for favourites, which go first. */
export function favouritesFirst(
  cities: readonly ShownCity[],
  favourites: ReadonlySet<string>,
): readonly ShownCity[] {
  if (favourites.size === 0) return cities;
  const isFirst = ({ city_id }: ShownCity) => favourites.has(city_id);
  return [...cities.filter(isFirst), ...cities.filter((city) => !isFirst(city))];
}

/** How many cities are compared when none are chosen. */
const COMPARED_FIRST = 3;

/** Cities whose newest observation is this much older than another's have stopped. */
const CURRENT_MS = 86_400_000;

function observedAt({ latest }: ShownCity): number {
  return latest === null ? Number.NEGATIVE_INFINITY : Date.parse(latest.observed_at);
}

/** The chosen cities that exist, else the first ones that have not stopped; in the order of their lines. */
export function comparedCities(
  chosen: readonly string[],
  cities: readonly ShownCity[],
): readonly ShownCity[] {
  const found = chosen.flatMap((id) => cities.find((city) => city.city_id === id) ?? []);
  if (found.length > 0) return found.slice(0, COMPARED_MAX);
  const newest = Math.max(...cities.map(observedAt));
  const current = cities.filter((city) => observedAt(city) >= newest - CURRENT_MS);
  return (current.length > 0 ? current : cities).slice(0, COMPARED_FIRST);
}

/** The first cities, and after them those of the compared ones that are not among them. */
export function cardCities(
  cities: readonly ShownCity[],
  count: number,
  compared: readonly ShownCity[],
): readonly ShownCity[] {
  const first = cities.slice(0, count);
  const ids = new Set(first.map(({ city_id }) => city_id));
  return [...first, ...compared.filter(({ city_id }) => !ids.has(city_id))];
}

/** The choice after a click on this city: in if it was out, out if it was in, never empty. */
export function toggleCity(compared: readonly string[], id: string): readonly string[] {
  if (!compared.includes(id)) return [...compared, id].slice(-COMPARED_MAX);
  return compared.length > 1 ? compared.filter((one) => one !== id) : compared;
}
