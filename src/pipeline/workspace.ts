/**
 * The workspace: one data root with its rooms opened. Every command works on one; disposing of it
 * closes what was opened, in reverse.
 *
 *     DATA/                 real data            DATA/simulated/    made-up data
 *       log/  lake/  index/  collector/  scratch/  folder.lock  server.json
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openEventsControl } from '../analytics/anomaly-events.ts';
import { openQualityControl } from '../analytics/quality-control.ts';
import {
  createRefresher,
  type LargeEngine,
  type Refresher,
  type RefreshOptions,
} from '../analytics/refresh.ts';
import type { Config } from '../config/schema.ts';
import { IsobarError, translateFileError } from '../errors.ts';
import type { AnomalyIndex } from '../index/anomaly-index.ts';
import { openIndex } from '../index/open.ts';
import { type TableName, tableFolder } from '../lake/layout.ts';
import { isInStorage, openStorage } from '../lake/open.ts';
import type { Storage } from '../lake/storage.ts';
import { type Leases, openLeases } from '../leases/leases.ts';
import type { Log } from '../log/log.ts';
import { openLog } from '../log/open.ts';
import type { Logger } from '../logger.ts';
import type { SqlEngine, SqlSession } from '../sql/engine.ts';
import { openEngine } from '../sql/open.ts';
import { fileLiteral } from '../sql/text.ts';
import { type CityTable, openCityTable } from '../table/cities.ts';
import { type CollectingTable, openCollectingTable } from '../table/collecting.ts';
import { type DeltaTable, openTable, type TableOptions } from '../table/delta-table.ts';
import { type ImportTable, openImportTable } from '../table/imports.ts';
import { type IncidentTable, openIncidentTable } from '../table/incidents.ts';
import { openSink, type Sink, type SinkOptions } from '../table/landing.ts';
import {
  CITY_COLUMNS,
  COLLECTING_COLUMNS,
  IMPORT_COLUMNS,
  INCIDENT_COLUMNS,
  OBSERVATION_COLUMNS,
  REJECTED_COLUMNS,
} from '../table/table.ts';
import { verifyOffsets } from '../table/verify-offsets.ts';

export interface Workspace extends AsyncDisposable {
  readonly config: Config;
  readonly simulated: boolean;
  /** The data root's folder. */
  readonly folder: string;
  readonly scratch: string;
  readonly storage: Storage;
  /** The embedded one. */
  readonly engine: SqlEngine;
  /** The one that computes the datasets. */
  readonly computing: SqlEngine;
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly cities: CityTable;
  readonly imports: ImportTable;
  readonly incidents: IncidentTable;
  readonly collecting: CollectingTable;
  readonly tables: readonly DeltaTable[];
  /** A session that is closed with the workspace. */
  session(): Promise<SqlSession>;
  /** The index of the anomalies, opened on the first call. */
  index(): Promise<AnomalyIndex>;
  /** The log, opened (and made) on the first call. */
  log(): Promise<Log>;
  /** A refresher of its own session. */
  refresher(logger?: Logger): Promise<Refresher>;
  /** A sink of its own session. */
  sink(traced?: Pick<SinkOptions, 'tracer' | 'traceIdsMax'>): Promise<Sink>;
}

const MIB = 1024 * 1024;
const SCRATCH_AGE_MS = 86_400_000;

export interface WorkspaceOptions {
  /** Once it aborts, a lake elsewhere is not waited for any more. */
  readonly signal?: AbortSignal;
  /** Called when the log's engine is away and the log is opened from what is known of it here. */
  readonly onLogAway?: (error: IsobarError) => void;
}

