/**
 * OpenWeatherMap's bulk history, an hour an entry, as JSON and as CSV:
 *
 *     {"dt": 1388534400, "dt_iso": "2014-01-01 00:00:00 +0000 UTC", "timezone": 0,
 *      "city_name": "London", "lat": 51.5, "lon": -0.1, "main": {"temp": 284.07, …}, …}
 *
 *     dt,dt_iso,timezone,city_name,lat,lon,temp,visibility,dew_point,…,rain_1h,…,weather_icon
 *
 * An entry is what a current answer is, but for where it says its place, which has no country.
 */
import type { Units } from '../collector/openweather/measurements.ts';
import type { CsvProblem } from './csv.ts';
import { importError, type NamedFile } from './input-file.ts';
import type { Mapping } from './mapping.ts';
import { parseDecimal } from './numbers.ts';
import { type InputTable, openCsvOfColumns, type TableRow } from './table.ts';

export const HISTORY_INTERVAL_S = 3_600;
/** The product's own default: kelvin and m/s. */
export const HISTORY_UNITS: Units = 'standard';

type Fields = Readonly<Record<string, unknown>>;

/** Whether this is an entry of the history, by its shape. */
export function isHistoryEntry(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  return (
    !Object.hasOwn(value, 'coord') && ['dt', 'lat', 'lon'].every((key) => Object.hasOwn(value, key))
  );
}

/** The entry as a current answer. */
export function answerOf({ lat, lon, city_name, ...rest }: Fields): Fields {
  return { ...rest, coord: { lat, lon }, name: city_name };
}

/** Columns, and the places of their cells in an entry; those of the weather are further below. */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  dt: ['dt'],
  timezone: ['timezone'],
  lat: ['lat'],
  lon: ['lon'],
  visibility: ['visibility'],
  temp: ['main', 'temp'],
  feels_like: ['main', 'feels_like'],
  pressure: ['main', 'pressure'],
  humidity: ['main', 'humidity'],
  wind_speed: ['wind', 'speed'],
  wind_deg: ['wind', 'deg'],
  wind_gust: ['wind', 'gust'],
  rain_1h: ['rain', '1h'],
  snow_1h: ['snow', '1h'],
  clouds_all: ['clouds', 'all'],
};
const CONDITION = ['weather_id', 'weather_main', 'weather_description', 'weather_icon'];

/** By which the header is found, with the delimiter that a spreadsheet may have made another. */
const MAPPING: Mapping = {
  name: 'openweathermap',
  interval_s: HISTORY_INTERVAL_S,
  city: {
    name: { column: 'city_name' },
    latitude: { column: 'lat' },
    longitude: { column: 'lon' },
  },
  time: { columns: ['dt', 'dt_iso'] },
  variables: { temperature_c: 'temp' },
};

/** The table when it has the header of the history; else null. */
export function openHistoryTable(file: NamedFile, signal: AbortSignal): Promise<InputTable | null> {
  return openCsvOfColumns(file, MAPPING, ['temp'], signal);
}

export interface HistoryEntry {
  readonly line: number;
  readonly fields: Fields;
}

/**
 * The entries of a table. An hour with several conditions has a row for each, one after the other;
 * they are one entry, as in JSON, and the first condition counts.
 */
export async function* historyEntries(
  table: InputTable,
  signal: AbortSignal,
): AsyncGenerator<HistoryEntry | CsvProblem> {
  const { names } = table;
  const shared = names.flatMap((name, index) => (CONDITION.includes(name) ? [] : [index]));
  let held = null as { readonly entry: HistoryEntry; readonly key: string } | null;
  for await (const rows of table.rows(signal)) {
    for (const row of rows) {
      const problem = problemOf(row, names.length);
      const key = 'cells' in row ? shared.map((index) => row.cells[index]).join('\u0000') : '';
      if (problem === null && 'cells' in row && held?.key === key) continue;
      if (held !== null) yield held.entry;
      held = null;
      if (problem !== null) yield problem;
      else if ('cells' in row && !isHeader(row.cells, names)) {
        held = { entry: { line: row.line, fields: fieldsOf(names, row.cells) }, key };
      }
    }
  }
  if (held !== null) yield held.entry;
}

function problemOf(row: TableRow, expected: number): CsvProblem | null {
  if ('problem' in row) return row;
  const { line, cells } = row;
  if (cells.length === expected) return null;
  return { line, problem: 'wrong number of fields', text: JSON.stringify(cells) };
}

function isHeader(cells: readonly string[], names: readonly string[]): boolean {
  return cells.every((cell, index) => cell.trim() === names[index]);
}

function fieldsOf(names: readonly string[], cells: readonly string[]): Fields {
  const fields: Record<string, unknown> = {};
  const weather: Record<string, unknown> = {};
  for (const [index, name] of names.entries()) {
    const text = (cells[index] ?? '').trim();
    const path = NUMBERS[name];
    // A text in place of a number is refused where the field is read.
    const value = parseDecimal(text) ?? text;
    if (name === 'city_name') fields.city_name = text;
    else if (text === '') continue;
    else if (name === 'weather_id') weather.id = value;
    else if (name === 'weather_description') weather.description = text;
    else if (path !== undefined) put(fields, path, value);
  }
  return { ...fields, ...(Object.keys(weather).length === 0 ? {} : { weather: [weather] }) };
}

function put(
  fields: Record<string, unknown>,
  [first = '', second]: readonly string[],
  value: unknown,
) {
  if (second === undefined) fields[first] = value;
  else fields[first] = { ...(fields[first] as Fields | undefined), [second]: value };
}

/** Above all temperatures on Earth in °C and °F, and below all in kelvin. */
const BETWEEN = 150;
const SHARE_MIN = 0.9;

/** Rejects when nearly all of these entries were asked for in other units than these. */
export function assertUnits(path: string, entries: readonly unknown[], units: Units): void {
  const temperatures = entries.flatMap((entry) => {
    const main = isHistoryEntry(entry) ? (entry.main as Fields | null | undefined) : null;
    return typeof main?.temp === 'number' ? [main.temp] : [];
  });
  const odd = temperatures.filter((value) => value > BETWEEN !== (units === 'standard'));
  if (temperatures.length === 0 || odd.length < SHARE_MIN * temperatures.length) return;
  const [what, option] =
    units === 'standard'
      ? ['°C or °F, not kelvin', '--units metric or --units imperial']
      : ['kelvin', '--units standard'];
  throw importError(path, `its temperatures look like ${what} (${odd[0]}); give ${option}`);
}
