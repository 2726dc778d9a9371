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
  const requests = registry.counter('isobar_api_requests_total', 'Requests answered.');
  const durations = registry.histogram(
    'isobar_api_request_duration_seconds',
    'Time from a request to its answer.',
    DURATION_BOUNDS_S,
  );
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    requests.add({ route, method: request.method, status: String(reply.statusCode) });
    durations.observe(reply.elapsedTime / 1_000, { route });
  });

  const one = (read: () => number) => (): Iterable<readonly [Labels, number]> => [[{}, read()]];
  const { answers, reader, rows, versions } = server;
  registry.total(
    'isobar_api_queries_total',
    'Queries of the engine.',
    one(() => reader.queryCount),
  );
  registry.total(
    'isobar_api_ranges_computed_total',
    'Datasets computed over a range.',
    one(() => rows.computedCount),
  );
  registry.total('isobar_api_cache_lookups_total', 'Look-ups of kept answers, by outcome.', () => {
    const { hits, misses, shared } = answers.cache;
    return [
      [{ outcome: 'hit' }, hits],
      [{ outcome: 'miss' }, misses],
      [{ outcome: 'shared' }, shared],
    ];
  });
  registry.total(
    'isobar_api_cache_evictions_total',
    'Kept answers that made room.',
    one(() => answers.cache.evictions),
  );
  registry.gauge(
    'isobar_api_cache_bytes',
    'Size of kept answers.',
    one(() => answers.cache.bytes),
  );
  registry.gauge(
    'isobar_api_cache_entries',
    'Kept answers.',
    one(() => answers.cache.entries),
  );
  registry.gauge(
    'isobar_api_event_viewers',
    'Open streams.',
    one(() => live.counts.viewers),
  );
  registry.total(
    'isobar_api_events_total',
    'Events made.',
    one(() => live.counts.events),
  );
  registry.total(
    'isobar_api_event_viewers_dropped_total',
    'Viewers that read too slowly.',
    one(() => live.counts.dropped),
  );
  registry.gauge(
    'isobar_api_versions_failing',
    'Whether the newest version cannot be read.',
    one(() => Number(versions.failure !== null)),
  );
  registry.gauge(
    'process_resident_memory_bytes',
    'Resident memory of the process.',
    one(() => memoryUsage.rss()),
  );
  registry.total(
    'process_cpu_seconds_total',
    'Processor time of the process.',
    one(() => {
      const { userCPUTime, systemCPUTime } = resourceUsage();
      return (userCPUTime + systemCPUTime) / 1_000_000;
    }),
  );
}
