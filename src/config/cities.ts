/**
 * The list of cities that a user gives: CSV (RFC 4180) with a header, or a JSON array of objects.
 *
 *     field      also called                needed
 *     name       city                       yes
 *     latitude   lat                        yes, degrees north
 *     longitude  lon, lng                   yes, degrees east
 *     country                               no
 *     id         city_id                    no: made from name and country
 *     elevation_m  elevation, elev          no, metres above sea level
 *     time_zone  timezone                   no: looked up from the coordinates
 *     tags                                  no: words, with blanks between them
 *
 * Names of fields are read without regard to case; other fields are ignored.
 */
import { isUtf8 } from 'node:buffer';
import tzLookup from '@photostructure/tz-lookup';
import { CsvError, type Info, parse as parseCsv } from 'csv-parse/sync';
import { IsobarError } from '../errors.ts';
import {
  CITY_ID_PATTERN,
  type City,
  formatCityId,
  formatPlaceId,
  isElevation,
  TAG_PATTERN,
} from '../model/city.ts';
import { TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import { isTimeZone } from '../model/time-zone.ts';
import { readRegularFile } from '../regular-file.ts';

const CITIES_MAX = 200_000;
const FILE_BYTES_MAX = 128 * 1024 * 1024;
const PROBLEMS_LISTED_MAX = 50;
const TAGS_MAX = 20;

const ALIASES = {
  id: ['city_id', 'id'],
  name: ['name', 'city'],
  country: ['country'],
  latitude: ['latitude', 'lat'],
  longitude: ['longitude', 'lon', 'lng'],
  elevation_m: ['elevation_m', 'elevation', 'elev'],
  time_zone: ['time_zone', 'timezone'],
  tags: ['tags'],
} as const;

type Field = keyof typeof ALIASES;
const FIELDS = Object.keys(ALIASES) as Field[];

/** One entry of the list as it was written; absent fields are empty. */
interface Entry {
  /** `line 3`, or `entry 3` in JSON. */
  readonly place: string;
  readonly values: Readonly<Record<Field, string>>;
  /** What makes it no entry at all. */
  readonly problem?: string;
}

type Report = (problem: string) => void;

/**
 * All cities of the list, in its order. Rejects with CONFIG_INVALID that names all problems: the
 * first 50 with their lines, and how many more there are.
 */
export async function loadCities(path: string): Promise<City[]> {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);
  const text = await readText(path);
  const isJson = /^\s*[[{]/.test(text);
  const entries = isJson ? readJson(text, report) : readCsv(text, report);
  if (entries.length > CITIES_MAX) {
    throw invalid(path, [`${entries.length} cities are more than ${CITIES_MAX}`]);
  }
  const cities: City[] = [];
  const placeOfId = new Map<string, string>();
  for (const entry of entries) {
    const city = readCity(entry, report);
    if (city === null) continue;
    const other = placeOfId.get(city.city_id);
    if (other === undefined) {
      placeOfId.set(city.city_id, entry.place);
      cities.push(city);
    } else {
      const remedy = entry.values.id === '' ? '; give each an id of its own' : '';
      report(`${entry.place}: id ${city.city_id} is taken by ${other}${remedy}`);
    }
  }
  if (problems.length === 0 && cities.length === 0) report('it holds no city');
  if (problems.length > 0) throw invalid(path, problems);
  return cities;
}

function invalid(path: string, problems: readonly string[]): IsobarError {
  const listed = problems.slice(0, PROBLEMS_LISTED_MAX);
  const more = problems.length - listed.length;
  const lines = more > 0 ? [...listed, `and ${more} more`] : listed;
  return new IsobarError('CONFIG_INVALID', `${path}:\n  ${lines.join('\n  ')}`, {
    details: { path, problems: listed, problemCount: problems.length },
  });
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readRegularFile(path, { bytesMax: FILE_BYTES_MAX });
    if (bytes[0] === 0xff || bytes[0] === 0xfe) throw invalid(path, ['save it as UTF-8']);
    if (!isUtf8(bytes)) throw invalid(path, ['it is not UTF-8']);
    return bytes.toString('utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof IsobarError) throw error;
    throw invalid(path, [error instanceof Error ? error.message : String(error)]);
  }
}

function readCsv(text: string, report: Report): Entry[] {
  const header = text.slice(0, text.search(/[\r\n]|$/));
  // Spreadsheets of countries with a decimal comma write semicolons.
  const delimiter = header.includes(',') ? ',' : header.includes(';') ? ';' : '\t';
  let rows: { record: string[]; info: Info }[];
  try {
    rows = parseCsv(text, {
      delimiter,
      info: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: 64 * 1024,
    }) as unknown as typeof rows;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    report(error.message);
    return [];
  }
  const names = rows[0]?.record ?? [];
  const columns = columnsOf(names, report);
  if (columns === null) return [];
  return rows.slice(1).map(({ record, info }) => {
    const place = `line ${info.lines}`;
    const values = valuesOf((field) => record[columns[field]] ?? '');
    if (record.length <= names.length) return { place, values };
    const problem = `${record.length} fields where the header has ${names.length}`;
    return { place, values, problem };
  });
}

function valuesOf(read: (field: Field) => string): Entry['values'] {
  return Object.fromEntries(FIELDS.map((field) => [field, read(field)])) as Entry['values'];
}

/** Where each field is; −1 for one that is not there. Null when one is that must be. */
function columnsOf(names: readonly string[], report: Report): Record<Field, number> | null {
  const lower = names.map((name) => name.toLowerCase());
  const columns = Object.fromEntries(
    FIELDS.map((field) => {
      const alias = ALIASES[field].find((name) => lower.includes(name));
      return [field, alias === undefined ? -1 : lower.indexOf(alias)];
    }),
  ) as Record<Field, number>;
  const missing = (['name', 'latitude', 'longitude'] as const).filter(
    (field) => columns[field] < 0,
  );
  for (const field of missing) {
    report(`line 1: no column ${ALIASES[field].join(' or ')}`);
  }
  return missing.length > 0 ? null : columns;
}

function readJson(text: string, report: Report): Entry[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    report(`not JSON: ${error instanceof Error ? error.message : error}`);
    return [];
  }
  if (!Array.isArray(list)) {
    report('not a JSON array of cities');
    return [];
  }
  return list.map((item: unknown, index) => {
    const place = `entry ${index + 1}`;
    const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
    const given = new Map<string, unknown>(
      Object.entries(isObject ? item : {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const values = valuesOf((field) => {
      const alias = ALIASES[field].find((name) => (given.get(name) ?? null) !== null);
      const value = alias === undefined ? '' : given.get(alias);
      return typeof value === 'object' ? JSON.stringify(value) : String(value).trim();
    });
    return isObject ? { place, values } : { place, values, problem: 'not an object' };
  });
}

/** The city, or null when something is wrong with it, all of which has been reported. */
function readCity({ place, values, problem }: Entry, report: Report): City | null {
  if (problem !== undefined) {
    report(`${place}: ${problem}`);
    return null;
  }
  let sound = true;
  const complain = (problem: string) => {
    sound = false;
    report(`${place}: ${problem}`);
  };
  const { name, country } = values;
  if (name === '') complain('name is missing');
  for (const field of ['name', 'country'] as const) {
    if ([...values[field]].length > TEXT_CHARACTERS_MAX) {
      complain(`${field} is longer than ${TEXT_CHARACTERS_MAX} characters`);
    }
  }
  const latitude = readDegrees('latitude', values.latitude, 90, complain);
  const longitude = readDegrees('longitude', values.longitude, 180, complain);
  const made = formatCityId(name) === '' ? '' : formatCityId(name, country);
  const city_id = values.id || made || formatPlaceId(latitude, longitude);
  if (values.id !== '' && !CITY_ID_PATTERN.test(values.id)) {
    complain(`id ${show(values.id)} is not made of up to 64 of a-z, 0-9, “-”, “_” and “.”`);
  }
  const elevation_m = readElevation(values.elevation_m, complain);
  const zone = values.time_zone;
  if (zone !== '' && !(/^[a-z]/i.test(zone) && isTimeZone(zone))) {
    complain(`time zone ${show(zone)} is unknown`);
  }
  const tags = readTags(values.tags, complain);
  if (!sound) return null;
  const time_zone = zone === '' ? tzLookup(latitude, longitude) : zone;
  return {
    ...{ city_id, name, country, latitude, longitude, time_zone },
    ...(elevation_m === null ? {} : { elevation_m }),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

/** Written with blanks between them, or as a JSON array of texts. */
function readTags(text: string, complain: Report): readonly string[] {
  const written = text.startsWith('[') ? text.replace(/[[\]",]/g, ' ') : text;
  const tags = [...new Set(written.toLowerCase().split(/\s+/))].filter((tag) => tag !== '');
  for (const tag of tags) {
    if (!TAG_PATTERN.test(tag)) {
      complain(`tag ${show(tag)} is not made of up to 32 of a-z, 0-9, “-” and “_”`);
    }
  }
  if (tags.length > TAGS_MAX) complain(`${tags.length} tags are more than ${TAGS_MAX}`);
  return tags;
}

function readDegrees(field: string, text: string, most: number, complain: Report): number {
  const degrees = text === '' ? Number.NaN : Number(text);
  if (text === '') complain(`${field} is missing`);
  else if (!Number.isFinite(degrees)) complain(`${field} ${show(text)} is not a number`);
  else if (Math.abs(degrees) > most) complain(`${field} ${degrees} is outside -${most} to ${most}`);
  return degrees;
}

function readElevation(text: string, complain: Report): number | null {
  const metres = text === '' ? null : Number(text);
  if (metres === null || isElevation(metres)) return metres;
  complain(`elevation_m ${show(text)} is not a number of metres from -450 to 9000`);
  return null;
}

function show(text: string): string {
  return `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}
