/** Metrics of the process, with the names that other programs' have; prom-client reads them. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { counter, gauge, histogram } from './metric.ts';

export const PROCESS_METRICS = {
  process_cpu_user_seconds_total: counter('Processor time spent in the program.', 'seconds'),
  process_cpu_system_seconds_total: counter('Processor time spent in the system.', 'seconds'),
  process_cpu_seconds_total: counter('Processor time of the process.', 'seconds', {
    row: 'Process',
  }),
  process_start_time_seconds: gauge('When the process started.', 'seconds since 1970'),
  process_resident_memory_bytes: gauge('Resident memory of the process.', 'bytes', {
    row: 'Process',
  }),
  process_virtual_memory_bytes: gauge('Address space of the process.', 'bytes'),
  process_heap_bytes: gauge('Data segment of the process, as Linux counts it.', 'bytes'),
  process_open_fds: gauge('Open files, connections and pipes.', 'files', {
    row: 'Process',
    alerts: [
      {
        name: 'IsobarFilesNearLimit',
        query: 'process_open_fds / process_max_fds',
        when: '> 0.8',
        for: '5m',
        severity: 'warning',
        summary: 'The process has nearly as many open files as it may have.',
        remedy: 'Raise the limit of the process (`ulimit -n`), or lower api.events_max.',
      },
    ],
  }),
  process_max_fds: gauge('Files that the process may have open.', 'files'),
  nodejs_eventloop_lag_seconds: gauge('Delay of the event loop at the scrape.', 'seconds'),
  nodejs_eventloop_lag_min_seconds: gauge('Least delay since the last scrape.', 'seconds'),
  nodejs_eventloop_lag_max_seconds: gauge('Greatest delay since the last scrape.', 'seconds'),
  nodejs_eventloop_lag_mean_seconds: gauge('Mean delay since the last scrape.', 'seconds'),
  nodejs_eventloop_lag_stddev_seconds: gauge('Its standard deviation.', 'seconds'),
  nodejs_eventloop_lag_p50_seconds: gauge('Median delay since the last scrape.', 'seconds'),
  nodejs_eventloop_lag_p90_seconds: gauge('Its 90th percentile.', 'seconds'),
  nodejs_eventloop_lag_p99_seconds: gauge('Its 99th percentile.', 'seconds', {
    row: 'Process',
    alerts: [
      {
        name: 'IsobarEventLoopSlow',
        query: 'nodejs_eventloop_lag_p99_seconds',
        when: '> 0.5',
        for: '10m',
        severity: 'warning',
        summary: 'The event loop is often blocked for half a second or more.',
        remedy: 'Give the process more processor time, or run the steps as separate processes.',
      },
    ],
  }),
  nodejs_active_resources: gauge('What keeps the event loop alive, by type.', 'resources', {
    labels: ['type'],
  }),
  nodejs_heap_size_total_bytes: gauge('Heap of JavaScript.', 'bytes'),
  nodejs_heap_size_used_bytes: gauge('Part of the heap that holds values.', 'bytes', {
    row: 'Process',
  }),
  nodejs_external_memory_bytes: gauge('Buffers outside of the heap of JavaScript.', 'bytes'),
  nodejs_heap_space_size_total_bytes: gauge('Parts of the heap: their size.', 'bytes', {
    labels: ['space'],
  }),
  nodejs_heap_space_size_used_bytes: gauge('Parts of the heap: what is used.', 'bytes', {
    labels: ['space'],
  }),
  nodejs_heap_space_size_available_bytes: gauge('Parts of the heap: what is free.', 'bytes', {
    labels: ['space'],
  }),
  nodejs_version_info: gauge('Version of Node.js.', '1', {
    labels: ['version', 'major', 'minor', 'patch'],
  }),
  nodejs_gc_duration_seconds: histogram('Durations of garbage collection, by kind.', 'seconds', {
    labels: ['kind'],
    row: 'Process',
  }),
};

/** Gauges that are named as counters, and the deprecated handles and requests. */
const LEFT_OUT = [
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
];

let known: Registry | null = null;

/** One for the process, however many servers it has: what it measures cannot be stopped again. */
export function processRegistry(): Registry {
  if (known === null) {
    known = new Registry();
    collectDefaultMetrics({ register: known });
    for (const name of LEFT_OUT) known.removeSingleMetric(name);
  }
  return known;
}
