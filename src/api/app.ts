/**
 * The HTTP API.
 *
 * One request: `http.ts` (who asks) → Fastify checks the parameters by the route table →
 * the route parses them → `versions.ts` says which table and analytics are answered from →
 * `answers.ts` finds the data in the cache or has it computed → meta, ETag, compression.
 */
import type { FastifyInstance } from 'fastify';
import { parseTrustedProxies } from '../config/trusted-proxies.ts';
import { asIsobarError } from '../errors.ts';
import { type Answers, openAnswers } from './answers.ts';
import { addApiMetrics } from './api-metrics.ts';
import type { ApiContext } from './context.ts';
import { openHttp } from './http.ts';
import { type Live, openLive } from './live.ts';
import { LiveStatisticsReader } from './live-statistics.ts';
import { localOffsets } from './local-offsets.ts';
import { openMetrics } from './metrics.ts';
import { formatPosition } from './position.ts';
import { NoQuerySchema } from './query-schemas.ts';
import { openRateLimiting } from './rate-limiting.ts';
import { openReader } from './reader.ts';
import { addAccessRoutes } from './routes/access.ts';
import { addAlertRoutes } from './routes/alerts.ts';
import { addAnomalyEventsRoute } from './routes/anomaly-events.ts';
import { addCitiesRoute } from './routes/cities.ts';
import { addClimateRoutes } from './routes/climate.ts';
import { addDatasetRoutes } from './routes/datasets.ts';
import { addEnginesRoute } from './routes/engines.ts';
import { addEventsRoute } from './routes/events.ts';
import { addExplainRoute } from './routes/explain.ts';
import { addForecastRoute } from './routes/forecast.ts';
import { addLiveStatisticsRoutes } from './routes/live-statistics.ts';
import { addOidcRoutes } from './routes/oidc.ts';
import { addOperationRoutes } from './routes/operation.ts';
import { addOutageRoutes } from './routes/outages.ts';
import { addPageRoutes } from './routes/pages.ts';
import { addQualityFlagsRoute } from './routes/quality-flags.ts';
import { addRawDataRoute } from './routes/raw-data.ts';
import { addRecentHourRoutes } from './routes/recent-hours.ts';
import { addSeriesRoutes } from './routes/series.ts';
import { addSpellRoutes } from './routes/spells.ts';
import { addStationDriftRoute } from './routes/station-drift.ts';
import { addSummaryRoutes } from './routes/summaries.ts';
import { openRows } from './rows.ts';
import type { Server } from './server.ts';
import { openSharedAnswers } from './shared/answers.ts';
import { openStatusWatch } from './status-watch.ts';
import { openTail, type Tail } from './tail.ts';
import { type Current, openVersions, type Versions } from './versions.ts';

const STATUS_MS = 1_000;
const TAIL_RETRY_MS = 1_000;

/**
 * Everything but listening. Resolves once the versions that are there can be answered from, or
 * with answers that say why not; `close()` says good-bye to the viewers and lets go of everything.
 */
export async function buildApp(context: ApiContext): Promise<FastifyInstance> {
  const clock = context.clock ?? (() => new Date());
  const stop = new AbortController();
  const { signal } = stop;
  const reader = openReader(context);
  const answers = openContextAnswers(context, clock);
  const versions = openVersions(context, reader, answers.warm);
  await versions.refresh();

  let tail: Tail | null = null;
  const live = openLive({
    logId: context.log?.id ?? null,
    tail: () => tail,
    simulated: context.simulated,
    viewersMax: context.config.events_max,
    tracer: context.tracer,
    landed: (partition, offset) => BigInt(lastLanded(partition) ?? -1) >= offset,
  });
  const server: Server = {
    context,
    clock,
    reader,
    rows: openRows(context.publications),
    versions,
    liveStatistics: new LiveStatisticsReader(context, () => tail),
    answers,
    ...openContextLimiting(context),
    status: openStatusWatch(() => context.status()),
    get tail() {
      return tail;
    },
    position: () => formatPosition(live.position()),
    publishStatus() {
      // /healthz reports that the status is not available.
      publishStatus(server, live).catch((error: unknown) => {
        context.logger.debug({ err: error }, 'the status is not available');
      });
    },
  };

  function lastLanded(partition: number): number | null {
    const snapshot = snapshotOf(versions);
    return snapshot === null ? null : context.lastLanded(snapshot, partition);
  }

  let isTailAway = false;
  async function startTail(): Promise<void> {
    const { log } = context;
    if (log === null || signal.aborted) return;
    try {
      tail = await openTail({
        log,
        logger: context.logger,
        firstWaiting: (partition) => {
          const last = lastLanded(partition);
          return last === null ? null : BigInt(last) + 1n;
        },
        onEvents: (events) => live.publishRecords(events),
        onSkip: () => live.reset('more events came at once than can be sent'),
      });
      live.reset('the log can be followed again');
      if (isTailAway) context.logger.info('following the log: it can be read again');
      isTailAway = false;
      void tail.run(signal);
    } catch (error) {
      const { code, message } = asIsobarError(error);
      if (!isTailAway) context.logger.warn({ code }, `following the log: ${message}; trying again`);
      isTailAway = true;
      setTimeout(() => void startTail(), TAIL_RETRY_MS).unref();
    }
  }

  await startTail();
  publishVersions(versions, live, server.liveStatistics);
  server.publishStatus();
  const watch = setInterval(() => {
    if (live.counts.viewers > 0) server.publishStatus();
  }, STATUS_MS);
  signal.addEventListener('abort', () => clearInterval(watch));
  versions.start();
  return createApp(server, live, async () => {
    stop.abort();
    await Promise.all([live.close(), versions.close(), server.liveStatistics.settled()]);
  });
}

