/**
 * The "Historical Hourly Weather" folder: one wide CSV a variable (a column a city, an hour a row,
 * UTC), read side by side, so that the records come in order of time.
 */
import { createReadStream, existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { IsobarError } from '../errors.ts';
import type { City } from '../model/city.ts';
import type { Observation } from '../model/observation.ts';
import { zoneOffsets } from '../model/time-zone.ts';
import type { CityFinder } from './cities.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import { parseDecimal } from './units.ts';

export const KAGGLE_NAME = 'import:historical-hourly-weather';
const CITIES_FILE = 'city_attributes.csv';
const INTERVAL_S = 3_600;
const LINE_BYTES_MAX = 1024 * 1024;

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

export async function openKaggleFolder(folder: string, finder: CityFinder): Promise<ImportSource> {
  const files = (Object.keys(FILES) as FileName[]).flatMap((name) => {
    const path = fileOf(folder, name);
    return path === null ? [] : [{ name, path }];
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
  files: readonly { readonly name: FileName; readonly path: string }[],
  cities: ReadonlyMap<string, City>,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  const readers = files.map(({ path }) => readLines(path, signal));
  try {
    const headers = await nextLines(readers, files, 1);
    const names = headers?.[0]?.split(',') ?? [];
    const columns = names.slice(1).map((name) => columnOf(name, cities, files[0]?.path ?? ''));
    for (const [index, header] of (headers ?? []).entries()) {
      if (header !== headers?.[0]) {
        const text = `${files[index]?.path} line 1: it has other columns than ${files[0]?.path}`;
        throw new IsobarError('IMPORT_INVALID', text);
      }
    }
    for (let line = 2; ; line++) {
      const lines = await nextLines(readers, files, line);
      if (lines === null) return;
      yield* readHour(files, lines, columns, line);
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
  if (city === undefined) {
    throw new IsobarError('IMPORT_INVALID', `${path}: ${CITIES_FILE} does not name ${name}`);
  }
  return { city, offsetAt: zoneOffsets(city.time_zone) };
}

/** One record per city of which any variable has a value in this hour. */
function* readHour(
  files: readonly { readonly name: FileName; readonly path: string }[],
  lines: readonly string[],
  columns: readonly Column[],
  line: number,
): Generator<ImportedRecord> {
  const cells = lines.map((text) => text.split(','));
  const time = cells[0]?.[0] ?? '';
  const at = Date.parse(`${time.replace(' ', 'T')}Z`);
  for (const [index, { path }] of files.entries()) {
    const same = cells[index]?.[0] === time && cells[index]?.length === columns.length + 1;
    if (Number.isNaN(at) || !same) {
      throw new IsobarError('IMPORT_INVALID', `${path} line ${line}: its time or columns are odd`);
    }
  }
  const observed_at = `${time.replace(' ', 'T')}Z`;
  for (const [column, { city, offsetAt }] of columns.entries()) {
    const measured: Record<string, number | string> = {};
    let any = false;
    for (const [index, { name }] of files.entries()) {
      const text = cells[index]?.[column + 1] ?? '';
      if (text === '') continue;
      any = true;
      measured[FILES[name]] = measuredOf(name, text);
    }
    if (!any) continue;
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
    };
    yield { record, city };
  }
}

/** Temperatures are kelvin; a text that is no number stays one, so that the landing tells it. */
function measuredOf(name: FileName, text: string): number | string {
  if (name === 'weather_description') return text;
  const value = parseDecimal(text);
  if (value === null) return text;
  return name === 'temperature' ? value - 273.15 : value;
}

/** Name → city, from `city_attributes.csv` (City, Country, Latitude, Longitude). */
async function readCities(path: string, finder: CityFinder): Promise<ReadonlyMap<string, City>> {
  const text = await readFile(path, 'utf8');
  const cities = new Map<string, City>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (index === 0 || line === '') continue;
    const [name = '', country = '', latitude = '', longitude = ''] = line.split(',');
    const [north, east] = [parseDecimal(latitude), parseDecimal(longitude)];
    if (north === null || east === null || Math.abs(north) > 90 || Math.abs(east) > 180) {
      throw new IsobarError('IMPORT_INVALID', `${path} line ${index + 1}: its place is odd`);
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

/** The next line of each, or null when all have ended; one that ends early is an error. */
async function nextLines(
  readers: readonly AsyncGenerator<string>[],
  files: readonly { readonly path: string }[],
  line: number,
): Promise<string[] | null> {
  const lines: string[] = [];
  const ended: string[] = [];
  for (const [index, reader] of readers.entries()) {
    const { value, done } = await reader.next();
    if (done === true) ended.push(files[index]?.path ?? '');
    else lines.push(value);
  }
  if (lines.length === 0) return null;
  if (ended.length === 0) return lines;
  const text = `${ended.join(', ')} line ${line}: it ends here, other files go on`;
  throw new IsobarError('IMPORT_INVALID', text);
}

async function* readLines(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const file = createReadStream(path, { highWaterMark: 1 << 16, signal });
  const stream = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => stream.destroy(error));
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_BYTES_MAX) throw new Error('a line is longer than 1 MiB');
      for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw new IsobarError('IMPORT_INVALID', `${path}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    file.destroy();
  }
  if (rest !== '') yield rest;
}
