/** Any CSV or Parquet with a mapping: DuckDB reads both, sorts by time, and understands times. */
import type { SqlSession } from '../analytics/engine.ts';
import { IsobarError } from '../errors.ts';
import type { City } from '../model/city.ts';
import { CITY_ID_PATTERN } from '../model/city.ts';
import type { InvalidRecord, Observation } from '../model/observation.ts';
import { formatTime, zoneOffsets } from '../model/time-zone.ts';
import { fileLiteral, literal, quoted } from '../sql/text.ts';
import type { CityFinder } from './cities.ts';
import { columnsOf, type MappedVariable, type Mapping, variablesOf } from './mapping.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import { parseDecimal } from './units.ts';

export interface MappedOptions {
  readonly mapping: Mapping;
  readonly session: SqlSession;
  readonly finder: CityFinder;
}

type Cells = Record<string, string | null>;

const SLICE_ROWS = 20_000;

export async function openMapped(
  paths: readonly string[],
  options: MappedOptions,
): Promise<ImportSource> {
  return {
    recordsAbout: null,
    read: (signal) => readMapped(paths, options, signal),
  };
}

async function* readMapped(
  paths: readonly string[],
  { mapping, session, finder }: MappedOptions,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  await loadRows(paths, mapping, session, signal);
  await assertColumns(paths, mapping, session, signal);
  const variables = variablesOf(mapping);
  const cities = new Map<string, City | null>();
  const offsets = new Map<City, (at: number) => number>();
  for (let from = 1; ; from += SLICE_ROWS) {
    const rows = await session.query<Cells & { row_number: number; row_time: string | null }>(
      `SELECT * FROM imported_rows WHERE row_number BETWEEN ${from} AND ${from + SLICE_ROWS - 1} ` +
        'ORDER BY row_number',
      {},
      signal,
    );
    for (const row of rows) {
      const city = cityOf(row, mapping, finder, cities);
      let offsetAt = city === null ? undefined : offsets.get(city);
      if (city !== null && offsetAt === undefined) {
        offsetAt = zoneOffsets(city.time_zone);
        offsets.set(city, offsetAt);
      }
      yield recordOf(row, city, offsetAt ?? (() => 0), mapping, variables);
    }
    if (rows.length < SLICE_ROWS) return;
  }
}