/** Whose word about the visitor is believed, and how much may be asked. */
function openContextLimiting({
  rateLimits,
  config: { limits, trusted_proxies },
}: ApiContext): Pick<Server, 'proxies' | 'limiting'> {
  const proxies = parseTrustedProxies(trusted_proxies);
  const limiting = rateLimits && openRateLimiting({ limits, counts: rateLimits, proxies });
  return { proxies, limiting };
}

function openContextAnswers(context: ApiContext, clock: () => Date): Answers {
  const { simulated, cities, sharedCache } = context;
  return openAnswers({
    clock,
    simulated,
    offsetOf: localOffsets(cities),
    shared: sharedCache && openSharedAnswers(sharedCache, context),
  });
}

function snapshotOf(versions: Versions) {
  try {
    return versions.current().conditions.snapshot;
  } catch {
    // Without a version, nothing has landed either.
    return null;
  }
}

function publishVersions(versions: Versions, live: Live, statistics: LiveStatisticsReader): void {
  const publish = (current: Current) => {
    const { conditions, publication } = current;
    statistics.move(current);
    live.publishVersion({
      table_version: conditions.snapshot.version < 0 ? null : conditions.snapshot.version,
      analytics_version: publication?.version ?? null,
      observed_to: conditions.observedTo,
    });
  };
  if (snapshotOf(versions) !== null) publish(versions.current());
  versions.onMove(publish);
}

async function publishStatus(server: Server, live: Live): Promise<void> {
  const { collector, log, landing, analytics, alerts } = await server.status.get();
  live.publishStatus({
    collector: collector && { state: collector.state, message: collector.message },
    log_full: log.full,
    landing_error: landing.error,
    analytics_error: analytics.error,
    incidents: alerts?.incidents ?? null,
  });
}

/** The server with all its routes. */
async function createApp(
  server: Server,
  live: Live,
  stop: () => Promise<void>,
): Promise<FastifyInstance> {
  const { context, limiting } = server;
  const app = openHttp(server);
  const metrics = openMetrics();
  addApiMetrics(app, metrics, server, live);
  app.addHook('preClose', stop);
  app.addHook('onClose', async () => {
    await server.reader[Symbol.asyncDispose]();
    await limiting?.[Symbol.asyncDispose]();
  });
  addDatasetRoutes(app, server);
  addRawDataRoute(app, server);
  addQualityFlagsRoute(app, server);
  addStationDriftRoute(app, server);
  addAnomalyEventsRoute(app, server);
  addSeriesRoutes(app, server);
  addClimateRoutes(app, server);
  addSummaryRoutes(app, server);
  addSpellRoutes(app, server);
  addCitiesRoute(app, server);
  addExplainRoute(app, server);
  addEventsRoute(app, server, live);
  addOutageRoutes(app, server);
  addLiveStatisticsRoutes(app, server);
  addRecentHourRoutes(app, server);
  addForecastRoute(app, server);
  addAlertRoutes(app, server);
  addAccessRoutes(app, server);
  addOidcRoutes(app, server);
  addOperationRoutes(app, server, metrics, { querystring: NoQuerySchema });
  addEnginesRoute(app, server, { querystring: NoQuerySchema });
  addPageRoutes(app, context);
  await app.ready();
  return app;
}
