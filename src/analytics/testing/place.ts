/** A table of made-up observations whose commits a test makes itself, with its publications. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicationPath } from '../../lake/layout.ts';
import { openLocalStorage } from '../../lake/local.ts';
import type { Storage } from '../../lake/storage.ts';
import type { Anomaly, CityStatistics, HourlyTrend } from '../../model/datasets.ts';
import type { Place as Where } from '../../quality/read-stations.ts';
import { openDuckdbEngine } from '../../sql/duckdb.ts';
import type { SqlSession } from '../../sql/engine.ts';
import { type DataFile, OBSERVATION_COLUMNS, type Table } from '../../table/table.ts';
import { openEventsControl } from '../anomaly-events.ts';
import { readDataset } from '../export.ts';
import type { Publication } from '../publication.ts';
import { openQualityControl } from '../quality-control.ts';
import { createRefresher, type Refresher, type RefreshOptions } from '../refresh.ts';

/** One made-up observation: seconds since 2023-12-28, so that months and a year end in between. */
export interface Made {
  readonly city: string;
  readonly at: number;
  readonly temperature: number | null;
  readonly humidity: number | null;
  readonly direction: number | null;
  readonly speed?: number | null;
  readonly pressure?: number | null;
  readonly gust?: number | null;
  readonly rain?: number | null;
  readonly snow?: number | null;
  readonly offset?: number | null;
  /** XX unless said. */
  readonly country?: string | null;
  readonly interval: number;
}

export const START = Date.UTC(2023, 11, 28);

export interface Place extends AsyncDisposable {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly table: Table;
  readonly scratch: string;
  /** One more commit with these observations. */
  add(made: readonly Made[]): Promise<void>;
  /** One more commit, in which these observations take the place of all of their months. */
  correct(made: readonly Made[]): Promise<void>;
  /** Other rows under the names of the last commit's files. */
  replace(made: readonly Made[]): Promise<void>;
  /** Puts other values of these columns into a published file, and its new SHA-256 into its place. */
  forge(
    publication: Publication,
    file: { readonly path: string; readonly sha256: string },
    columns: string,
  ): Promise<void>;
  openSession(): Promise<SqlSession>;
  /** Where its stations are; may be changed. Publishers check values when there are any. */
  readonly stations: Map<string, Where>;
  /** One more publisher, with a session of its own. */
  refresher(options?: Pick<RefreshOptions, 'textRowsMax'>): Promise<Refresher>;
  rows(publication: Publication): Promise<{
    statistics: CityStatistics[];
    trends: HourlyTrend[];
    anomalies: Anomaly[];
  }>;
}

