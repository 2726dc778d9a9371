/** The table `cities`: every city that was ever configured or imported, small enough to read whole. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqlSession } from '../analytics/engine.ts';
import type { Storage } from '../lake/storage.ts';
import type { KnownCity } from '../model/city.ts';
import { fileLiteral, filesLiteral } from '../sql/text.ts';
import type { DeltaTable } from './commit.ts';
import { putDataFile } from './data-file.ts';
import type { Action } from './delta.ts';
import type { TableState } from './snapshot.ts';
import { CITY_COLUMNS } from './table.ts';

export interface CityTable {
  /** Every known city, by id. */
  read(): Promise<ReadonlyMap<string, KnownCity>>;

  /**
   * Adds those cities that are not known yet and corrects those whose name, place or zone changed
   * in the configuration; resolves with how many rows that were.
   */
  remember(cities: readonly KnownCity[]): Promise<number>;
}

export interface CityTableOptions {
  readonly cities: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly clock?: () => Date;
}

export function openCityTable(options: CityTableOptions): CityTable {
  const { cities, storage, session, scratch, clock = () => new Date() } = options;
  let known: { readonly version: number; readonly rows: Map<string, KnownCity> } | null = null;

  async function rowsOf(state: TableState): Promise<Map<string, KnownCity>> {
    if (known?.version === state.version) return known.rows;
    const paths = await cities.localPaths(state.files);
    const rows =
      paths.length === 0
        ? []
        : await session.query<KnownCity & Record<string, unknown>>(
            `SELECT ${Object.keys(CITY_COLUMNS).join(', ')} FROM read_parquet(${filesLiteral(paths)})`,
          );
    known = { version: state.version, rows: new Map(rows.map((row) => [row.city_id, row])) };
    return known.rows;
  }

  async function remember(news: readonly KnownCity[]): Promise<number> {
    let changed = 0;
    await cities.commit('WRITE', async (state) => {
      const rows = await rowsOf(state);
      const fresh = news.filter((city) => !sameCity(rows.get(city.city_id), city));
      changed = fresh.length;
      if (fresh.length === 0) return null;
      // One file with all of them: the table stays one file however often it grows.
      const merged = new Map([...rows, ...fresh.map((city) => [city.city_id, city] as const)]);
      const add = await writeCities([...merged.values()]);
      const removes: Action[] = state.files.map((file) => ({
        remove: {
          path: file.path,
          deletionTimestamp: clock().getTime(),
          dataChange: true,
          partitionValues: {},
          size: file.bytes,
        },
      }));
      return [...removes, add];
    });
    return changed;
  }

  async function writeCities(rows: readonly KnownCity[]): Promise<Action> {
    const base = join(scratch, `cities-${randomUUID()}`);
    try {
      await writeFile(`${base}.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
      const columns = Object.entries(CITY_COLUMNS).map(([name, type]) => `${name}: '${type}'`);
      await session.copy(
        `SELECT * FROM read_json(${fileLiteral(`${base}.jsonl`)}, format = 'newline_delimited', ` +
          `columns = {${columns.join(', ')}}) ORDER BY city_id`,
        `${base}.parquet`,
        'parquet',
      );
      const stats = { numRecords: rows.length };
      const file = `${base}.parquet`;
      return {
        add: await putDataFile({ table: cities, storage, file, month: null, stats, clock }),
      };
    } finally {
      await rm(`${base}.jsonl`, { force: true });
      await rm(`${base}.parquet`, { force: true });
    }
  }

  return {
    read: async () => rowsOf(await cities.refresh()),
    remember,
  };
}

function sameCity(a: KnownCity | undefined, b: KnownCity): boolean {
  return (
    a !== undefined &&
    a.name === b.name &&
    a.country === b.country &&
    a.latitude === b.latitude &&
    a.longitude === b.longitude &&
    a.time_zone === b.time_zone
  );
}
