/** The observations that quality control needs, station by station, in order of time. */
import type { City } from '../model/city.ts';
import type { VariableName } from '../model/variables.ts';
import type { SqlSession } from '../sql/engine.ts';
import { timestamp } from '../sql/text.ts';
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
}

interface Growing {
  readonly at: number[];
  readonly values: Record<(typeof QUALITY_COLUMNS)[number], number[]>;
}

/**
 * Reads the view `observations`. Observations of cities that the list does not have are left out: they
 * have no place.
 */
export async function readStations(
  session: SqlSession,
  cities: ReadonlyMap<string, City>,
  { from, to }: StationSelection,
  signal?: AbortSignal,
): Promise<Station[]> {
  const sql = `SELECT city_id, unix_micros(observed_at) AS micros, ${QUALITY_COLUMNS.join(', ')}
    FROM observations
    WHERE observed_at >= ${timestamp(from)} AND observed_at < ${timestamp(to)}
    ORDER BY city_id, observed_at`;
  const found = new Map<string, Growing>();
  for await (const { rows } of session.stream(sql, {}, signal)) {
    for (const row of rows as Record<string, unknown>[]) {
      const id = String(row.city_id);
      if (!cities.has(id)) continue;
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
  return [...found].flatMap(([id, station]) => finished(cities.get(id), station));
}

function emptyStation(): Growing {
  const values = Object.fromEntries(QUALITY_COLUMNS.map((name) => [name, []]));
  return { at: [], values: values as unknown as Growing['values'] };
}

function finished(city: City | undefined, { at, values }: Growing): Station[] {
  if (city === undefined) return [];
  const { city_id, latitude, longitude, elevation_m = null } = city;
  const arrays = QUALITY_COLUMNS.map((name) => [name, Float64Array.from(values[name])]);
  return [
    {
      ...{ city_id, latitude, longitude, elevation: elevation_m },
      at: Float64Array.from(at),
      values: Object.fromEntries(arrays),
    },
  ];
}
