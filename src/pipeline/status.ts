/** The status of a workspace, worked out from its rooms; the same for the API and the command. */

import { readPublication } from '../analytics/publication.ts';
import { qualityStatus } from '../analytics/published-quality.ts';
import type { QualityLoop } from '../analytics/quality-loop.ts';
import type { RecomputeLoop } from '../analytics/recompute-loop.ts';
import type { RefreshLoop } from '../analytics/refresh-loop.ts';
import type { Collector } from '../collector/collector.ts';
import { asIsobarError, isErrorCode } from '../errors.ts';
import type { IndexLoop } from '../index/index-loop.ts';
import { openLeasesReader, type ReadLease } from '../leases/leases-reader.ts';
import type { Log, LogSize, WaitingRecords } from '../log/log.ts';
import type {
  AlertsStatus,
  AnalyticsStatus,
  CacheStatus,
  CertificateStatus,
  ExportStatus,
  ForecastStatus,
  IndexStatus,
  LandingStatus,
  LeaseStatus,
  LogStatus,
  RoomError,
  SpoolStatus,
  Status,
  StreamingStatus,
  TableStatus,
  WorkStatus,
} from '../model/status.ts';
import type { SqlSession } from '../sql/engine.ts';
import { type ExportCursor, readCursor } from '../table/export-documents.ts';
import type { LandingLoop } from '../table/landing-loop.ts';
import { type TableState, writeRefusal } from '../table/snapshot.ts';
import { REJECTED_COLUMNS } from '../table/table.ts';
import { nextOffset } from '../table/transactions.ts';
import { type ComputingStatus, computingStatus, readComputing } from './computing-status.ts';
import { forecastStatusOf } from './forecasting.ts';
import { keepLast, openFailures, orTooLate } from './last-known.ts';
import { readProcess } from './process-memory.ts';
import { streamingOf } from './streaming-status.ts';
import type { Workspace } from './workspace.ts';

/** Loops that run in this process; null where another process has them, or none. */
export interface RunningRooms {
  readonly collector: Collector | null;
  readonly landing: LandingLoop | null;
  readonly analytics: RefreshLoop | null;
  readonly recomputing: RecomputeLoop | null;
  readonly checking: QualityLoop | null;
  readonly exports: { readonly failure: RoomError | null } | null;
  readonly cache: { status(): CacheStatus } | null;
  readonly certificate: { status(): CertificateStatus } | null;
  readonly index: IndexLoop | null;
  readonly streaming: { readonly status: StreamingStatus } | null;
  readonly forecasts: { readonly status: ForecastStatus } | null;
}

export const NOTHING_RUNS = {
  collector: null,
  landing: null,
  analytics: null,
  recomputing: null,
  checking: null,
  exports: null,
  cache: null,
  certificate: null,
  index: null,
  streaming: null,
  forecasts: null,
} as const satisfies RunningRooms;

export interface StatusReader {
  read(): Promise<Status>;
}

export async function openStatusReader(
  workspace: Workspace,
  running: RunningRooms,
  version: string,
  alerts: { status(): AlertsStatus } | null = null,
): Promise<StatusReader> {
  return new WorkspaceStatus(workspace, running, version, await workspace.session(), alerts);
}

class WorkspaceStatus implements StatusReader {
  readonly #workspace: Workspace;
  readonly #running: RunningRooms;
  readonly #version: string;
  readonly #session: SqlSession;
  readonly #alerts: { status(): AlertsStatus } | null;
  readonly #startedAt = new Date().toISOString();
  readonly #failures = openFailures();
  readonly #leases;
  readonly #rooms;
  #partitions: { readonly list: LogStatus['partitions']; readonly at: number } | null = null;
  #reasons = { version: -2, counts: {} as Record<string, number> };

