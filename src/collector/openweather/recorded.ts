/**
 * Recorded answers, for imports: their cities are not configured, so each answer names its own.
 */
import tzLookup from '@photostructure/tz-lookup';
import { type City, formatCityId, formatPlaceId } from '../../model/city.ts';
import {
  type InvalidRecord,
  type Observation,
  TEXT_CHARACTERS_MAX,
} from '../../model/observation.ts';
import { ProviderError } from '../provider-error.ts';
import {
  type Fields,
  InvalidAnswer,
  readNumber,
  readObject,
  readText,
  readWhole,
} from './fields.ts';
import {
  ANSWER_BYTES_MAX,
  codeOf,
  errorOfCode,
  makeInvalid,
  makeObservation,
  messageOf,
  type ParseOptions,
  parseObject,
} from './parse.ts';

export interface RecordedOptions extends ParseOptions {
  /** Now, or when the answers were collected, in milliseconds since 1970. */
  readonly collectedAt: number;
  /** The city that this place is known as; the place itself when it is new. */
  readonly recognise?: (place: City) => City;
}

export type Recorded =
  | { readonly city: City; readonly record: Observation }
  | { readonly city: City | null; readonly record: InvalidRecord };

/**
 * The observation in a recorded answer, with its city; an invalid record when it
 * holds none, also for an error of the provider.
 */
export function parseRecorded(body: string, options: RecordedOptions): Recorded {
  const answer = { body, collectedAt: options.collectedAt };
  let city: City | null = null;
  try {
    if (Buffer.byteLength(body) > ANSWER_BYTES_MAX) throw new InvalidAnswer('longer than 1 MiB');
    const fields = parseObject(body, 'reading a recorded answer');
    const code = codeOf(fields);
    if (code !== 200) throw errorOfCode(code, messageOf(fields), 'an error was recorded', null);
    const place = readPlace(fields);
    city = options.recognise?.(place) ?? place;
    const observation = makeObservation(fields, answer, city, options);
    if (observation.condition?.isWellFormed() === false) {
      throw new InvalidAnswer('weather[0].description is not valid Unicode');
    }
    return { city, record: observation };
  } catch (error) {
    if (!(error instanceof InvalidAnswer || error instanceof ProviderError)) throw error;
    const id = city?.city_id ?? '';
    return { city, record: makeInvalid(error.message, answer, id, options.source) };
  }
}

/** The city of the answer: from its name, country, coordinates and number. */
function readPlace(fields: Fields): City {
  const coord = readObject(fields, 'coord');
  const latitude = readDegrees(coord, 'lat', 90);
  const longitude = readDegrees(coord, 'lon', 180);
  const name = readName(fields, 'name');
  const country = readName(readObject(fields, 'sys'), 'country', 'sys.country');
  const number = readWhole(fields, 'id', { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) ?? 0;
  const city_id = makeCityId(name, country, number, latitude, longitude);
  const time_zone = tzLookup(latitude, longitude);
  return { city_id, name: name === '' ? city_id : name, country, latitude, longitude, time_zone };
}

/** A text that names a place; without what no name has. */
function readName(fields: Fields, key: string, path = key): string {
  const name = readText(fields, key, TEXT_CHARACTERS_MAX, path) ?? '';
  if (!name.isWellFormed()) throw new InvalidAnswer(`${path} is not valid Unicode`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) {
    throw new InvalidAnswer(`${path} has control characters`);
  }
  return name;
}

function readDegrees(coord: Fields, key: string, most: number): number {
  const degrees = readNumber(coord, key, `coord.${key}`);
  if (degrees === null) throw new InvalidAnswer(`coord.${key} is missing`);
  if (Math.abs(degrees) <= most) return degrees;
  throw new InvalidAnswer(`coord.${key} is out of range (${degrees}; -${most} to ${most})`);
}

/**
 * From the name where it is written in Latin letters (`sao-paulo-br`), else from the provider's
 * number (`owm-524901`), which is 0 in the open sea, else from the place (`58.1312s-136.5365w`).
 */
function makeCityId(
  name: string,
  country: string,
  number: number,
  latitude: number,
  longitude: number,
): string {
  const foreign = /[^\P{Letter}\p{Script=Latin}]/u.test(name);
  if (!foreign && formatCityId(name) !== '') return formatCityId(name, country);
  if (number > 0) return `owm-${number}`;
  return formatPlaceId(latitude, longitude);
}
