/** The table `cities`: every city that was ever configured or imported, small enough to read whole. */
import type { KnownCity } from '../model/city.ts';
import { openSmallTable, type SmallTableOptions } from './small-table.ts';
import { CITY_COLUMNS } from './table.ts';

export interface CityTable {
  /** Every known city, by id. */
  read(): Promise<ReadonlyMap<string, KnownCity>>;

  /**
   * Adds those cities that are not known yet and corrects those whose name, place or zone changed
   * in the configuration; resolves with how many rows that were. An elevation that is known stays
   * where the new one is not known.
   */
  remember(cities: readonly KnownCity[]): Promise<number>;
}

export function openCityTable(options: Omit<SmallTableOptions, 'columns' | 'key'>): CityTable {
  const cities = openSmallTable<KnownCity>({ ...options, columns: CITY_COLUMNS, key: 'city_id' });
  const byId = (rows: readonly KnownCity[]) => new Map(rows.map((row) => [row.city_id, row]));

  return {
    read: async () => byId(await cities.read()),
    async remember(news) {
      let changed = 0;
      await cities.update((rows) => {
        const known = byId(rows);
        const fresh = news
          .map((city) => withElevation(known.get(city.city_id), city))
          .filter((city) => !sameCity(known.get(city.city_id), city));
        changed = fresh.length;
        if (fresh.length === 0) return null;
        return [...new Map([...known, ...byId(fresh)]).values()];
      });
      return changed;
    },
  };
}

function withElevation(known: KnownCity | undefined, city: KnownCity): KnownCity {
  return { ...city, elevation_m: city.elevation_m ?? known?.elevation_m ?? null };
}

function sameCity(a: KnownCity | undefined, b: KnownCity): boolean {
  return (
    a !== undefined &&
    a.name === b.name &&
    a.country === b.country &&
    a.latitude === b.latitude &&
    a.longitude === b.longitude &&
    (a.elevation_m ?? null) === (b.elevation_m ?? null) &&
    a.time_zone === b.time_zone
  );
}
