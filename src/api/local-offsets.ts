/** The clock of a row's place, for times that people read in a spreadsheet. */
import type { City } from '../model/city.ts';
import { isTimeZone, zoneOffsets } from '../model/time-zone.ts';
import type { OffsetOf } from './csv.ts';
import { indexCities } from './server.ts';

/** What the row itself says of its observation goes first; then the time zone of its city. */
export function localOffsets(cities: () => readonly City[]): OffsetOf {
  const zones = new Map<string, ((at: number) => number) | null>();

  function zoneOf(name: string): ((at: number) => number) | null {
    let zone = zones.get(name);
    if (zone === undefined) {
      zone = isTimeZone(name) ? zoneOffsets(name) : null;
      zones.set(name, zone);
    }
    return zone;
  }

  return (row, column, at) => {
    if (column === 'observed_at' && typeof row.utc_offset_s === 'number') return row.utc_offset_s;
    const zone = indexCities(cities()).get(String(row.city_id))?.time_zone ?? null;
    return zone === null ? null : (zoneOf(zone)?.(at) ?? null);
  };
}
