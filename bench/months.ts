/** Months of made-up observations as data files, for the benches of the engines. */
import { mkdirSync } from 'node:fs';
import type { Storage } from '../src/lake/storage.ts';
import type { SqlSession } from '../src/sql/engine.ts';
import { type DataFile, OBSERVATION_COLUMNS, type Table } from '../src/table/table.ts';
import { range } from './observations.ts';

const MONTHS = 60;

export interface Months {
  readonly files: readonly DataFile[];
  readonly rows: number;
}

/** Five years of hours of `cities` in a file a month, in the folder `bench` of a local storage. */
export async function writeMonths(
  session: SqlSession,
  storage: Storage,
  cities: number,
): Promise<Months> {
  const files: DataFile[] = [];
  mkdirSync(storage.address('bench'), { recursive: true });
  for (const index of range(0, MONTHS)) {
    const start = new Date(Date.UTC(2013, index, 1));
    const end = new Date(Date.UTC(2013, index + 1, 1));
    const storagePath = `bench/month-${index}.parquet`;
    const path = storage.address(storagePath);
    const rows = await session.copy(monthSql(cities, start, end), path, 'parquet');
    files.push({
      path: storagePath,
      storagePath,
      month: start.toISOString().slice(0, 7),
      bytes: 0,
      rows,
      cityIdMin: null,
      cityIdMax: null,
      observedAtMin: null,
      observedAtMax: null,
    });
  }
  return { files, rows: files.reduce((sum, file) => sum + file.rows, 0) };
}

/** A table of these files, in the version given; changes since other versions are not known. */
export function tableOf(files: readonly DataFile[], storage: Storage, version = 1): Table {
  const snapshot = {
    version,
    committedAt: null,
    files,
    transactions: new Map(),
    rowCount: 0,
    simulated: false,
  };
  return {
    latest: snapshot,
    refresh: async () => snapshot,
    changes: async () => null,
    localPaths: async (wanted) => wanted.map(({ storagePath }) => storage.address(storagePath)),
  };
}

function monthSql(cities: number, start: Date, end: Date): string {
  const values: Record<string, string> = {
    city_id: "'city-' || c",
    city: "'City ' || c",
    country: "'US'",
    observed_at: 'moment',
    collected_at: 'moment',
    interval_s: '3600',
    hour_utc: 'hour(moment)',
    hour_local: '(hour(moment) + c) % 24',
    // Of two decimals, as providers answer.
    temperature_c: 'round(12 + 9 * sin(epoch(moment) / 13750) + (hash(moment, c) % 100) / 20.0, 2)',
    humidity_pct: 'hash(c, moment) % 100',
    wind_speed_ms: '(hash(moment, c, 1) % 100) / 10.0',
    wind_direction_deg: 'hash(moment, c, 2) % 360',
  };
  const columns = Object.entries(OBSERVATION_COLUMNS).map(
    ([name, type]) => `CAST(${values[name] ?? 'NULL'} AS ${type}) AS ${name}`,
  );
  return (
    `SELECT ${columns.join(', ')} FROM range(${cities}) cities(c), ` +
    `range(TIMESTAMPTZ '${start.toISOString()}', TIMESTAMPTZ '${end.toISOString()}', ` +
    'INTERVAL 1 HOUR) moments(moment) ORDER BY city_id, observed_at'
  );
}