/** Makes the temporary table `imported_rows`: all cells as text, the time in UTC, in order. */
async function loadRows(
  paths: readonly string[],
  mapping: Mapping,
  session: SqlSession,
  signal: AbortSignal,
): Promise<void> {
  const sources = paths.map((path) =>
    /\.parquet$/i.test(path)
      ? `SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(${fileLiteral(path)})`
      : `SELECT * FROM read_csv(${fileLiteral(path)}, all_varchar = true, header = true, ` +
        `null_padding = true${mapping.delimiter ? `, delim = ${literal(mapping.delimiter)}` : ''})`,
  );
  try {
    await session.execute(
      `CREATE OR REPLACE TEMP TABLE imported_rows AS
       SELECT row_number() OVER (ORDER BY row_time NULLS FIRST, source_row) AS row_number,
         * EXCLUDE (source_row)
       FROM (
         SELECT *, row_number() OVER () AS source_row, ${timeSql(mapping)} AS row_time
         FROM (${sources.join(' UNION ALL BY NAME ')})
       )`,
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    const text = `${paths.join(', ')}: ${(error as Error).message}`;
    throw new IsobarError('IMPORT_INVALID', text, { cause: error });
  }
}

/** A column that is named wrongly would be missing in every row. */
async function assertColumns(
  paths: readonly string[],
  mapping: Mapping,
  session: SqlSession,
  signal: AbortSignal,
): Promise<void> {
  const rows = await session.query<{ column_name: string }>('DESCRIBE imported_rows', {}, signal);
  const names = rows.map((row) => row.column_name).filter((name) => !name.startsWith('row_'));
  const absent = columnsOf(mapping).filter((name) => !names.includes(name));
  if (absent.length === 0) return;
  const text = `${paths.join(', ')}: no column ${absent.join(', ')}; there are ${names.join(', ')}`;
  throw new IsobarError('IMPORT_INVALID', text);
}

/**
 * The time of a row. Local times go through the zone: one in the gap of spring is moved forward,
 * of one that occurs twice in autumn the engine takes one and the same each time.
 */
function timeSql({ time }: Mapping): string {
  const column = quoted(time.column);
  const text = `trim(${column})`;
  const zone = literal(time.zone ?? 'UTC');
  const format = time.format ?? 'iso';
  // A number too large for a time is no time; it must not end the import.
  if (format === 'epoch_s') return `TRY(to_timestamp(TRY_CAST(${column} AS DOUBLE)))`;
  if (format === 'epoch_ms') return `TRY(to_timestamp(TRY_CAST(${column} AS DOUBLE) / 1000))`;
  if (format === 'iso') {
    const hasOffset = `regexp_matches(${text}, ':.*(Z|z|[+-]\\d\\d(:?\\d\\d)?)$')`;
    return (
      `CASE WHEN ${hasOffset} THEN TRY_CAST(${text} AS TIMESTAMPTZ) ` +
      `ELSE TRY_CAST(${text} AS TIMESTAMP) AT TIME ZONE ${zone} END`
    );
  }
  const parsed = `try_strptime(${text}, ${literal(format)})`;
  return /%z/i.test(format) ? `CAST(${parsed} AS TIMESTAMPTZ)` : `${parsed} AT TIME ZONE ${zone}`;
}

function recordOf(
  row: Cells & { row_number: number; row_time: string | null },
  city: City | null,
  offsetAt: (at: number) => number,
  mapping: Mapping,
  variables: readonly MappedVariable[],
): ImportedRecord {
  const source = `import:${mapping.name}`;
  if (city === null || row.row_time === null) {
    const record: InvalidRecord = {
      invalid:
        city === null
          ? 'its city cannot be read'
          : `${mapping.time.column} is no time: ${row[mapping.time.column] ?? ''}`.slice(0, 256),
      city_id: city?.city_id ?? '',
      collected_at: '1970-01-01T00:00:00Z',
      source,
      response: JSON.stringify(row),
    };
    return { record, city };
  }
  const at = new Date(row.row_time);
  const observed_at = formatTime(at);
  const measured: Record<string, number | string | null> = {};
  for (const { name, column, convert, strip } of variables) {
    measured[name] = measuredOf(row[column] ?? null, mapping, convert, strip);
  }
  const condition = conditionOf(row, mapping);
  const record: Observation = {
    city_id: city.city_id,
    city: city.name,
    country: city.country,
    observed_at,
    collected_at: observed_at,
    source,
    interval_s: mapping.interval_s,
    utc_offset_s: offsetAt(at.getTime()),
    provider_city_id: null,
    ...measured,
    ...(condition === null ? {} : { condition }),
    response: null,
  };
  return { record, city };
}

function conditionOf(row: Cells, { condition, missing }: Mapping): string | null {
  const text = condition === undefined ? '' : (row[condition]?.trim() ?? '');
  return text === '' || missing?.includes(text) ? null : text;
}

/** A cell as a number in our unit; a text that is none stays text, so that the landing tells it. */
function measuredOf(
  cell: string | null,
  mapping: Mapping,
  convert: (value: number) => number,
  strip: string | null,
): number | string | null {
  let text = cell?.trim() ?? '';
  if (text === '' || mapping.missing?.includes(text)) return null;
  if (strip !== null && text.endsWith(strip)) text = text.slice(0, -strip.length).trim();
  if (mapping.missing?.includes(text)) return null;
  const value = parseDecimal(mapping.decimal_comma === true ? text.replace(',', '.') : text);
  return value === null ? (cell ?? '') : convert(value);
}

function cityOf(
  row: Cells,
  { city, decimal_comma }: Mapping,
  finder: CityFinder,
  cities: Map<string, City | null>,
): City | null {
  const part = (value: string | number | { column: string } | undefined) =>
    typeof value === 'object' ? (row[value.column] ?? '').trim() : String(value ?? '');
  const [id, name, country] = [part(city.id), part(city.name), part(city.country)];
  const [latitude, longitude] = [part(city.latitude), part(city.longitude)];
  const key = [id, name, country, latitude, longitude].join('\u0000');
  let found = cities.get(key);
  if (found === undefined) {
    const [north, east] = [latitude, longitude].map(
      (text) => parseDecimal(decimal_comma === true ? text.replace(',', '.') : text) ?? Number.NaN,
    ) as [number, number];
    const fits = Math.abs(north) <= 90 && Math.abs(east) <= 180 && name !== '';
    const place = {
      ...(id === '' ? {} : { id }),
      name,
      country,
      latitude: north,
      longitude: east,
      ...(city.time_zone === undefined ? {} : { time_zone: city.time_zone }),
    };
    found = fits && (id === '' || CITY_ID_PATTERN.test(id)) ? finder.find(place) : null;
    cities.set(key, found);
  }
  return found;
}