  constructor(
    workspace: Workspace,
    running: RunningRooms,
    version: string,
    session: SqlSession,
    alerts: { status(): AlertsStatus } | null,
  ) {
    this.#alerts = alerts;
    this.#workspace = workspace;
    this.#running = running;
    this.#version = version;
    this.#session = session;
    this.#leases = openLeasesReader({ storage: workspace.storage });
    const failures = this.#failures;
    this.#rooms = {
      work: keepLast(failures, 'work', () => this.#workStatus()),
      log: keepLast(
        failures,
        'log',
        () => this.#logStatus(),
        (last, passedMs) => ({
          ...last,
          partitions: olderBy(last.partitions, passedMs),
        }),
      ),
      table: keepLast(failures, 'table', () => this.#tableStatus()),
      analytics: keepLast(failures, 'analytics', () => this.#analyticsStatus()),
      streaming: keepLast(failures, 'streaming', () => this.#streamingStatus()),
      forecast: keepLast(failures, 'forecast', () => this.#forecastStatus()),
      index: keepLast(failures, 'index', () => this.#indexStatus()),
      export: keepLast(failures, 'export', () => this.#exportStatus()),
    };
  }

  async read(): Promise<Status> {
    const { work, log, table, analytics, streaming, forecast, index } = this.#rooms;
    const { export: rawExport } = this.#rooms;
    const found = await Promise.all([
      ...([work(), log(), table(), analytics(), rawExport(), index(), streaming()] as const),
      forecast(),
    ]);
    return {
      version: this.#version,
      started_at: this.#startedAt,
      simulated: this.#workspace.simulated,
      data: this.#workspace.folder,
      process: await readProcess(this.#workspace.engine),
      work: found[0],
      collector: this.#running.collector?.status() ?? null,
      log: found[1],
      landing: this.#running.landing?.status() ?? NOT_LANDING,
      table: found[2],
      analytics: found[3],
      streaming: found[6],
      forecast: found[7],
      index: found[5],
      raw_export: found[4],
      alerts: this.#alerts?.status() ?? null,
      shared_cache: this.#running.cache?.status() ?? null,
      certificate: this.#running.certificate?.status() ?? null,
    };
  }

  async #workStatus(): Promise<WorkStatus> {
    return { leases: (await this.#leases.read()).map(leaseStatus), error: null };
  }

  async #logStatus(): Promise<LogStatus> {
    const log = await this.#workspace.log();
    const size = await log.size().catch((error) => {
      if (!isErrorCode(error, 'LOG_UNAVAILABLE')) throw error;
      return UNKNOWN_SIZE;
    });
    const { waiting } = size;
    let error = waiting?.error ? this.#failures.of('log', waiting.error) : null;
    try {
      this.#partitions = {
        list: await this.#partitionStatus(log, size.keptMs),
        at: performance.now(),
      };
    } catch (cause) {
      if (this.#partitions === null && !isErrorCode(cause, 'LOG_UNAVAILABLE')) throw cause;
      error ??= this.#failures.of('log', asIsobarError(cause));
    }
    const { list, at } = this.#partitions ?? {
      list: this.#unseenPartitions(log),
      at: performance.now(),
    };
    return {
      engine: this.#workspace.config.log.engine,
      id: log.id,
      bytes: size.bytes,
      bytes_max: size.bytesMax,
      full: size.full,
      partitions: olderBy(list, performance.now() - at),
      spool: waiting === null ? null : spoolStatus(waiting),
      error,
    };
  }

  /** Before the log could be read: only the landed offsets are known. */
  #unseenPartitions(log: Log): LogStatus['partitions'] {
    const state = this.#workspace.observations.latest;
    return Array.from({ length: log.partitionCount }, (_, partition) => {
      const next = state === null ? 0 : Number(nextOffset(state, log.id, partition));
      return { partition, first: next, next, waiting: 0, lag_s: 0, expires_in_s: null };
    });
  }

  async #partitionStatus(log: Log, keptMs: number | null): Promise<LogStatus['partitions']> {
    const state = await this.#newestKnown();
    const numbers = Array.from({ length: log.partitionCount }, (_, partition) => partition);
    return Promise.all(
      numbers.map(async (partition) => {
        const { first, next } = await log.range(partition);
        const landedUpTo = state === null ? first : nextOffset(state, log.id, partition);
        const oldest = next > landedUpTo ? await log.timeOf(partition, landedUpTo) : null;
        return {
          partition,
          first: Number(first),
          next: Number(next),
          waiting: Math.max(0, Number(next - landedUpTo)),
          ...(oldest === null
            ? { lag_s: 0, expires_in_s: first > landedUpTo && keptMs !== null ? 0 : null }
            : aged(Math.max(0, (Date.now() - oldest.getTime()) / 1_000), keptMs)),
        };
      }),
    );
  }

  /** While the lake cannot be reached, what has landed is what was known before. */
  async #newestKnown(): Promise<TableState | null> {
    const refreshing = this.#workspace.observations.refresh();
    const { latest } = this.#workspace.observations;
    return (latest === null ? refreshing : orTooLate(refreshing, 'table', LAKE_MS)).catch(
      () => this.#workspace.observations.latest,
    );
  }

  async #tableStatus(): Promise<TableStatus> {
    const state = await this.#workspace.observations.refresh();
    return {
      version: state.version,
      committed_at: state.committedAt?.toISOString() ?? null,
      rows: state.rowCount,
      files: state.files.length,
      bytes: state.files.reduce((sum, file) => sum + file.bytes, 0),
      rejected: await this.#countRejected(),
      error: this.#refusalOf(),
    };
  }

  /** Why nothing is written although everything can be read. */
  #refusalOf(): RoomError | null {
    for (const { latest, folder } of this.#workspace.tables) {
      const error = latest === null ? null : writeRefusal(latest, folder);
      if (error !== null) return this.#failures.of('table', error);
    }
    return null;
  }

  /** Counted once per version of `rejected`. */
  async #countRejected(): Promise<Record<string, number>> {
    const state = await this.#workspace.rejected.refresh();
    if (state.version === this.#reasons.version) return this.#reasons.counts;
    const paths = await this.#workspace.rejected.localPaths(state.files);
    await this.#session.define('status_rejected', paths, REJECTED_COLUMNS);
    const rows = await this.#session.query<{ kind: string; records: number }>(`
      SELECT CASE WHEN starts_with(reason, 'invalid') THEN 'invalid' ELSE reason END AS kind,
        CAST(sum(coalesce(log_offset_last, log_offset) - log_offset + 1) AS BIGINT) AS records
      FROM status_rejected GROUP BY ALL ORDER BY kind`);
    const counts = Object.fromEntries(rows.map(({ kind, records }) => [kind, records]));
    this.#reasons = { version: state.version, counts };
    return counts;
  }

  /** By its own word, or by what the process that runs it says with its lease. */
  async #streamingStatus(): Promise<StreamingStatus | null> {
    if (!this.#workspace.config.streaming.enabled) return null;
    const own = this.#running.streaming;
    if (own !== null) return own.status;
    const holder = (await this.#leases.read()).find(({ role }) => role === 'stream');
    return streamingOf(holder ?? null);
  }

  async #forecastStatus(): Promise<ForecastStatus | null> {
    if (!this.#workspace.config.forecast.enabled) return null;
    const own = this.#running.forecasts;
    if (own !== null) return own.status;
    const holder = (await this.#leases.read()).find(({ role }) => role === 'forecast');
    return forecastStatusOf(holder ?? null);
  }

  async #analyticsStatus(): Promise<AnalyticsStatus> {
    const newest = await readPublication(
      this.#workspace.storage,
      this.#running.analytics?.newest ?? null,
    );
    return {
      engine: this.#workspace.config.analytics.engine,
      version: newest?.version ?? 0,
      table_version: newest?.table_version ?? -1,
      computed_at: newest?.computed_at ?? null,
      quality: newest === null ? null : qualityStatus(newest),
      ...(await this.#computing()),
    };
  }

  /** By its own word, or by what the process that computes says with its lease. */
  async #computing(): Promise<ComputingStatus> {
    const { analytics, recomputing, checking } = this.#running;
    const own = computingStatus(this.#workspace.computing, analytics, recomputing, checking);
    if (analytics !== null) return own;
    const analyzer = (await this.#leases.read()).find(({ role }) => role === 'analyze');
    return readComputing(analyzer?.text.detail) ?? own;
  }

  /** As the loop here knows it, else as the engine says. */
  async #indexStatus(): Promise<IndexStatus> {
    const { config, storage } = this.#workspace;
    const { index: loop, analytics } = this.#running;
    let error = loop?.failure ?? null;
    const look = async () => (await this.#workspace.index()).state();
    const fail = (cause: unknown) => {
      error ??= this.#failures.of('index', asIsobarError(cause));
      return null;
    };
    const held = loop === null ? await look().catch(fail) : loop.held;
    const newest = loop?.published ?? (await readPublication(storage, analytics?.newest ?? null));
    return {
      engine: config.index.engine,
      version: held?.version ?? 0,
      analytics_version: newest?.version ?? 0,
      rows: held?.rows ?? 0,
      committed_at: held?.committedAt ?? null,
      error,
    };
  }

  async #exportStatus(): Promise<ExportStatus | null> {
    if (!this.#workspace.config.table.raw_export) return null;
    let cursor: ExportCursor;
    try {
      cursor = await readCursor(this.#workspace.storage);
    } catch (error) {
      if (!isErrorCode(error, 'TABLE_CORRUPT', 'FILE_NOT_REGULAR', 'FILE_TOO_LARGE')) throw error;
      const failure = this.#failures.of('export', asIsobarError(error));
      return { table_version: -1, exported_at: null, error: failure };
    }
    const times = Object.values(cursor.pending).filter((time) => time !== null);
    return {
      table_version: cursor.table_version,
      exported_at: times.sort().at(-1) ?? null,
      error: this.#running.exports?.failure ?? null,
    };
  }
}

const NOT_LANDING: LandingStatus = { last_landed_at: null, last_rows: 0, error: null };
const UNKNOWN_SIZE: LogSize = {
  bytes: 0,
  bytesMax: 0,
  records: 0n,
  full: false,
  keptMs: null,
  waiting: null,
};
/** The log's own answer waits less for what the lake adds to it. */
const LAKE_MS = 500;

function leaseStatus({ role, number, text, lastSignAt, isSilent }: ReadLease): LeaseStatus {
  const { host, pid, command, since } = text;
  const state = isSilent ? 'silent' : 'live';
  return { role, number, state, host, pid, command, since, last_sign_at: lastSignAt.toISOString() };
}

function spoolStatus({ records, bytes, bytesMax, since }: WaitingRecords): SpoolStatus {
  return {
    records: Number(records),
    bytes,
    bytes_max: bytesMax,
    since: since?.toISOString() ?? null,
  };
}

/** What waited then goes on waiting. */
function olderBy(list: LogStatus['partitions'], passedMs: number): LogStatus['partitions'] {
  const passed = passedMs / 1_000;
  return list.map((row) => {
    if (row.waiting === 0) return row;
    const left = row.expires_in_s === null ? null : Math.max(0, row.expires_in_s - passed);
    return { ...row, lag_s: row.lag_s + passed, expires_in_s: left };
  });
}

/** How old the oldest record that has not landed is, and how long it has left. */
function aged(lag: number, keptMs: number | null): { lag_s: number; expires_in_s: number | null } {
  return {
    lag_s: lag,
    expires_in_s: keptMs === null ? null : Math.max(0, keptMs / 1_000 - lag),
  };
}
