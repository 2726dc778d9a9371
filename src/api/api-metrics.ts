/** This room's own metrics. */
import type { FastifyInstance } from 'fastify';
import { addEngineMetrics } from './engine-metrics.ts';
import type { Live } from './live.ts';
import type { ServerMetrics, Values } from './metrics.ts';
import { openOwnFigures } from './own-figures.ts';
import type { Server } from './server.ts';

const DURATION_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function addApiMetrics(
  app: FastifyInstance,
  metrics: ServerMetrics,
  server: Server,
  live: Live,
): void {
  const requests = metrics.counter('isobar_api_requests_total');
  const durations = metrics.histogram('isobar_api_request_duration_seconds', DURATION_BOUNDS_S);
  let [answered, failed] = [0, 0];
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    answered += 1;
    if (reply.statusCode >= 500) failed += 1;
    requests.inc({ route, method: request.method, status: String(reply.statusCode) });
    durations.observe({ route }, reply.elapsedTime / 1_000);
  });

  const one = (read: () => number) => (): Values => [[{}, read()]];
  const { answers, context, reader, rows, versions } = server;
  const { engines, config } = context;
  addEngineMetrics(metrics, engines);
  engines?.add(
    openOwnFigures({
      address: `${config.host}:${config.port}`,
      durations,
      requests: () => ({ all: answered, failed }),
      cache: () => answers.cache,
      live,
      engines,
    }),
  );
  metrics.read(
    'isobar_api_queries_total',
    one(() => reader.queryCount),
  );
  metrics.read(
    'isobar_api_ranges_computed_total',
    one(() => rows.computedCount),
  );
  metrics.read('isobar_api_cache_lookups_total', () => {
    const { hits, misses, shared } = answers.cache;
    return [
      [{ outcome: 'hit' }, hits],
      [{ outcome: 'miss' }, misses],
      [{ outcome: 'shared' }, shared],
    ];
  });
  metrics.read(
    'isobar_api_cache_evictions_total',
    one(() => answers.cache.evictions),
  );
  metrics.read(
    'isobar_api_cache_bytes',
    one(() => answers.cache.bytes),
  );
  metrics.read(
    'isobar_api_cache_entries',
    one(() => answers.cache.entries),
  );
  addLiveStatisticsMetrics(metrics, server);
  addSharedCacheMetrics(metrics, server);
  addTracingMetrics(metrics, server);
  metrics.read(
    'isobar_api_event_viewers',
    one(() => live.counts.viewers),
  );
  metrics.read(
    'isobar_api_events_total',
    one(() => live.counts.events),
  );
  metrics.read(
    'isobar_api_event_viewers_dropped_total',
    one(() => live.counts.dropped),
  );
  metrics.read(
    'isobar_api_versions_failing',
    one(() => Number(versions.failure !== null)),
  );
}

function addLiveStatisticsMetrics(metrics: ServerMetrics, server: Server): void {
  metrics.read('isobar_api_live_rows_compared_total', () => {
    const { compared, different } = server.liveStatistics.counts;
    return [
      [{ outcome: 'equal' }, compared - different],
      [{ outcome: 'different' }, different],
    ];
  });
}

function addTracingMetrics(metrics: ServerMetrics, { context }: Server): void {
  const figures = () => context.tracer?.figures;
  metrics.read('isobar_tracing_exported_spans_total', () => {
    const exported = figures()?.exported;
    return exported === undefined ? [] : [[{}, exported]];
  });
  metrics.read('isobar_tracing_dropped_spans_total', () =>
    Object.entries(figures()?.dropped ?? {}).map(([reason, count]) => [{ reason }, count]),
  );
}

function addSharedCacheMetrics(metrics: ServerMetrics, { context }: Server): void {
  const { sharedCache } = context;
  if (sharedCache === null) return;
  metrics.read('isobar_api_shared_cache_lookups_total', () =>
    Object.entries(sharedCache.status().lookups).map(([outcome, count]) => [{ outcome }, count]),
  );
  metrics.read('isobar_api_shared_cache_failing', () => [
    [{}, Number(sharedCache.status().error !== null)],
  ]);
}