/** Opens the data root of the wanted kind. */
export async function openWorkspace(
  config: Config,
  simulated: boolean,
  options: WorkspaceOptions = {},
): Promise<Workspace> {
  const stack = new AsyncDisposableStack();
  try {
    return await openRooms(config, simulated, stack, options);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** `stack` closes what is opened, now and later. */
async function openRooms(
  config: Config,
  simulated: boolean,
  stack: AsyncDisposableStack,
  { signal, onLogAway }: WorkspaceOptions,
): Promise<Workspace> {
  const folder = rootOf(config, simulated);
  // Fails at once for a folder whose files the engine could not name exactly.
  fileLiteral(folder);
  const scratch = await makeScratch(folder);
  const lakeFolder = join(folder, 'lake');
  await renameTables(lakeFolder);
  const storage = stack.use(await openStorage(config.lake, lakeFolder, simulated, signal));
  // The table, queries and the API compute here, whichever engine computes the datasets.
  const embedded = { ...config.analytics, engine: 'duckdb' } as const;
  const engine = stack.use(await openEngine(embedded, scratch));
  const computing =
    config.analytics.engine === embedded.engine
      ? engine
      : stack.use(await openEngine(config.analytics, scratch));
  const session = async () => stack.use(await engine.session());
  const tableSession = await session();
  const opened = openTables(config, { storage, session: tableSession, scratch, simulated });
  const { observations, rejected, ...small } = opened;
  let log: Promise<Log> | null = null;
  let index: Promise<AnomalyIndex> | null = null;

  const workspace: Workspace = {
    config,
    simulated,
    folder,
    scratch,
    storage,
    engine,
    computing,
    observations,
    rejected,
    ...openSmallTables(opened, { storage, session: tableSession, scratch }),
    tables: [observations, rejected, ...Object.values(small)],
    session,
    log() {
      const options = onLogAway === undefined ? { simulated } : { simulated, onAway: onLogAway };
      log ??= openLog(config.log, join(folder, 'log'), options).then((opened) => stack.use(opened));
      return log;
    },
    index() {
      index ??= openIndex(config.index, join(folder, 'index'), simulated).then((opened) =>
        stack.use(opened),
      );
      return index;
    },
    refresher: (logger) => openRefresher(workspace, stack, logger),
    async sink(traced = {}) {
      return openSink({
        ...traced,
        log: await workspace.log(),
        observations,
        rejected,
        storage,
        session: await session(),
        scratch,
        simulated,
        recordsMax: config.table.landing_records_max,
        bytesMax: config.table.landing_mib_max * MIB,
        fileBytesMax: config.table.file_mib_max * MIB,
      });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  return workspace;
}

/** Neither where values are not checked. */
async function controlsOf(
  workspace: Workspace,
): Promise<Pick<RefreshOptions, 'quality' | 'events'>> {
  const { config, observations, storage, scratch, cities } = workspace;
  if (config.analytics.quality_interval_s === 0) return {};
  const common = { table: observations, columns: OBSERVATION_COLUMNS, storage, scratch };
  const session = await workspace.session();
  return {
    quality: openQualityControl({ ...common, session, places: () => cities.read() }),
    events: openEventsControl({ ...common, session }),
  };
}

async function openRefresher(
  workspace: Workspace,
  stack: AsyncDisposableStack,
  logger: Logger | undefined,
): Promise<Refresher> {
  const { config, computing, engine, observations, storage, scratch } = workspace;
  return createRefresher({
    table: observations,
    columns: OBSERVATION_COLUMNS,
    storage,
    session: await workspace.session(),
    engineName: engine.name,
    reach: engine.reach,
    large: computing === engine ? undefined : await largeEngine(computing, config, stack),
    retries: computing === engine ? 0 : config.analytics.spark.retries,
    ...(await controlsOf(workspace)),
    scratch,
    logger,
  });
}

async function largeEngine(
  computing: SqlEngine,
  { analytics }: Config,
  stack: AsyncDisposableStack,
): Promise<LargeEngine> {
  const session = stack.use(await computing.session());
  const { name, reach } = computing;
  return { session, engineName: name, reach, rowsLeast: analytics.spark.rows_least };
}

function openSmallTables(
  { cities, imports, incidents, collecting }: Record<TableName, DeltaTable>,
  place: Pick<TableOptions, 'storage' | 'session' | 'scratch'>,
): Pick<Workspace, 'cities' | 'imports' | 'incidents' | 'collecting'> {
  return {
    cities: openCityTable({ ...place, table: cities }),
    imports: openImportTable({ ...place, table: imports }),
    incidents: openIncidentTable({ ...place, table: incidents }),
    collecting: openCollectingTable({ ...place, table: collecting }),
  };
}

/** The tables of a storage: the workspace's own, or that of a backup. */
export function openTables(
  config: Config,
  place: Pick<TableOptions, 'storage' | 'session' | 'scratch' | 'simulated'>,
): Record<TableName, DeltaTable> {
  const common = {
    ...place,
    checkpointCommits: config.table.checkpoint_commits,
    keepDays: config.table.keep_days,
  };
  const plain = { ...common, partitionColumns: [] };
  const rejected = openTable({ ...plain, name: 'rejected', columns: REJECTED_COLUMNS });
  const observations: DeltaTable = openTable({
    ...common,
    name: 'observations',
    columns: OBSERVATION_COLUMNS,
    partitionColumns: ['observed_month'],
    async prove(state) {
      const findings = { sums: {}, differences: [] };
      const { session } = place;
      await verifyOffsets(
        { session, observations, rejected },
        state,
        await rejected.refresh(),
        findings,
      );
      return findings.differences;
    },
  });
  return {
    observations,
    rejected,
    cities: openTable({ ...plain, name: 'cities', columns: CITY_COLUMNS }),
    imports: openTable({ ...plain, name: 'imports', columns: IMPORT_COLUMNS }),
    incidents: openTable({ ...plain, name: 'incidents', columns: INCIDENT_COLUMNS }),
    collecting: openTable({ ...plain, name: 'collecting', columns: COLLECTING_COLUMNS }),
  };
}

/** The folder of the real or of the simulated data. */
export function rootOf(config: Config, simulated: boolean): string {
  return simulated ? join(resolve(config.data), 'simulated') : resolve(config.data);
}

/** Whether the data root has a table: it was used before. */
export function hasData(config: Config, simulated: boolean): Promise<boolean> {
  const folder = join(rootOf(config, simulated), 'lake');
  const path = `${tableFolder('observations')}/_delta_log`;
  return isInStorage(config.lake, folder, simulated, path);
}

/** The leases of all processes that work on it. */
export function openWorkspaceLeases(
  workspace: Workspace,
  command: string,
  logger: Logger,
): Promise<Leases> {
  const heartbeatMs = workspace.config.lake.heartbeat_s * 1_000;
  return openLeases({ storage: workspace.storage, command, logger, heartbeatMs });
}

/** The configured source of observations. */
export type SourceChoice = 'openweathermap' | 'simulator' | 'none';

/**
 * `auto`: OpenWeatherMap with a key; without one the real data that is there, unpolled, rather than
 * made-up weather beside it; else the simulator.
 */
export async function chooseSource(config: Config): Promise<SourceChoice> {
  const { source } = config.collector;
  const hasKey = config.openweather.key !== '';
  if (source === 'openweathermap' && !hasKey) {
    throw new IsobarError('PROVIDER_KEY_MISSING', 'collector.source is openweathermap');
  }
  if (source !== 'auto') return source;
  if (hasKey) return 'openweathermap';
  return (await hasData(config, false)) ? 'none' : 'simulator';
}

/** The table of rejected records was called `set_aside` in 0.1.0, which had lakes on one machine only. */
async function renameTables(lakeFolder: string): Promise<void> {
  const [from, to] = ['set_aside', tableFolder('rejected')];
  const old = join(lakeFolder, dirname(to), from);
  if (!existsSync(old) || existsSync(join(lakeFolder, to))) return;
  try {
    await rename(old, join(lakeFolder, to));
  } catch (error) {
    // Another process may have renamed it.
    if (existsSync(join(lakeFolder, to))) return;
    throw translateFileError(error, old, 'DATA_UNWRITABLE');
  }
}

/** The folder for files in the making, without what dead processes left there. */
async function makeScratch(folder: string): Promise<string> {
  const scratch = join(folder, 'scratch');
  try {
    await mkdir(scratch, { recursive: true });
    for (const name of await readdir(scratch)) {
      const path = join(scratch, name);
      const entry = await stat(path).catch(() => null);
      if (entry !== null && Date.now() - entry.mtimeMs > SCRATCH_AGE_MS) {
        await rm(path, { recursive: true, force: true });
      }
    }
    return scratch;
  } catch (error) {
    throw translateFileError(error, folder, 'DATA_UNWRITABLE');
  }
}
