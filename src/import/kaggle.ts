/**
 * The "Historical Hourly Weather" folder: one wide CSV a variable (a column a city, an hour a row,
 * UTC), read side by side, so that the records come in order of time.
 */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { City } from '../model/city.ts';
import { type InvalidRecord, type Observation, TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import { zoneOffsets } from '../model/time-zone.ts';
import {
  fieldProblem,
  IS_NAN,
  NOT_A_NUMBER,
  type RejectedField,
  rejectedField,
} from '../model/validity.ts';
import type { CityFinder } from './cities.ts';
import { parseRecord } from './csv.ts';
import { importError, type NamedFile } from './input-file.ts';
import { parseDecimal } from './numbers.ts';
import { nameProblem } from './row-city.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import { readLines } from './text-file.ts';

export const KAGGLE_NAME = 'import:historical-hourly-weather';
const CITIES_FILE = 'city_attributes.csv';
const INTERVAL_S = 3_600;
const DIALECT = { delimiter: ',' };
const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

const FILES = {
  temperature: 'temperature_c',
  humidity: 'humidity_pct',
  pressure: 'pressure_hpa',
  wind_speed: 'wind_speed_ms',
  wind_direction: 'wind_direction_deg',
  weather_description: 'condition',
} as const;

type FileName = keyof typeof FILES;

/** Whether the folder is such a one. */
export function isKaggleFolder(folder: string): boolean {
  return existsSync(join(folder, CITIES_FILE)) && fileOf(folder, 'temperature') !== null;
}

/** The files that are read of such a folder. */
export function kaggleFiles(folder: string): string[] {
  const names = Object.keys(FILES) as FileName[];
  return [join(folder, CITIES_FILE), ...names.flatMap((name) => fileOf(folder, name) ?? [])];
}

interface VariableFile extends NamedFile {
  readonly variable: FileName;
}

export async function openKaggleFolder(folder: string, finder: CityFinder): Promise<ImportSource> {
  const files: VariableFile[] = (Object.keys(FILES) as FileName[]).flatMap((variable) => {
    const path = fileOf(folder, variable);
    return path === null ? [] : [{ variable, path, name: basename(path) }];
  });
  const cities = await readCities(join(folder, CITIES_FILE), finder);
  const { size } = await stat(fileOf(folder, 'temperature') ?? '');
  return {
    // A gzip line of the published temperatures takes about 91 bytes.
    recordsAbout: Math.round((size / 91) * cities.size),
    read: (signal) => readFolder(files, cities, signal),
  };
}

async function* readFolder(
  files: readonly VariableFile[],
  cities: ReadonlyMap<string, City>,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  const readers = files.map((file) => readCells(file, signal));
  try {
    const headers = await nextRows(readers, files, 1);
    const [names = []] = headers ?? [];
    const columns = names.slice(1).map((name) => columnOf(name, cities, files[0]?.path ?? ''));
    for (const [index, header] of (headers ?? []).entries()) {
      if (header.join('\n') === names.join('\n')) continue;
      const problem = `its columns differ from those of ${files[0]?.path}`;
      throw importError(`${files[index]?.path} line 1`, problem);
    }
    for (let line = 2; ; line++) {
      const rows = await nextRows(readers, files, line);
      if (rows === null) return;
      yield* readHour(files, rows, columns, line);
    }
  } finally {
    for (const reader of readers) await reader.return(undefined);
  }
}

interface Column {
  readonly city: City;
  readonly offsetAt: (at: number) => number;
}

function columnOf(name: string, cities: ReadonlyMap<string, City>, path: string): Column {
  const city = cities.get(name);
  if (city === undefined) throw importError(path, `${CITIES_FILE} does not name ${name}`);
  return { city, offsetAt: zoneOffsets(city.time_zone) };
}

/**
 * One record per city of which any variable has a value in this hour, and one for each file whose
 * row has other columns: its variable is then missing in this hour.
 */
function* readHour(
  files: readonly VariableFile[],
  rows: readonly (readonly string[])[],
  columns: readonly Column[],
  line: number,
): Generator<ImportedRecord> {
  const time = rows[0]?.[0] ?? '';
  const at = Date.parse(`${time.replace(' ', 'T')}Z`);
  const usable: { readonly variable: FileName; readonly cells: readonly string[] }[] = [];
  for (const [index, { path, name, variable }] of files.entries()) {
    const cells = rows[index] ?? [];
    if (!TIME.test(time) || Number.isNaN(at) || cells[0] !== time) {
      const expected =
        index === 0 ? 'such as 2012-10-01 13:00:00' : `${time}, as in ${files[0]?.name}`;
      throw importError(`${path} line ${line}`, `expected a time ${expected}; got "${cells[0]}"`);
    }
    if (cells.length === columns.length + 1) usable.push({ variable, cells });
    else yield { record: invalidRow(name, line, cells, columns.length + 1), city: null };
  }
  const observed_at = `${time.replace(' ', 'T')}Z`;
  for (const [column, { city, offsetAt }] of columns.entries()) {
    const { measured, rejected } = measure(usable, column + 1);
    if (Object.keys(measured).length === 0 && rejected.length === 0) continue;
    const record: Observation = {
      city_id: city.city_id,
      city: city.name,
      country: city.country,
      observed_at,
      collected_at: observed_at,
      source: KAGGLE_NAME,
      interval_s: INTERVAL_S,
      utc_offset_s: offsetAt(at),
      provider_city_id: null,
      ...measured,
      response: null,
      ...(rejected.length === 0 ? {} : { rejected_fields: rejected }),
    };
    yield { record, city };
  }
}

function invalidRow(
  name: string,
  line: number,
  cells: readonly string[],
  expected: number,
): InvalidRecord {
  return {
    invalid: `wrong number of fields (line ${line} of ${name}: ${cells.length}, expected ${expected})`,
    city_id: '',
    collected_at: '1970-01-01T00:00:00Z',
    source: KAGGLE_NAME,
    response: cells
      .join(',')
      .slice(0, 16 * 1024)
      .toWellFormed(),
  };
}

/** The cells of a city's column: values in our units, and what cannot be used. */
function measure(
  files: readonly { readonly variable: FileName; readonly cells: readonly string[] }[],
  column: number,
): { measured: Record<string, number | string>; rejected: RejectedField[] } {
  const measured: Record<string, number | string> = {};
  const rejected: RejectedField[] = [];
  for (const { variable, cells } of files) {
    const text = cells[column] ?? '';
    if (text === '') continue;
    const field = FILES[variable];
    if (field === 'condition') {
      if ([...text].length <= TEXT_CHARACTERS_MAX) measured[field] = text;
      else
        rejected.push(rejectedField(field, text, `longer than ${TEXT_CHARACTERS_MAX} characters`));
      continue;
    }
    const number = parseDecimal(text);
    const value = number !== null && variable === 'temperature' ? number - 273.15 : number;
    const word = /^nan$/i.test(text) ? IS_NAN : NOT_A_NUMBER;
    const problem = value === null ? word : fieldProblem(field, value);
    if (problem === null && value !== null) measured[field] = value;
    else rejected.push(rejectedField(field, text, problem ?? word));
  }
  return { measured, rejected };
}

/** Name → city, from `city_attributes.csv` (City, Country, Latitude, Longitude). */
async function readCities(path: string, finder: CityFinder): Promise<ReadonlyMap<string, City>> {
  const cities = new Map<string, City>();
  const file = { path, name: CITIES_FILE };
  let line = 0;
  for await (const cells of readCells(file, new AbortController().signal)) {
    line += 1;
    if (line === 1 || cells.join('') === '') continue;
    const [name = '', country = '', latitude = '', longitude = ''] = cells;
    const [north, east] = [parseDecimal(latitude), parseDecimal(longitude)];
    const place = `${path} line ${line}`;
    const problem = nameProblem('city name', name);
    if (problem !== null) throw importError(place, problem);
    if (north === null || east === null || Math.abs(north) > 90 || Math.abs(east) > 180) {
      throw importError(place, 'expected City,Country,Latitude,Longitude with degrees');
    }
    cities.set(name, finder.find({ name, country, latitude: north, longitude: east }));
  }
  return cities;
}

function fileOf(folder: string, name: FileName): string | null {
  for (const ending of ['.csv', '.csv.gz']) {
    const path = join(folder, name + ending);
    if (existsSync(path)) return path;
  }
  return null;
}

/** The next row of each, or null when all have ended; one that ends early is an error. */
async function nextRows(
  readers: readonly AsyncGenerator<readonly string[]>[],
  files: readonly VariableFile[],
  line: number,
): Promise<(readonly string[])[] | null> {
  const rows: (readonly string[])[] = [];
  const ended: string[] = [];
  for (const [index, reader] of readers.entries()) {
    const { value, done } = await reader.next();
    if (done === true) ended.push(files[index]?.path ?? '');
    else rows.push(value);
  }
  if (rows.length === 0) return null;
  if (ended.length === 0) return rows;
  throw importError(`${ended.join(', ')} line ${line}`, 'it ends here, but other files go on');
}

/** The cells of each line; these files have no quoted line breaks. */
async function* readCells(file: NamedFile, signal: AbortSignal): AsyncGenerator<readonly string[]> {
  for await (const { from, lines } of readLines(file, { signal })) {
    for (const [index, line] of lines.entries()) {
      const parsed = parseRecord([line], 0, DIALECT);
      if (typeof parsed === 'string') {
        throw importError(
          `${file.path} line ${from + index}`,
          'a quote is not closed or misplaced',
        );
      }
      yield parsed.cells;
    }
  }
}
