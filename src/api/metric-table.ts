/**
 * Every metric in ONE table: `/metrics` and `docs/metrics.md` follow it. A metric's prefix is its
 * room; those of the process have the names that other programs' have.
 */
export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly unit: string;
  readonly labels?: readonly string[];
  /** What to be woken for; most only explain another. */
  readonly alert?: string;
}

const counter = declare('counter');
const gauge = declare('gauge');
const histogram = declare('histogram');

export const METRICS = {
  isobar_api_requests_total: counter('Requests answered.', 'requests', {
    labels: ['route', 'method', 'status'],
    alert: 'status `5..` above 1 % of the requests',
  }),
  isobar_api_request_duration_seconds: histogram('Time from a request to its answer.', 'seconds', {
    labels: ['route'],
    alert: '99th percentile above 1 s',
  }),
  isobar_api_queries_total: counter('Queries of the engine.', 'queries'),
  isobar_api_ranges_computed_total: counter('Datasets computed over a range.', 'datasets'),
  isobar_api_cache_lookups_total: counter('Look-ups of kept answers, by outcome.', 'look-ups', {
    labels: ['outcome'],
  }),
  isobar_api_cache_evictions_total: counter('Kept answers that made room.', 'answers'),
  isobar_api_cache_bytes: gauge('Size of kept answers.', 'bytes'),
  isobar_api_cache_entries: gauge('Kept answers.', 'answers'),
  isobar_api_shared_cache_lookups_total: counter(
    'Look-ups in the cache that servers share, by outcome.',
    'look-ups',
    { labels: ['outcome'] },
  ),
  isobar_api_shared_cache_failing: gauge('Whether the shared cache fails.', '0 or 1', {
    alert: '1 for 5 minutes: every server computes all of its answers',
  }),
  isobar_api_event_viewers: gauge('Open streams.', 'streams'),
  isobar_api_events_total: counter('Events made.', 'events'),
  isobar_api_event_viewers_dropped_total: counter('Viewers that read too slowly.', 'streams', {
    alert: 'grows all the time: the network to the viewers is too slow',
  }),
  isobar_api_versions_failing: gauge('Whether the newest version cannot be read.', '0 or 1', {
    alert: '1 for 5 minutes',
  }),
  process_resident_memory_bytes: gauge('Resident memory of the process.', 'bytes', {
    alert: 'grows from day to day',
  }),
  process_cpu_seconds_total: counter('Processor time of the process.', 'seconds'),
  isobar_info: gauge('Version of the program.', '1', { labels: ['version', 'simulated'] }),
  isobar_start_time_seconds: gauge('Time at which the program was started.', 'seconds since 1970'),
  process_open_fds: gauge('Open files, connections and pipes.', 'files', {
    alert: 'near the limit of the process (`ulimit -n`)',
  }),
  process_heap_bytes: gauge('Heap of JavaScript.', 'bytes'),
  process_heap_used_bytes: gauge('Part of the heap that holds values.', 'bytes'),
  process_external_memory_bytes: gauge(
    'Memory of buffers outside of the heap of JavaScript.',
    'bytes',
  ),
  isobar_sql_memory_bytes: gauge('Memory of the embedded engine, by use.', 'bytes', {
    labels: ['use'],
    alert: 'the sum stays at the limit',
  }),
  isobar_sql_memory_limit_bytes: gauge('Limit of the embedded engine’s memory.', 'bytes'),
  isobar_logger_dropped_lines: gauge('Log lines that standard error did not take.', 'lines', {
    alert: 'above 0: what reads standard error is too slow',
  }),
  isobar_collector_state: gauge('The state that polling is in.', '1', {
    labels: ['state', 'source'],
    alert: 'neither `live`, `starting` nor `paused` for 10 minutes',
  }),
  isobar_collector_cities: gauge('Cities that are watched.', 'cities'),
  isobar_collector_troubled_cities: gauge('Cities without an acceptable answer.', 'cities', {
    alert: 'above 0 for an hour',
  }),
  isobar_collector_rejected_fields: gauge('Answers of which a field was not used.', 'answers', {
    labels: ['field', 'reason'],
    alert: 'a new pair of labels: the provider has changed something',
  }),
  isobar_collector_last_observed_time_seconds: gauge(
    'Time of the newest observation.',
    'seconds since 1970',
    { alert: 'older than `api.stale_after_s`' },
  ),
  isobar_collector_last_checked_time_seconds: gauge(
    'When the provider was last asked.',
    'seconds since 1970',
    { alert: 'older than an hour' },
  ),
  isobar_collector_calls_used: gauge('Calls of the provider booked.', 'calls', {
    labels: ['period'],
    alert: 'above 90 % of the limit of the same period',
  }),
  isobar_collector_calls_limit: gauge('Calls of the provider allowed.', 'calls', {
    labels: ['period'],
  }),
  isobar_log_size_bytes: gauge('Size of the log.', 'bytes', { alert: 'above 80 % of the limit' }),
  isobar_log_size_limit_bytes: gauge(
    'Size at which the log accepts no more; 0: not limited by isobar.',
    'bytes',
  ),
  isobar_log_full: gauge('Whether the log is at its size limit.', '0 or 1', { alert: '1' }),
  isobar_log_waiting_records: gauge('Records that have not landed.', 'records', {
    labels: ['partition'],
  }),
  isobar_log_lag_seconds: gauge('Age of the oldest record that has not landed.', 'seconds', {
    labels: ['partition'],
    alert: 'above 10 minutes',
  }),
  isobar_log_expires_seconds: gauge(
    'Time until the oldest record that has not landed is removed.',
    'seconds',
    {
      labels: ['partition'],
      alert: 'below a day: records are removed although they have not landed',
    },
  ),
  isobar_log_spool_records: gauge('Records that wait in front of the log.', 'records', {
    alert: 'above 0 for 10 minutes: the brokers cannot be reached',
  }),
  isobar_log_failing: gauge('Whether the log cannot be reached.', '0 or 1', {
    alert: '1 for 5 minutes',
  }),
  isobar_log_next_offset: gauge('Offset of the next record.', 'offset', { labels: ['partition'] }),
  isobar_table_landing_failing: gauge('Whether the last landing failed.', '0 or 1', {
    alert: '1 for 5 minutes',
  }),
  isobar_table_landing_last_time_seconds: gauge(
    'When something last landed.',
    'seconds since 1970',
  ),
  isobar_table_failing: gauge('Whether the lake cannot be read.', '0 or 1', {
    alert: '1 for 5 minutes',
  }),
  isobar_table_version: gauge('Version of the table.', 'version'),
  isobar_table_rows: gauge('Rows of the table.', 'rows'),
  isobar_table_files: gauge('Live data files of the table.', 'files', {
    alert: 'grows from day to day: maintenance does not run',
  }),
  isobar_table_size_bytes: gauge('Size of the live data files of the table.', 'bytes'),
  isobar_table_rejected_rows: gauge('Rejected records, by reason.', 'rows', {
    labels: ['reason'],
    alert: '`invalid: …` grows',
  }),
  isobar_table_committed_time_seconds: gauge('Time of the last commit.', 'seconds since 1970'),
  isobar_analytics_version: gauge('Version of the analytics.', 'version'),
  isobar_analytics_table_version: gauge(
    'Version of the table that the analytics are computed from.',
    'version',
    { alert: 'behind `isobar_table_version` for 10 minutes' },
  ),
  isobar_analytics_computed_time_seconds: gauge(
    'When the analytics were computed.',
    'seconds since 1970',
  ),
  isobar_analytics_failing: gauge('Whether the last run failed.', '0 or 1', {
    alert: '1 for 5 minutes',
  }),
  isobar_table_export_table_version: gauge('Version of the table that is exported.', 'version', {
    alert: 'behind `isobar_table_version` for an hour',
  }),
  isobar_table_export_failing: gauge('Whether the last export failed.', '0 or 1', {
    alert: '1 for 10 minutes',
  }),
};

export type MetricName = keyof typeof METRICS;

export function listMetrics(): readonly (readonly [string, Metric])[] {
  return Object.entries(METRICS);
}

function declare(type: Metric['type']) {
  return (help: string, unit: string, more: Pick<Metric, 'labels' | 'alert'> = {}): Metric => {
    return { type, help, unit, ...more };
  };
}
