/** The five years of real hourly history as arrays, an entry an hour. */
import { openCityFinder } from '../src/import/cities.ts';
import { openKaggleFolder } from '../src/import/kaggle.ts';
import { isInvalidRecord } from '../src/model/observation.ts';
import { HISTORY_FOLDER } from './history.ts';

export const HISTORY_VARIABLES = [
  'temperature_c',
  'pressure_hpa',
  'humidity_pct',
  'wind_speed_ms',
] as const;
export type HistoryVariable = (typeof HISTORY_VARIABLES)[number];

export interface HistoryCity {
  readonly id: string;
  /** The time of the first entry, milliseconds since 1970. */
  readonly first: number;
  /** NaN for none. */
  readonly values: Readonly<Record<HistoryVariable, Float64Array>>;
}

const HOUR_MS = 3_600_000;
const FIRST = Date.UTC(2012, 9, 1);
const END = Date.UTC(2017, 11, 1);

export async function readHourlyHistory(): Promise<HistoryCity[]> {
  const source = await openKaggleFolder(HISTORY_FOLDER, openCityFinder([]));
  const empty = () => new Float64Array((END - FIRST) / HOUR_MS).fill(Number.NaN);
  const found = new Map<string, Record<HistoryVariable, Float64Array>>();
  for await (const { record } of source.read(new AbortController().signal)) {
    if (isInvalidRecord(record)) continue;
    let values = found.get(record.city_id);
    if (values === undefined) {
      const arrays = HISTORY_VARIABLES.map((name) => [name, empty()]);
      values = Object.fromEntries(arrays) as Record<HistoryVariable, Float64Array>;
      found.set(record.city_id, values);
    }
    const at = (Date.parse(record.observed_at) - FIRST) / HOUR_MS;
    for (const name of HISTORY_VARIABLES) values[name][at] = record[name] ?? Number.NaN;
  }
  return [...found].map(([id, values]) => ({ id, first: FIRST, values }));
}
