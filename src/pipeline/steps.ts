/** The steps as this process does them: those whose lease it holds run here, the others stand by. */

import { type RefreshLoop, startRefreshLoop } from '../analytics/refresh-loop.ts';
import type { SharedCache } from '../api/shared/cache.ts';
import type { Collector } from '../collector/collector.ts';
import type { IndexLoop } from '../index/index-loop.ts';
import type { Lease } from '../leases/held-lease.ts';
import type { Leases } from '../leases/leases.ts';
import { holdRole, type Share, sharePartitions } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import { type ExportLoop, startExportLoop } from '../table/export-loop.ts';
import { type LandingLoop, startLandingLoop } from '../table/landing-loop.ts';
import { type MaintenanceLoop, startMaintenanceLoop } from '../table/maintenance-loop.ts';
import { nextOffset } from '../table/transactions.ts';
import { computingStatus, publishComputing } from './computing-status.ts';
import { openMaintenance } from './maintenance.ts';
import type { Workspace } from './workspace.ts';

/** Loops that run in this process; null where another process has them, or none. */
export interface Running {
  collector: Collector | null;
  landing: LandingLoop | null;
  analytics: RefreshLoop | null;
  exports: ExportLoop | null;
  maintenance: MaintenanceLoop | null;
  /** Null as well where none is configured. */
  cache: SharedCache | null;
  index: IndexLoop | null;
}

export interface StepContext {
  readonly workspace: Workspace;
  readonly leases: Leases;
  readonly logger: Logger;
  readonly running: Running;
  /** Something landed or was published. */
  readonly onChange: () => void;
  /** Aborts when stopping has lasted long enough. */
  readonly deadline: AbortSignal;
}

/** Computes the datasets while no other process does. */
export function analyze(context: StepContext): Promise<Share> {
  const { workspace, leases, logger, running, onChange } = context;
  return holdRole({ ...context, role: 'analyze' }, async (lease) => {
    const loop = await startAnalytics(workspace, logger, onChange);
    running.analytics = loop;
    const status = () => computingStatus(workspace.computing, loop);
    const unwatch = publishComputing(leases, lease, status);
    return {
      async stop() {
        unwatch();
        running.analytics = null;
        await loop.stop();
      },
    };
  });
}

/** Lands its share of the partitions; exports and maintains while no other process does. */
export async function land(context: StepContext): Promise<Share> {
  const { workspace, leases, logger, running, deadline } = context;
  await using stack = new AsyncDisposableStack();
  if (workspace.config.table.raw_export) {
    const exporting = await holdRole({ ...context, role: 'export' }, async (lease) => {
      const loop = await startExporting(workspace, lease, logger);
      running.exports = loop;
      return {
        async stop() {
          await loop.stop();
          running.exports = null;
        },
      };
    });
    stack.defer(() => exporting.stop());
  }
  const maintaining = await holdRole({ ...context, role: 'maintain' }, async () => {
    const loop = await startMaintenance(workspace, logger);
    running.maintenance = loop;
    return {
      async stop() {
        running.maintenance = null;
        await loop.stop();
      },
    };
  });
  stack.defer(() => maintaining.stop());
  const log = await workspace.log();
  const landing = await startLanding(workspace, logger);
  running.landing = landing;
  const partitionCount = () => log.partitionCount;
  const sharing = await sharePartitions({ leases, partitionCount, landing, logger, deadline });
  stack.defer(async () => {
    await sharing.stop();
    // What landed on the way out is published too.
    await running.analytics?.refreshNow(deadline).catch(() => {});
  });
  const owned = stack.move();
  return { stop: () => owned.disposeAsync() };
}

/** Notifies the loops that follow the landings. */
export function landed({ running, onChange }: StepContext): void {
  running.analytics?.landed();
  running.exports?.landed();
  running.maintenance?.landed();
  onChange();
}

async function startAnalytics(
  workspace: Workspace,
  logger: Logger,
  onPublished: () => void,
): Promise<RefreshLoop> {
  const { config } = workspace;
  const refresher = await workspace.refresher(logger);
  return startRefreshLoop({
    refresher,
    intervalSeconds: config.analytics.refresh_interval_s,
    delaySeconds: config.analytics.refresh_delay_s,
    logger,
    onPublished,
  });
}

async function startLanding(workspace: Workspace, logger: Logger): Promise<LandingLoop> {
  const log = await workspace.log();
  const { config, observations } = workspace;
  return startLandingLoop({
    sink: await workspace.sink(),
    log,
    nextOffset: async (partition) =>
      nextOffset(observations.latest ?? (await observations.refresh()), log.id, partition),
    records: config.table.landing_records,
    ageSeconds: config.table.landing_age_s,
    logger,
  });
}

async function startExporting(
  workspace: Workspace,
  lease: Lease,
  logger: Logger,
): Promise<ExportLoop> {
  const { exporter } = await openMaintenance(workspace, lease);
  return startExportLoop({
    exportRaw: (signal, closing = false) =>
      exporter.run(signal === undefined ? { closing } : { closing, signal }),
    logger,
  });
}

async function startMaintenance(workspace: Workspace, logger: Logger): Promise<MaintenanceLoop> {
  const maintenance = await openMaintenance(workspace);
  const log = await workspace.log();
  return startMaintenanceLoop({
    async maintain(signal) {
      await maintenance.compact(signal);
      await maintenance.vacuum(signal);
      await maintenance.archive(signal);
      await log.trim();
    },
    async maintainSoon(signal) {
      await maintenance.compactSmall(signal);
    },
    intervalSeconds: workspace.config.table.maintenance_interval_s,
    logger,
  });
}
