/** The city of a row: from constants of the mapping and cells, recognised once for each place. */
import { CITY_ID_PATTERN, type City, isElevation } from '../model/city.ts';
import { TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import { isTimeZone } from '../model/time-zone.ts';
import { numberReaderOf } from './cell.ts';
import type { CityFinder } from './cities.ts';
import type { Mapping } from './mapping.ts';
import { parseDecimal } from './numbers.ts';
import type { InputTable } from './table.ts';

/** The city, or the reason why there is none. */
export type FindCity = (cells: readonly string[]) => City | string;

const PARTS = [
  'id',
  'name',
  'country',
  'latitude',
  'longitude',
  'elevation_m',
  'time_zone',
] as const;
type Part = (typeof PARTS)[number];
/** Places that are remembered at most; beyond it they are recognised anew. */
const PLACES_MAX = 200_000;

export function cityReader(table: InputTable, mapping: Mapping, finder: CityFinder): FindCity {
  const parts = PARTS.map((name) => partReader(mapping.city[name], table));
  const parse = numberReaderOf({}, mapping);
  const found = new Map<string, City | string>();

  /** A point in coordinates always stands for decimals, and those of the mapping have one. */
  function number(text: string): number {
    return parseDecimal(text) ?? Number(parse(text) ?? Number.NaN);
  }

  return (cells) => {
    const texts = parts.map((read) => read(cells));
    const key = texts.join('\u0000');
    let city = found.get(key);
    if (city === undefined) {
      const place = Object.fromEntries(
        PARTS.map((name, index) => [name, texts[index] ?? '']),
      ) as Record<Part, string>;
      city = recognise(place, number, finder);
      if (found.size >= PLACES_MAX) found.clear();
      found.set(key, city);
    }
    return city;
  };
}

function partReader(
  part: string | number | { readonly column: string } | undefined,
  { indexes }: InputTable,
): (cells: readonly string[]) => string {
  if (typeof part !== 'object') return () => String(part ?? '');
  const index = indexes.get(part.column) ?? -1;
  return (cells) => (cells[index] ?? '').trim();
}

function recognise(
  { id, name, country, latitude, longitude, elevation_m, time_zone }: Record<Part, string>,
  number: (text: string) => number,
  finder: CityFinder,
): City | string {
  const [north, east] = [number(latitude), number(longitude)];
  if (id !== '' && !CITY_ID_PATTERN.test(id)) {
    return 'city id is not made of up to 64 of a-z, 0-9, ".", "_" and "-"';
  }
  const problem = nameProblem('city name', name) ?? textProblem('country', country);
  if (problem !== null) return problem;
  if (!(Math.abs(north) <= 90)) return 'latitude is not a number from -90 to 90';
  if (!(Math.abs(east) <= 180)) return 'longitude is not a number from -180 to 180';
  const metres = number(elevation_m);
  if (time_zone !== '' && !isTimeZone(time_zone)) return 'time zone of the city is unknown';
  return finder.find({
    ...(id === '' ? {} : { id }),
    name,
    country,
    latitude: north,
    longitude: east,
    elevation_m: isElevation(metres) ? metres : null,
    ...(time_zone === '' ? {} : { time_zone }),
  });
}

/** Why a text cannot be the name of a city; null when it can. */
export function nameProblem(what: string, name: string): string | null {
  return name.trim() === '' ? `${what} is missing` : textProblem(what, name);
}

function textProblem(what: string, text: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return `${what} has control characters`;
  if (!text.isWellFormed()) return `${what} is not valid Unicode`;
  if (text.length > TEXT_CHARACTERS_MAX && [...text].length > TEXT_CHARACTERS_MAX) {
    return `${what} is longer than ${TEXT_CHARACTERS_MAX} characters`;
  }
  return null;
}
