/** Upkeep of a workspace: what `isobar maintain` does, and `start` does hourly. */

import { cleanPublications } from '../analytics/publication.ts';
import { IsobarError } from '../errors.ts';
import { hasEnded, nameThisProcess } from '../lake/this-process.ts';
import type { Lease } from '../leases/held-lease.ts';
import { silentLogger } from '../logger.ts';
import type { SqlSession } from '../sql/engine.ts';
import { type Compacted, compact, compactSmall } from '../table/compaction.ts';
import { type ExportLease, openRawExporter, type RawExporter } from '../table/raw-export.ts';
import { tierOldMonths } from '../table/tiering.ts';
import { type Vacuumed, vacuum } from '../table/vacuum.ts';
import { openWorkspaceLeases, type Workspace } from './workspace.ts';

const MIB = 1024 * 1024;
/** Each refresh publishes, up to several times a minute, and old ones are not read again. */
const PUBLICATION_DAYS_MAX = 1;

export interface Maintenance {
  /** All months, or only these. */
  compact(signal?: AbortSignal, only?: readonly string[]): Promise<readonly Compacted[]>;
  /** The small files of months that have too many of them. */
  compactSmall(signal?: AbortSignal): Promise<readonly Compacted[]>;
  vacuum(signal?: AbortSignal): Promise<Vacuumed>;
  /** Moves months that are old to the archive; how much was changed. */
  archive(signal?: AbortSignal): Promise<number>;
  readonly exporter: RawExporter;
}

/** With the lease of the exporter when this process has it; else each export makes one. */
export async function openMaintenance(
  workspace: Workspace,
  exportLease: Lease | null = null,
): Promise<Maintenance> {
  const { config, storage, scratch, observations, simulated } = workspace;
  const session: SqlSession = await workspace.session();
  const files = { storage, scratch, observations };
  const compaction = {
    ...files,
    session,
    simulated,
    fileBytesMax: config.table.file_mib_max * MIB,
  };
  return {
    compact: (signal, only) => compact(compaction, signal, only),
    compactSmall: (signal) => compactSmall(compaction, config.table.small_files_max, signal),
    async vacuum(signal) {
      const keepDays = config.table.keep_days;
      const sum = { dataFiles: 0, commits: 0, bytes: 0 };
      for (const table of workspace.tables) {
        const done = await vacuum({ table, storage, keepDays }, signal);
        sum.dataFiles += done.dataFiles;
        sum.commits += done.commits;
        sum.bytes += done.bytes;
      }
      const publicationDays = Math.min(keepDays, PUBLICATION_DAYS_MAX);
      sum.dataFiles += await cleanPublications(storage, publicationDays);
      return sum;
    },
    archive(signal) {
      const { archive_after_months, archive_policy, archive_replication } = config.lake.hdfs;
      const replication = archive_replication === 0 ? null : archive_replication;
      const tier = { policy: archive_policy, replication };
      return tierOldMonths(
        { observations, storage, tier, afterMonths: archive_after_months },
        signal,
      );
    },
    exporter: openRawExporter({
      ...files,
      session: await workspace.session(),
      lease: async () =>
        exportLease === null
          ? leaseExport(workspace)
          : asExportLease(exportLease, { [Symbol.asyncDispose]: async () => {} }),
      openHourSeconds: config.table.raw_export_open_hour_s,
      openHourRowsMax: config.table.raw_export_open_hour_rows_max,
    }),
  };
}

function asExportLease(lease: Lease, close: AsyncDisposable): ExportLease {
  return {
    name: lease.name,
    get isHeld() {
      return lease.isHeld;
    },
    process: nameThisProcess(),
    hasEnded,
    [Symbol.asyncDispose]: () => close[Symbol.asyncDispose](),
  };
}

/** For one export; whoever has the role names himself to the one who asks. */
async function leaseExport(workspace: Workspace): Promise<ExportLease> {
  const leases = await openWorkspaceLeases(workspace, 'isobar maintain', silentLogger);
  await using stack = new AsyncDisposableStack();
  stack.use(leases);
  const lease = await leases.take('export', 0);
  if (lease !== null) return asExportLease(lease, stack.move());
  const holder = leases.seen.find(({ role }) => role === 'export');
  const who =
    holder === undefined
      ? 'another process does it'
      : `process ${holder.pid} on ${holder.host} (${holder.command}) does it since ${holder.since}`;
  throw new IsobarError('DATA_IN_USE', `exporting raw files: ${who}`);
}
