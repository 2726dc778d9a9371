/** The steps as this process does them: those whose lease it holds run here, the others stand by. */

import { type QualityLoop, startQualityLoop } from '../analytics/quality-loop.ts';
import { type RecomputeLoop, startRecomputeLoop } from '../analytics/recompute-loop.ts';
import { type RefreshLoop, startRefreshLoop } from '../analytics/refresh-loop.ts';
import type { SharedCache } from '../api/shared/cache.ts';
import type { Certificate } from '../api/tls/certificate.ts';
import type { Collector } from '../collector/collector.ts';
import type { ForecastLoop } from '../forecast/forecast-loop.ts';
import type { IndexLoop } from '../index/index-loop.ts';
import type { Lease } from '../leases/held-lease.ts';
import type { Leases } from '../leases/leases.ts';
import { holdRole, type Share, sharePartitions } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import { TRACES_LOGGED_MAX } from '../model/trace.ts';
import type { StreamLoop } from '../streaming/stream-loop.ts';
import { type ExportLoop, startExportLoop } from '../table/export-loop.ts';
import { type LandingLoop, startLandingLoop } from '../table/landing-loop.ts';
import { type MaintenanceLoop, startMaintenanceLoop } from '../table/maintenance-loop.ts';
import { nextOffset } from '../table/transactions.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { computingStatus } from './computing-status.ts';
import { openMaintenance } from './maintenance.ts';
import { openPublishTraces, type PublishTraces } from './publish-traces.ts';
import { publishDetail } from './status-detail.ts';
import type { Workspace } from './workspace.ts';

/** Loops that run in this process; null where another process has them, or none. */
export interface Running {
  collector: Collector | null;
  landing: LandingLoop | null;
  analytics: RefreshLoop | null;
  /** Null as well where one engine computes everything. */
  recomputing: RecomputeLoop | null;
  /** Null as well where values are not checked. */
  checking: QualityLoop | null;
  exports: ExportLoop | null;
  maintenance: MaintenanceLoop | null;
  /** Null as well where none is configured. */
  cache: SharedCache | null;
  certificate: Certificate | null;
  index: IndexLoop | null;
  streaming: StreamLoop | null;
  forecasts: ForecastLoop | null;
}

export interface StepContext {
  readonly workspace: Workspace;
  readonly leases: Leases;
  readonly logger: Logger;
  readonly tracer: Tracer | undefined;
  readonly running: Running;
  /** Something landed or was published. */
  readonly onChange: () => void;
  /** Aborts when stopping has lasted long enough. */
  readonly deadline: AbortSignal;
}

/** Of the time that refreshes may take where machines are there for it: fresh numbers go first. */
const CLUSTER_SHARE = 0.3;

/** Computes the datasets while no other process does. */
export function analyze(context: StepContext): Promise<Share> {
  const { workspace, leases, logger, tracer, running, onChange } = context;
  return holdRole({ ...context, role: 'analyze' }, async (lease) => {
    const refresher = await workspace.refresher(logger);
    const { analytics } = workspace.config;
    const traces = await openTraces(context);
    const loop = startRefreshLoop({
      refresher,
      intervalSeconds: analytics.refresh_interval_s,
      delaySeconds: analytics.refresh_delay_s,
      ...(workspace.computing === workspace.engine ? {} : { share: CLUSTER_SHARE }),
      logger,
      tracer,
      onPublished(publication, begun) {
        begun?.stop();
        onChange();
        traces?.note(publication, begun);
      },
    });
    const recomputing =
      workspace.computing === workspace.engine
        ? null
        : startRecomputeLoop({
            refresher,
            intervalSeconds: analytics.spark.recompute_interval_s,
            logger,
            onRecomputed: onChange,
          });
    const { quality_interval_s } = analytics;
    const checking =
      quality_interval_s === 0
        ? null
        : startQualityLoop({
            ...{ refresher, intervalSeconds: quality_interval_s, logger, onChecked: onChange },
          });
    running.analytics = loop;
    running.recomputing = recomputing;
    running.checking = checking;
    const status = () => computingStatus(workspace.computing, loop, recomputing, checking);
    const unwatch = publishDetail(leases, lease, status);
    return {
      async stop() {
        unwatch();
        running.analytics = null;
        running.recomputing = null;
        running.checking = null;
        await checking?.stop();
        await recomputing?.stop();
        await loop.stop();
        await traces?.settle();
      },
    };
  });
}

/** Lands its share of the partitions; exports and maintains while no other process does. */
export async function land(context: StepContext): Promise<Share> {
  const { workspace, leases, logger, running, tracer, deadline } = context;
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
  const landing = await startLanding(workspace, logger, tracer);
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
  running.forecasts?.landed();
  onChange();
}

/** Null where nothing is done with the traces of a publication. */
async function openTraces({
  workspace,
  logger,
  tracer,
}: StepContext): Promise<PublishTraces | null> {
  const isOff = tracer === undefined && workspace.config.log_level !== 'debug';
  return isOff ? null : openPublishTraces(workspace, logger);
}

async function startLanding(
  workspace: Workspace,
  logger: Logger,
  tracer: Tracer | undefined,
): Promise<LandingLoop> {
  const log = await workspace.log();
  const { config, observations } = workspace;
  return startLandingLoop({
    sink: await workspace.sink({
      tracer,
      traceIdsMax: config.log_level === 'debug' ? TRACES_LOGGED_MAX : 0,
    }),
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
