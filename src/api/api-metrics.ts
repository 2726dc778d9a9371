/** This room's own metrics, and those of the process. */
import { memoryUsage, resourceUsage } from 'node:process';
import type { FastifyInstance } from 'fastify';
import type { Live } from './live.ts';
import type { Labels, Registry } from './metrics.ts';
import type { Server } from './server.ts';

const DURATION_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function addApiMetrics(
  app: FastifyInstance,
  registry: Registry,
  server: Server,
  live: Live,
): void {
  const requests = registry.counter('isobar_api_requests_total');
  const durations = registry.histogram('isobar_api_request_duration_seconds', DURATION_BOUNDS_S);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    requests.add({ route, method: request.method, status: String(reply.statusCode) });
    durations.observe(reply.elapsedTime / 1_000, { route });
  });

  const one = (read: () => number) => (): Iterable<readonly [Labels, number]> => [[{}, read()]];
  const { answers, reader, rows, versions } = server;
  registry.total(
    'isobar_api_queries_total',
    one(() => reader.queryCount),
  );
  registry.total(
    'isobar_api_ranges_computed_total',
    one(() => rows.computedCount),
  );
  registry.total('isobar_api_cache_lookups_total', () => {
    const { hits, misses, shared } = answers.cache;
    return [
      [{ outcome: 'hit' }, hits],
      [{ outcome: 'miss' }, misses],
      [{ outcome: 'shared' }, shared],
    ];
  });
  registry.total(
    'isobar_api_cache_evictions_total',
    one(() => answers.cache.evictions),
  );
  registry.gauge(
    'isobar_api_cache_bytes',
    one(() => answers.cache.bytes),
  );
  registry.gauge(
    'isobar_api_cache_entries',
    one(() => answers.cache.entries),
  );
  addSharedCacheMetrics(registry, server);
  registry.gauge(
    'isobar_api_event_viewers',
    one(() => live.counts.viewers),
  );
  registry.total(
    'isobar_api_events_total',
    one(() => live.counts.events),
  );
  registry.total(
    'isobar_api_event_viewers_dropped_total',
    one(() => live.counts.dropped),
  );
  registry.gauge(
    'isobar_api_versions_failing',
    one(() => Number(versions.failure !== null)),
  );
  registry.gauge(
    'process_resident_memory_bytes',
    one(() => memoryUsage.rss()),
  );
  registry.total(
    'process_cpu_seconds_total',
    one(() => {
      const { userCPUTime, systemCPUTime } = resourceUsage();
      return (userCPUTime + systemCPUTime) / 1_000_000;
    }),
  );
}

function addSharedCacheMetrics(registry: Registry, { context }: Server): void {
  const { sharedCache } = context;
  if (sharedCache === null) return;
  registry.total('isobar_api_shared_cache_lookups_total', () =>
    Object.entries(sharedCache.status().lookups).map(([outcome, count]) => [{ outcome }, count]),
  );
  registry.gauge('isobar_api_shared_cache_failing', () => [
    [{}, Number(sharedCache.status().error !== null)],
  ]);
}
