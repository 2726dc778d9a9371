/** The status of a workspace, worked out from its rooms; the same for the API and the command. */

import { readPublication } from '../analytics/publication.ts';
import type { RefreshLoop } from '../analytics/refresh-loop.ts';
import type { Collector } from '../collector/collector.ts';
import { asIsobarError, ERRORS, IsobarError, isErrorCode } from '../errors.ts';
import { openLeasesReader, type ReadLease } from '../leases/leases-reader.ts';
import type { Log, LogSize, WaitingRecords } from '../log/log.ts';
import type {
  AnalyticsStatus,
  ExportStatus,
  LeaseStatus,
  LogStatus,
  RoomError,
  SpoolStatus,
  Status,
  TableStatus,
  WorkStatus,
} from '../model/status.ts';
import { type ExportCursor, readCursor } from '../table/export-documents.ts';
import type { LandingLoop } from '../table/landing-loop.ts';
import { type TableState, writeRefusal } from '../table/snapshot.ts';
import { REJECTED_COLUMNS } from '../table/table.ts';
import { nextOffset } from '../table/transactions.ts';
import { type ComputingStatus, computingStatus, readComputing } from './computing-status.ts';
import { readProcess } from './process-memory.ts';
import type { Workspace } from './workspace.ts';

/** Loops that run in this process; null where another process has them, or none. */
export interface RunningRooms {
  readonly collector: Collector | null;
  readonly landing: LandingLoop | null;
  readonly analytics: RefreshLoop | null;
  readonly exports: { readonly failure: RoomError | null } | null;
}

export interface StatusReader {
  read(): Promise<Status>;
}

