/** A city as it is configured or was imported. `city_id` is its identity everywhere. */
export interface City {
  /** Text of at most 64 characters of `a-z 0-9 - _ .`, chosen by us, never the provider's number. */
  readonly city_id: string;
  readonly name: string;
  /** ISO 3166-1 alpha-2 where known ("US"), else what the source says; empty when unknown. */
  readonly country: string;
  /** Degrees north, −90 to 90. */
  readonly latitude: number;
  /** Degrees east, −180 to 180. */
  readonly longitude: number;
  /** Metres above sea level; null or absent where it is not known. */
  readonly elevation_m?: number | null;
  /** IANA time zone, such as "America/New_York". */
  readonly time_zone: string;
  /** Words of the configured list by which users are given cities; it is not kept in the lake. */
  readonly tags?: readonly string[];
}

/** A city as the table `cities` keeps it: with the source that named it first. */
export interface KnownCity extends City {
  readonly source: string;
}

/** What `isobar start` watches without a configured list. */
export const DEFAULT_CITIES: readonly City[] = [
  city('new-york', 'New York', 'US', 40.7128, -74.006, 'America/New_York'),
  city('london', 'London', 'GB', 51.5074, -0.1278, 'Europe/London'),
  city('tokyo', 'Tokyo', 'JP', 35.6762, 139.6503, 'Asia/Tokyo'),
  city('sydney', 'Sydney', 'AU', -33.8688, 151.2093, 'Australia/Sydney'),
  city('dubai', 'Dubai', 'AE', 25.2048, 55.2708, 'Asia/Dubai'),
];

/** Lower and higher than any place with a station: the shore of the Dead Sea, the summits of Asia. */
const ELEVATION_M = { least: -450, most: 9_000 } as const;

export function isElevation(metres: number | null | undefined): metres is number {
  if (typeof metres !== 'number') return false;
  return metres >= ELEVATION_M.least && metres <= ELEVATION_M.most;
}

export const CITY_ID_PATTERN = /^[a-z0-9][a-z0-9._-]{0,63}$/;
export const TAG_PATTERN = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/**
 * An id made from names: lower case, accents dropped, everything else a hyphen
 * (`São Paulo`, `BR` → `sao-paulo-br`). Empty when the names hold no letter of a–z.
 */
export function formatCityId(...names: readonly string[]): string {
  return names
    .join(' ')
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
    .replace(/-+$/, '');
}

/** An id for a place without a name of Latin letters: `58.1312s-136.5365w`. */
export function formatPlaceId(latitude: number, longitude: number): string {
  const [north, east] = [Math.abs(latitude), Math.abs(longitude)].map((degrees) =>
    degrees.toFixed(4).replace(/\.?0+$/, ''),
  );
  return `${north}${latitude < 0 ? 's' : 'n'}-${east}${longitude < 0 ? 'w' : 'e'}`;
}

/** Great-circle distance in kilometres on a sphere of 6,371 km (haversine formula). */
export function distanceKm(
  a: { readonly latitude: number; readonly longitude: number },
  b: { readonly latitude: number; readonly longitude: number },
): number {
  const radians = Math.PI / 180;
  const dLatitude = (b.latitude - a.latitude) * radians;
  const dLongitude = (b.longitude - a.longitude) * radians;
  const h =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * Math.sin(dLongitude / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(h)));
}

function city(
  city_id: string,
  name: string,
  country: string,
  latitude: number,
  longitude: number,
  time_zone: string,
): City {
  return { city_id, name, country, latitude, longitude, time_zone };
}
