/**
 * The stations that report METARs, as the Aviation Weather Center of the US National Weather Service
 * lists them (stations.cache.json of February 2026, public domain; abbreviations written out).
 */
import { readFileSync } from 'node:fs';
import { parseRecord } from './csv.ts';

export interface Station {
  readonly name: string;
  /** ISO 3166-1 alpha-2; empty for platforms at sea. */
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Metres above sea level; null where it is not known. */
  readonly elevation_m: number | null;
}

const FILE = new URL('./metar-stations.csv', import.meta.url);
const DIALECT = { delimiter: ',' };

let stations: ReadonlyMap<string, Station> | null = null;

/** The station of an ICAO code or of the center's own code, such as EGLL or K04V. */
export function knownStation(code: string): Station | null {
  stations ??= readStations();
  return stations.get(code) ?? null;
}

function readStations(): ReadonlyMap<string, Station> {
  const lines = readFileSync(FILE, 'utf8').trimEnd().split('\n').slice(1);
  return new Map(
    lines.map((line) => {
      const parsed = parseRecord([line], 0, DIALECT);
      if (typeof parsed === 'string') throw new Error(`metar-stations.csv: ${parsed}: ${line}`);
      const [code = '', name = '', country = '', latitude, longitude, elevation] = parsed.cells;
      const elevation_m = elevation === '' ? null : Number(elevation);
      const place = { latitude: Number(latitude), longitude: Number(longitude), elevation_m };
      return [code, { name, country, ...place }];
    }),
  );
}
