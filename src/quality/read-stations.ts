/** The observations that quality control needs, station by station, in order of time. */
import type { City } from '../model/city.ts';
import type { VariableName } from '../model/variables.ts';
import type { SqlSession } from '../sql/engine.ts';
import { literal, timestamp } from '../sql/text.ts';
import type { Station } from './check.ts';

/** The columns that tests look at. */
export const QUALITY_COLUMNS = [
  'temperature_c',
  'humidity_pct',
  'pressure_hpa',
  'wind_speed_ms',
  'wind_gust_ms',
  'wind_direction_deg',
] as const satisfies VariableName[];

export interface StationSelection {
  /** ISO 8601 in UTC; `from` is inclusive, `to` exclusive. */
  readonly from: string;
  readonly to: string;
  /** Ids; all unless given. */
  readonly cities?: readonly string[];
}

/** Where a station is. */
export type Place = Pick<City, 'latitude' | 'longitude' | 'elevation_m'>;

const UNKNOWN: Place = { latitude: Number.NaN, longitude: Number.NaN };

interface Growing {
  readonly at: number[];
  readonly values: Record<(typeof QUALITY_COLUMNS)[number], number[]>;
}

/** Reads the view `observations`, as a whole unless a range is given. */
export async function readStations(
  session: SqlSession,
  cities: ReadonlyMap<string, Place>,
  range: StationSelection | null,
  signal?: AbortSignal,
): Promise<Station[]> {
  const sql = `SELECT city_id, unix_micros(observed_at) AS micros, ${QUALITY_COLUMNS.join(', ')}
    FROM observations ${range === null ? '' : whereIn(range)}
    ORDER BY city_id, observed_at`;
  const found = new Map<string, Growing>();
  for await (const { rows } of session.stream(sql, {}, signal)) {
    for (const row of rows as Record<string, unknown>[]) {
      const id = String(row.city_id);
      let station = found.get(id);
      if (station === undefined) {
        station = emptyStation();
        found.set(id, station);
      }
      station.at.push(Number(row.micros) / 1_000);
      for (const name of QUALITY_COLUMNS) {
        const value = row[name];
        station.values[name].push(typeof value === 'number' ? value : Number.NaN);
      }
    }
  }
  return [...found].map(([id, station]) => finished(id, cities.get(id), station));
}

function whereIn({ from, to, cities }: StationSelection): string {
  const among = cities === undefined ? '' : ` AND city_id IN (${cities.map(literal).join(', ')})`;
  return `WHERE observed_at >= ${timestamp(from)} AND observed_at < ${timestamp(to)}${among}`;
}

function emptyStation(): Growing {
  const values = Object.fromEntries(QUALITY_COLUMNS.map((name) => [name, []]));
  return { at: [], values: values as unknown as Growing['values'] };
}

function finished(city_id: string, city: Place | undefined, { at, values }: Growing): Station {
  const { latitude, longitude, elevation_m = null } = city ?? UNKNOWN;
  const arrays = QUALITY_COLUMNS.map((name) => [name, Float64Array.from(values[name])]);
  return {
    ...{ city_id, latitude, longitude, elevation: elevation_m },
    at: Float64Array.from(at),
    values: Object.fromEntries(arrays),
  };
}
