/** Tables with a mapping, CSV or Parquet: each row becomes an observation, or says why not. */

import type { City } from '../model/city.ts';
import { type Observation, TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import { formatTime, offsetsByZone } from '../model/time-zone.ts';
import { type RejectedField, rejectedField } from '../model/validity.ts';
import type { SqlSession } from '../sql/engine.ts';
import {
  cellReader,
  dewPointReader,
  humidityOf,
  marksReader,
  numberReaderOf,
  type ReadCell,
} from './cell.ts';
import type { CityFinder } from './cities.ts';
import type { NamedFile } from './input-file.ts';
import { type Mapping, timeColumnsOf, variablesOf, withPlainNumbers } from './mapping.ts';
import { orderByTime } from './order.ts';
import { rejectRow } from './rejected-row.ts';
import { cityReader } from './row-city.ts';
import { timeReader, timeTextReader } from './row-time.ts';
import type { ImportedRecord, ImportSource } from './source.ts';
import { type InputTable, openTable, type TableRow } from './table.ts';
import { type TimeFormat, timeFormatOf } from './time-check.ts';

export interface MappedOptions {
  readonly mapping: Mapping;
  readonly session: SqlSession;
  readonly finder: CityFinder;
  /** Folder for files in the making. */
  readonly scratch: string;
}

export function openMapped(files: readonly NamedFile[], options: MappedOptions): ImportSource {
  const { scratch } = options;
  return {
    recordsAbout: null,
    read: (signal) => orderByTime(readFiles(files, options, signal), { scratch, signal }),
  };
}

async function* readFiles(
  files: readonly NamedFile[],
  options: MappedOptions,
  signal: AbortSignal,
): AsyncGenerator<ImportedRecord> {
  for (const file of files) {
    const table = await openTable(file, options, signal);
    const format = await timeFormatOf(table, options.mapping, signal);
    const read = rowReader(table, options, format);
    for await (const rows of table.rows(signal)) {
      for (const row of rows) {
        const imported = read(row);
        if (imported !== null) yield imported;
      }
    }
  }
}

interface Variable {
  readonly name: string;
  readonly index: number;
  readonly read: ReadCell;
}

interface RowReading {
  readonly table: InputTable;
  readonly mapping: Mapping;
  readonly source: string;
  readonly variables: readonly Variable[];
  readonly dewPoint: Variable | null;
  readonly conditionOf: (cells: readonly string[]) => string;
  /** What the row of a repeated header holds in the column of the time. */
  readonly timeColumn: { readonly index: number; readonly name: string };
  readonly textOfTime: (cells: readonly string[]) => string;
}

/** A function from a row to its record; null for a header that is repeated. */
function rowReader(
  table: InputTable,
  { mapping, finder }: MappedOptions,
  format: TimeFormat,
): (row: TableRow) => ImportedRecord | null {
  const reading = readingOf(table, mapping);
  const cityOf = cityReader(table, mapping, finder);
  const timeOf = timeReader(table, mapping, format);
  const offsetOf = offsetsByZone();
  let isOtherTable = false;

  return (row) => {
    if ('problem' in row) return rejectRow(reading, row.line, row.problem, row.text, null);
    const { cells, line } = row;
    const expected = table.names.length;
    if (cells.length !== expected) {
      const detail = `${cells.length}, expected ${expected}`;
      return rejectRow(reading, line, 'wrong number of fields', cells, null, detail);
    }
    const { index, name } = reading.timeColumn;
    if (cells[index]?.trim() === name && table.counts === 'line') {
      isOtherTable = !isHeader(cells, table.names);
      if (!isOtherTable) return null;
    }
    if (isOtherTable)
      return rejectRow(reading, line, 'another table begins with other columns', cells, null);
    const city = cityOf(cells);
    if (typeof city === 'string') return rejectRow(reading, line, city, cells, null);
    const at = timeOf(cells, city);
    if (typeof at === 'string') {
      return rejectRow(reading, line, at, cells, city, reading.textOfTime(cells));
    }
    return { record: observe(reading, cells, city, at, offsetOf(city.time_zone, at)), city };
  };
}

function readingOf(table: InputTable, mapping: Mapping): RowReading {
  const { indexes } = table;
  const variables: Variable[] = [];
  let dewPoint: Variable | null = null;
  for (const variable of variablesOf(mapping)) {
    const { name, from_dew_point } = variable;
    const column = variable.column ?? from_dew_point ?? '';
    const index = indexes.get(column);
    if (index === undefined) continue;
    const reader = from_dew_point === undefined ? cellReader : dewPointReader;
    const read = table.numeric.has(column)
      ? reader(withPlainNumbers(variable), withPlainNumbers(mapping))
      : reader(variable, mapping);
    if (from_dew_point === undefined) variables.push({ name, index, read });
    else dewPoint = { name, index, read };
  }
  const timeName = timeColumnsOf(mapping)[0] ?? '';
  const timeIndex = indexes.get(timeName) ?? -1;
  return {
    table,
    mapping,
    source: `import:${mapping.name}`,
    variables,
    dewPoint,
    conditionOf: conditionReader(table, mapping),
    timeColumn: { index: timeIndex, name: table.names[timeIndex] ?? timeName },
    textOfTime: timeTextReader(table, mapping),
  };
}

function conditionReader(
  { indexes }: InputTable,
  mapping: Mapping,
): (cells: readonly string[]) => string {
  const index = indexes.get(mapping.condition ?? '') ?? -1;
  const isMissing = marksReader(mapping.missing ?? [], numberReaderOf({}, mapping));
  return (cells) => {
    const text = mapping.condition === undefined ? '' : (cells[index] ?? '').trim();
    return isMissing(text) ? '' : text;
  };
}

function observe(
  reading: RowReading,
  cells: readonly string[],
  city: City,
  at: number,
  offset: number,
): Observation {
  const observed_at = formatTime(new Date(at));
  const measured: Record<string, number | null> = {};
  const rejected: RejectedField[] = [];
  for (const { name, index, read } of reading.variables) {
    const cell = cells[index] ?? '';
    const value = read(cell);
    if (typeof value === 'string') rejected.push(rejectedField(name, cell.trim(), value));
    else measured[name] = value;
  }
  if (reading.dewPoint !== null) {
    const { name, index, read } = reading.dewPoint;
    const cell = cells[index] ?? '';
    let value = read(cell);
    const temperature = measured.temperature_c;
    if (typeof value === 'number') {
      value = typeof temperature === 'number' ? humidityOf(temperature, value) : null;
    }
    if (typeof value === 'string') rejected.push(rejectedField(name, cell.trim(), value));
    else measured[name] = value;
  }
  const condition = reading.conditionOf(cells);
  const isLong =
    condition.length > TEXT_CHARACTERS_MAX && [...condition].length > TEXT_CHARACTERS_MAX;
  if (isLong) {
    const reason = `longer than ${TEXT_CHARACTERS_MAX} characters`;
    rejected.push(rejectedField('condition', condition, reason));
  }
  return {
    city_id: city.city_id,
    city: city.name,
    country: city.country,
    observed_at,
    collected_at: observed_at,
    source: reading.source,
    interval_s: reading.mapping.interval_s,
    utc_offset_s: offset,
    provider_city_id: null,
    ...measured,
    ...(condition === '' || isLong ? {} : { condition }),
    response: null,
    ...(rejected.length === 0 ? {} : { rejected_fields: rejected }),
  };
}

function isHeader(cells: readonly string[], names: readonly string[]): boolean {
  return cells.every((cell, column) => cell.replace(/^\s*#+/, '').trim() === names[column]);
}
