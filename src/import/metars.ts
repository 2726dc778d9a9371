/**
 * Airport observations of the whole world, as the Aviation Weather Center publishes them: CSV with
 * the newest report of each station, recognised by its header.
 *
 *     raw_text,station_id,observation_time,latitude,longitude,temp_c,dewpoint_c,wind_dir_degrees,…
 *
 * The city is the station. Files of some years begin with lines before the header; four pairs of
 * columns have one name (`sky_cover`, `cloud_base_ft_agl`).
 */
import { type City, isElevation } from '../model/city.ts';
import { type Observation, TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import { formatTime, offsetsByZone } from '../model/time-zone.ts';
import { type RejectedField, rejectedField } from '../model/validity.ts';
import type { VariableName } from '../model/variables.ts';
import { type Cell, cellReader, dewPointReader, humidityOf } from './cell.ts';
import type { CityFinder } from './cities.ts';
import { assertRegularFile, type NamedFile } from './input-file.ts';
import { type Mapping, variablesOf } from './mapping.ts';
import { coverOf, isFrozen, weatherInWords } from './metar-words.ts';
import { parseDecimal } from './numbers.ts';
import { orderByTime } from './order.ts';
import { rejectRow } from './rejected-row.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import { knownStation } from './stations.ts';
import { type InputTable, openCsvOfColumns, type TableRow } from './table.ts';

export const METARS_NAME = 'import:metars';
/** What such a file may be called. */
export const METAR_FILES = /\.csv(\.gz)?$/i;
/** Reports are due every hour; some stations send them twice as often. */
const INTERVAL_S = 3_600;
/** Bytes of a row, compressed, for a progress bar. */
const ROW_BYTES = 46;

/** By which the header is found. */
const MAPPING: Mapping = {
  name: 'metars',
  interval_s: INTERVAL_S,
  delimiter: ',',
  city: {
    name: { column: 'station_id' },
    latitude: { column: 'latitude' },
    longitude: { column: 'longitude' },
  },
  time: { columns: ['raw_text', 'observation_time'] },
  variables: {
    temperature_c: 'temp_c',
    wind_speed_ms: { column: 'wind_speed_kt', unit: 'knots' },
    wind_gust_ms: { column: 'wind_gust_kt', unit: 'knots' },
    visibility_m: { column: 'visibility_statute_mi', unit: 'miles', strip: '+' },
    pressure_hpa: { column: 'altim_in_hg', unit: 'inHg' },
  },
};
const HEADER = ['raw_text', 'station_id', 'observation_time', 'temp_c', 'dewpoint_c', 'metar_type'];

/** The table when it has the header of these files; else null. */
export function openMetarTable(file: NamedFile, signal: AbortSignal): Promise<InputTable | null> {
  return openCsvOfColumns(file, MAPPING, HEADER, signal);
}

export interface MetarsOptions {
  readonly finder: CityFinder;
  /** Folder for files in the making. */
  readonly scratch: string;
}

export async function openMetars(
  files: readonly NamedFile[],
  { finder, scratch }: MetarsOptions,
): Promise<ImportSource> {
  let about = 0;
  for (const { path } of files) {
    const { size } = await assertRegularFile(path);
    about += Math.max(1, Math.round(size / ROW_BYTES));
  }
  return {
    recordsAbout: about,
    read: (signal) => orderByTime(readFiles(files, finder, signal), { scratch, signal }),
  };
}

async function* readFiles(
  files: readonly NamedFile[],
  finder: CityFinder,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  for (const file of files) {
    const table = await openMetarTable(file, signal);
    if (table === null) continue;
    const read = rowReader(table, finder);
    for await (const rows of table.rows(signal)) for (const row of rows) yield read(row);
  }
}

function rowReader(table: InputTable, finder: CityFinder): (row: TableRow) => ImportedRecord {
  const reading = { table, source: METARS_NAME };
  const columns = columnsOf(table);
  const offsetOf = offsetsByZone();
  return (row) => {
    if ('problem' in row) return rejectRow(reading, row.line, row.problem, row.text, null);
    const { cells, line } = row;
    if (cells.length !== table.names.length) {
      const detail = `${cells.length}, expected ${table.names.length}`;
      return rejectRow(reading, line, 'wrong number of fields', cells, null, detail);
    }
    const city = stationOf(columns, cells, finder);
    if (typeof city === 'string') return rejectRow(reading, line, city, cells, null);
    const time = columns.text(cells, 'observation_time');
    const at = TIME.test(time) ? Date.parse(time) : Number.NaN;
    if (Number.isNaN(at)) {
      const reason = time === '' ? 'time is missing' : 'time is not ISO 8601 in UTC';
      return rejectRow(reading, line, reason, cells, city, time);
    }
    const offset = offsetOf(city.time_zone, at);
    return { record: observe(columns, cells, city, at, offset), city };
  };
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

interface MetarColumns {
  /** The cell without the spaces around it; empty where there is none. */
  text(cells: readonly string[], name: string): string;
  /** Cells of columns that share a name. */
  texts(cells: readonly string[], name: string): string[];
}

function columnsOf({ names }: InputTable): MetarColumns {
  const indexes = new Map<string, number[]>();
  for (const [index, name] of names.entries()) {
    indexes.set(name, [...(indexes.get(name) ?? []), index]);
  }
  const texts = (cells: readonly string[], name: string) =>
    (indexes.get(name) ?? []).map((index) => (cells[index] ?? '').trim());
  return { texts, text: (cells, name) => texts(cells, name)[0] ?? '' };
}

type Given = number | null | undefined;

function isWithin(degrees: Given, most: number): degrees is number {
  return typeof degrees === 'number' && Math.abs(degrees) <= most;
}

const STATION = /^[A-Z0-9]{3,8}$/;

/** The station as a city, or the reason why there is none. */
function stationOf(
  columns: MetarColumns,
  cells: readonly string[],
  finder: CityFinder,
): City | string {
  const code = columns.text(cells, 'station_id');
  if (!STATION.test(code)) return 'station is not a code of 3 to 8 of A-Z and 0-9';
  const known = knownStation(code);
  const [latitude, longitude, elevation] = ['latitude', 'longitude', 'elevation_m'].map((name) =>
    parseDecimal(columns.text(cells, name)),
  );
  const isPlaced = isWithin(latitude, 90) && isWithin(longitude, 180);
  const place = isPlaced ? { latitude, longitude } : known;
  if (place === null) return 'station has no position, nor has the list of stations';
  return finder.find({
    ...{ id: code.toLowerCase(), name: known?.name ?? code, country: known?.country ?? '' },
    ...{ latitude: place.latitude, longitude: place.longitude },
    elevation_m: isElevation(elevation) ? elevation : (known?.elevation_m ?? null),
  });
}

/** Reads of the columns whose cells are values of a variable. */
const READERS = variablesOf(MAPPING).map((variable) => ({
  ...{ name: variable.name, column: variable.column ?? '' },
  read: cellReader(variable, MAPPING),
}));
const readDewPoint = dewPointReader({ name: 'humidity_pct' }, MAPPING);
const readDirection = cellReader({ name: 'wind_direction_deg' }, MAPPING);
/** A trace, too little to be measured, is written as half of a hundredth of an inch. */
const readRain = cellReader({ name: 'rain_1h_mm', unit: 'in', trace: [0.005] }, MAPPING);

/** The file has direction 0 then; remarks may speak of another place. */
function isVariableWind(raw: string): boolean {
  return /\bVRB\d/.test(raw.split(/\sRMK\b/)[0] ?? '');
}

function observe(
  columns: MetarColumns,
  cells: readonly string[],
  city: City,
  at: number,
  utc_offset_s: number,
): Observation {
  const rejected: RejectedField[] = [];
  const measured: { [name in VariableName]?: number | null } = {};
  const put = (name: VariableName, text: string, value: Cell) => {
    if (typeof value === 'string') rejected.push(rejectedField(name, text, value));
    else measured[name] = value;
  };
  for (const { name, column, read } of READERS) {
    const text = columns.text(cells, column);
    put(name, text, read(text));
  }
  const raw = columns.text(cells, 'raw_text');
  const direction = columns.text(cells, 'wind_dir_degrees');
  put('wind_direction_deg', direction, isVariableWind(raw) ? null : readDirection(direction));
  const dew = columns.text(cells, 'dewpoint_c');
  const dewPoint = readDewPoint(dew);
  const { temperature_c } = measured;
  const isPair = typeof dewPoint === 'number' && typeof temperature_c === 'number';
  const problem = typeof dewPoint === 'string' ? dewPoint : null;
  put('humidity_pct', dew, isPair ? humidityOf(temperature_c, dewPoint) : problem);
  const weather = columns.text(cells, 'wx_string');
  const cover = coverOf(columns.texts(cells, 'sky_cover'));
  measured.cloud_cover_pct = cover?.percent ?? null;
  const rain = columns.text(cells, 'precip_in');
  const isHour = columns.text(cells, 'metar_type') === 'METAR' && !isFrozen(weather);
  put('rain_1h_mm', rain, isHour ? readRain(rain) : null);
  const condition = weather === '' ? (cover?.words ?? '') : weatherInWords(weather);
  const isLong = [...condition].length > TEXT_CHARACTERS_MAX;
  if (isLong) {
    const reason = `longer than ${TEXT_CHARACTERS_MAX} characters`;
    rejected.push(rejectedField('condition', weather, reason));
  }
  const observed_at = formatTime(new Date(at));
  return {
    city_id: city.city_id,
    city: city.name,
    country: city.country,
    observed_at,
    collected_at: observed_at,
    source: METARS_NAME,
    interval_s: INTERVAL_S,
    utc_offset_s,
    provider_city_id: null,
    ...measured,
    ...(condition === '' || isLong ? {} : { condition }),
    response: raw === '' ? null : raw,
    ...(rejected.length === 0 ? {} : { rejected_fields: rejected }),
  };
}