export async function openStatusReader(
  workspace: Workspace,
  running: RunningRooms,
  version: string,
): Promise<StatusReader> {
  const session = await workspace.session();
  const startedAt = new Date().toISOString();
  const failures = openFailures();
  const leases = openLeasesReader({ storage: workspace.storage });
  let partitions: { readonly list: LogStatus['partitions']; readonly at: number } | null = null;
  let reasons = { version: -2, counts: {} as Record<string, number> };

  async function workStatus(): Promise<WorkStatus> {
    return { leases: (await leases.read()).map(leaseStatus), error: null };
  }

  async function logStatus(): Promise<LogStatus> {
    const log = await workspace.log();
    const size = await log.size().catch((error) => {
      if (!isErrorCode(error, 'LOG_UNAVAILABLE')) throw error;
      return UNKNOWN_SIZE;
    });
    const { waiting } = size;
    let error = waiting?.error ? failures.of('log', waiting.error) : null;
    try {
      partitions = { list: await partitionStatus(log, size.keptMs), at: performance.now() };
    } catch (cause) {
      if (partitions === null && !isErrorCode(cause, 'LOG_UNAVAILABLE')) throw cause;
      error ??= failures.of('log', asIsobarError(cause));
    }
    const { list, at } = partitions ?? { list: unseenPartitions(log), at: performance.now() };
    return {
      engine: workspace.config.log.engine,
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
  function unseenPartitions(log: Log): LogStatus['partitions'] {
    const state = workspace.observations.latest;
    return Array.from({ length: log.partitionCount }, (_, partition) => {
      const next = state === null ? 0 : Number(nextOffset(state, log.id, partition));
      return { partition, first: next, next, waiting: 0, lag_s: 0, expires_in_s: null };
    });
  }

  async function partitionStatus(
    log: Log,
    keptMs: number | null,
  ): Promise<LogStatus['partitions']> {
    const state = await newestKnown();
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
  async function newestKnown(): Promise<TableState | null> {
    const refreshing = workspace.observations.refresh();
    const { latest } = workspace.observations;
    return (latest === null ? refreshing : orTooLate(refreshing, 'table', LAKE_MS)).catch(
      () => workspace.observations.latest,
    );
  }

  async function tableStatus(): Promise<TableStatus> {
    const state = await workspace.observations.refresh();
    return {
      version: state.version,
      committed_at: state.committedAt?.toISOString() ?? null,
      rows: state.rowCount,
      files: state.files.length,
      bytes: state.files.reduce((sum, file) => sum + file.bytes, 0),
      rejected: await countRejected(),
      error: refusalOf(),
    };
  }

  /** Why nothing is written although everything can be read. */
  function refusalOf(): RoomError | null {
    for (const { latest, folder } of workspace.tables) {
      const error = latest === null ? null : writeRefusal(latest, folder);
      if (error !== null) return failures.of('table', error);
    }
    return null;
  }

  /** Counted once per version of `rejected`. */
  async function countRejected(): Promise<Record<string, number>> {
    const state = await workspace.rejected.refresh();
    if (state.version === reasons.version) return reasons.counts;
    const paths = await workspace.rejected.localPaths(state.files);
    await session.define('status_rejected', paths, REJECTED_COLUMNS);
    const rows = await session.query<{ kind: string; records: number }>(`
      SELECT CASE WHEN starts_with(reason, 'invalid') THEN 'invalid' ELSE reason END AS kind,
        CAST(sum(coalesce(log_offset_last, log_offset) - log_offset + 1) AS BIGINT) AS records
      FROM status_rejected GROUP BY ALL ORDER BY kind`);
    const counts = Object.fromEntries(rows.map(({ kind, records }) => [kind, records]));
    reasons = { version: state.version, counts };
    return counts;
  }

  async function analyticsStatus(): Promise<AnalyticsStatus> {
    const newest = await readPublication(workspace.storage, running.analytics?.newest ?? null);
    return {
      engine: workspace.config.analytics.engine,
      version: newest?.version ?? 0,
      table_version: newest?.table_version ?? -1,
      computed_at: newest?.computed_at ?? null,
      ...(await computing()),
    };
  }

  /** By its own word, or by what the process that computes says with its lease. */
  async function computing(): Promise<ComputingStatus> {
    const own = computingStatus(workspace.computing, running.analytics);
    if (running.analytics !== null) return own;
    const analyzer = (await leases.read()).find(({ role }) => role === 'analyze');
    return readComputing(analyzer?.text.detail) ?? own;
  }

  async function exportStatus(): Promise<ExportStatus | null> {
    if (!workspace.config.table.raw_export) return null;
    let cursor: ExportCursor;
    try {
      cursor = await readCursor(workspace.storage);
    } catch (error) {
      if (!isErrorCode(error, 'TABLE_CORRUPT', 'FILE_NOT_REGULAR', 'FILE_TOO_LARGE')) throw error;
      const failure = failures.of('export', asIsobarError(error));
      return { table_version: -1, exported_at: null, error: failure };
    }
    const times = Object.values(cursor.pending).filter((time) => time !== null);
    return {
      table_version: cursor.table_version,
      exported_at: times.sort().at(-1) ?? null,
      error: running.exports?.failure ?? null,
    };
  }

  const lastWork = keepLast('work', workStatus);
  const lastLog = keepLast('log', logStatus, (last, passedMs) => ({
    ...last,
    partitions: olderBy(last.partitions, passedMs),
  }));
  const lastTable = keepLast('table', tableStatus);
  const lastAnalytics = keepLast('analytics', analyticsStatus);
  const lastExport = keepLast('export', exportStatus);

  /**
   * What the room says, or what it said last with the reason why it says nothing now. A room
   * that takes too long is not waited for: callers get the last status and the reason.
   */
  function keepLast<T extends { readonly error: RoomError | null } | null>(
    room: 'work' | 'log' | 'table' | 'analytics' | 'export',
    read: () => Promise<T>,
    grow: (last: T & {}, passedMs: number) => T & {} = (last) => last,
  ): () => Promise<T> {
    let last: T | null = null;
    let lastAt = 0;
    let reading: Promise<T> | null = null;
    return async () => {
      reading ??= read()
        .then((found) => {
          [last, lastAt] = [found, performance.now()];
          if (found?.error === null) failures.forget(room);
          return found;
        })
        .finally(() => {
          reading = null;
        });
      try {
        return await (last === null ? reading : orTooLate(reading, room));
      } catch (error) {
        if (last === null) throw error;
        const grown = grow(last, performance.now() - lastAt);
        return { ...grown, error: last.error ?? failures.of(room, asIsobarError(error)) };
      }
    };
  }

  return {
    async read() {
      const rooms = [lastWork(), lastLog(), lastTable(), lastAnalytics(), lastExport()] as const;
      const [work, log, table, analytics, rawExport] = await Promise.all(rooms);
      return {
        version,
        started_at: startedAt,
        simulated: workspace.simulated,
        data: workspace.folder,
        process: await readProcess(workspace.engine),
        work,
        collector: running.collector?.status() ?? null,
        log,
        landing: running.landing?.status() ?? {
          last_landed_at: null,
          last_rows: 0,
          error: null,
        },
        table,
        analytics,
        raw_export: rawExport,
      };
    },
  };
}

const UNKNOWN_SIZE: LogSize = {
  bytes: 0,
  bytesMax: 0,
  records: 0n,
  full: false,
  keptMs: null,
  waiting: null,
};
const ANSWER_MS = 1_500;
/** The log's own answer waits less for what the lake adds to it. */
const LAKE_MS = 500;

/** Rejects without an answer in time; what comes later is kept for the next one who asks. */
async function orTooLate<T>(reading: Promise<T>, room: string, ms = ANSWER_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const code = room === 'log' ? 'LOG_UNAVAILABLE' : 'LAKE_UNAVAILABLE';
    late.reject(new IsobarError(code, `no answer within ${ms} ms`));
  }, ms);
  reading.catch(() => {});
  try {
    return await Promise.race([reading, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Since when each room fails as it does now. */
function openFailures() {
  const known = new Map<string, RoomError>();
  return {
    of(room: string, { code, message }: IsobarError): RoomError {
      const before = known.get(room);
      const since = before?.code === code ? before.since : new Date().toISOString();
      const failure = { code, message, remedy: ERRORS[code].remedy, since };
      known.set(room, failure);
      return failure;
    },
    forget: (room: string) => void known.delete(room),
  };
}

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