/** A table of real Parquet files whose commits this test makes itself. */
export async function openPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-analytics-'));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  mkdirSync(join(folder, 'rows'));
  const engine = await openDuckdbEngine({ memoryMib: 256, threads: 1, tempFolder: scratch });
  const session = await engine.session();
  const sessions: SqlSession[] = [session];
  const storage = await openLocalStorage(join(folder, 'lake'));
  const commits: DataFile[][] = [];
  /** Versions in which rows took the place of others. */
  const corrections = new Set<number>();
  const stations = new Map<string, Where>();
  const snapshot = () => ({
    version: commits.length - 1,
    committedAt: null,
    files: commits.flat(),
    transactions: new Map(),
    rowCount: 0,
    simulated: false,
  });
  const table: Table = {
    latest: null,
    refresh: async () => snapshot(),
    async changes(from, to) {
      const added = commits.slice(from + 1, to.version + 1).flat();
      const months = [...new Set(added.map((file) => file.month ?? ''))].sort();
      const corrected = [...corrections].some((one) => one > from && one <= to.version);
      return { months, added, onlyAdded: !corrected, rowsRemoved: false };
    },
    localPaths: async (files) => files.map((file) => file.path),
  };

  async function openSession(): Promise<SqlSession> {
    const opened = await engine.session();
    sessions.push(opened);
    return opened;
  }

  async function write(made: readonly Made[], commit: number): Promise<DataFile[]> {
    const files: DataFile[] = [];
    for (const [month, rows] of Map.groupBy(made, ({ at }) => timeOf(at).slice(0, 7))) {
      const path = join(folder, 'rows', `${commit}-${month}.parquet`);
      const values = rows.map(
        ({ city, at, temperature, humidity, direction, interval, ...more }) => {
          const { speed = null, pressure = null, gust = null, offset = null } = more;
          const { rain = null, snow = null, country = 'XX' } = more;
          const values = [temperature, humidity, direction, speed, interval];
          const others = [...values, pressure, gust, rain, snow, offset].map(String).join(', ');
          const place = country === null ? 'NULL' : `'${country}'`;
          return `('${city}', TIMESTAMPTZ '${timeOf(at)}', ${others}, ${place})`;
        },
      );
      await session.copy(rowsSql(values), path, 'parquet');
      const none = { cityIdMin: null, cityIdMax: null, observedAtMin: null, observedAtMax: null };
      files.push({ path, storagePath: path, month, bytes: 1, rows: rows.length, ...none });
    }
    return files;
  }

  return {
    storage,
    session,
    table,
    scratch,
    async add(made) {
      commits.push(await write(made, commits.length));
    },
    async correct(made) {
      const files = await write(made, commits.length);
      const months = new Set(files.map(({ month }) => month));
      for (const [at, before] of commits.entries()) {
        commits[at] = before.filter(({ month }) => !months.has(month));
      }
      corrections.add(commits.length);
      commits.push(files);
    },
    async replace(made) {
      await write(made, commits.length - 1);
    },
    async forge(publication, { path, sha256 }, columns) {
      const forged = join(scratch, 'forged.parquet');
      const from = `read_parquet('${await storage.localPath(path)}')`;
      await session.copy(`SELECT * REPLACE (${columns}) FROM ${from}`, forged, 'parquet');
      const digest = createHash('sha256').update(readFileSync(forged)).digest('hex');
      await storage.delete(path);
      await storage.putIfAbsent(path, { file: forged });
      const text = JSON.stringify(publication).replace(sha256, digest);
      await storage.replace(publicationPath(publication.version), Buffer.from(text));
    },
    openSession,
    stations,
    async refresher(options = {}) {
      const common = { table, columns: OBSERVATION_COLUMNS, storage, scratch };
      const places = async () => stations;
      return createRefresher({
        ...common,
        ...options,
        session: await openSession(),
        engineName: 'duckdb',
        ...(stations.size === 0
          ? {}
          : {
              quality: openQualityControl({ ...common, session: await openSession(), places }),
              events: openEventsControl({ ...common, session: await openSession() }),
            }),
      });
    },
    async rows(publication) {
      return {
        statistics: await readDataset(storage, session, publication, 'city_statistics'),
        trends: await readDataset(storage, session, publication, 'hourly_trends'),
        anomalies: await readDataset(storage, session, publication, 'anomalies'),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const one of sessions) await one[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function rowsSql(values: readonly string[]): string {
  const made: Record<string, string> = {
    city_id: 'c',
    city: 'upper(c)',
    country: 'k',
    observed_at: 'moment',
    collected_at: 'moment',
    interval_s: 'i',
    hour_utc: 'hour(moment)',
    hour_local: '(hour(moment) + 5) % 24',
    temperature_c: 't',
    humidity_pct: 'h',
    wind_speed_ms: 's',
    wind_direction_deg: 'd',
    pressure_hpa: 'p',
    wind_gust_ms: 'g',
    rain_1h_mm: 'r',
    snow_1h_mm: 'n',
    utc_offset_s: 'z',
  };
  const columns = Object.entries(OBSERVATION_COLUMNS).map(
    ([name, type]) => `CAST(${made[name] ?? 'NULL'} AS ${type}) AS ${name}`,
  );
  return `SELECT ${columns.join(', ')} FROM (VALUES ${values.join(', ')}) v(c, moment, t, h, d, s, i, p, g, r, n, z, k)`;
}

export function timeOf(at: number): string {
  return new Date(START + at * 1_000).toISOString().replace('.000Z', 'Z');
}

export function made(city: string, slot: number, temperature: number): Made {
  return {
    city,
    at: slot * 7_200,
    temperature,
    humidity: 50,
    direction: null,
    interval: 7_200,
  };
}
