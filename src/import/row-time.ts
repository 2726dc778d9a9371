/** The time of a row: from one column or several, in the order of the file. */
import type { City } from '../model/city.ts';
import { momentsIn, openSeries, type Series } from './local-time.ts';
import { type Mapping, timeColumnsOf } from './mapping.ts';
import type { InputTable } from './table.ts';
import type { TimeFormat } from './time-check.ts';
import { readerOf } from './time-format.ts';
import type { ReadTime } from './time-number.ts';

/** Milliseconds since 1970, or the reason why the row has no time. */
export type FindTime = (cells: readonly string[], city: City) => number | string;

/** For one file: its order decides which of two moments an ambiguous autumn time means. */
export function timeReader(
  table: InputTable,
  mapping: Mapping,
  { format, from = Number.NEGATIVE_INFINITY }: TimeFormat,
): FindTime {
  const { zone = 'UTC' } = mapping.time;
  const read = readerOf(format) as ReadTime;
  const intervalMs = mapping.interval_s * 1_000;
  const zones = new Map<string, (localMs: number) => readonly number[]>();
  const series = new Map<City, Series>();

  function momentsOf(timeZone: string): (localMs: number) => readonly number[] {
    let moments = zones.get(timeZone);
    if (moments === undefined) {
      moments = momentsIn(timeZone);
      zones.set(timeZone, moments);
    }
    return moments;
  }

  function seriesOf(city: City): Series {
    let found = series.get(city);
    if (found === undefined) {
      found = openSeries(intervalMs);
      series.set(city, found);
    }
    return found;
  }

  const textOf = timeTextReader(table, mapping);
  return (cells, city) => {
    const text = textOf(cells);
    if (text === '') return 'time is missing';
    const time = read(text);
    if (time === null) return `time is not in the format ${format}`;
    const { localMs, offsetMs } = time;
    if (localMs < from) return `time is of another unit than the first rows, ${format}`;
    if (offsetMs !== null) return seriesOf(city).choose([localMs - offsetMs]);
    const timeZone = zone === 'city' ? city.time_zone : zone;
    const moments = momentsOf(timeZone)(localMs);
    if (moments.length === 0) return `time does not exist in ${timeZone}`;
    return seriesOf(city).choose(moments);
  };
}

/** The text of a row's time; empty when a part is missing. */
export function timeTextReader(
  { indexes }: Pick<InputTable, 'indexes'>,
  mapping: Mapping,
): (cells: readonly string[]) => string {
  const columns = timeColumnsOf(mapping).map((name) => indexes.get(name) ?? -1);
  const suffix = mapping.time.ignore_suffix;
  const [single = -1] = columns;
  return (cells) => {
    let text = (cells[single] ?? '').trim();
    if (columns.length > 1) {
      const parts = columns.map((index) => (cells[index] ?? '').trim());
      text = parts.includes('') ? '' : parts.join(' ');
    }
    return suffix !== undefined && text.endsWith(suffix)
      ? text.slice(0, -suffix.length).trimEnd()
      : text;
  };
}
