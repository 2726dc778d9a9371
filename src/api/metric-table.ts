/**
 * Every metric in ONE table: `/metrics`, `docs/metrics.md`, the alert rules and the dashboard follow
 * it. A metric's prefix is its room; those of the process have the names that other programs' have.
 */
import {
  ALERT_METRICS,
  ANALYTICS_METRICS,
  FORECAST_METRICS,
  INDEX_METRICS,
  STREAMING_METRICS,
  TRACING_METRICS,
} from './computed-metric-table.ts';
import { ENGINE_METRICS, type EngineMetricName } from './engine-metrics.ts';
import { type Alert, counter, gauge, histogram, type Metric } from './metric.ts';
import { PROCESS_METRICS } from './process-metrics.ts';
import {
  COLLECTOR_METRICS,
  FAILING,
  LOG_METRICS,
  SEE_STATUS,
  TABLE_METRICS,
  TIMES,
} from './room-metric-table.ts';

const API_METRICS = {
  isobar_api_requests_total: counter('Requests answered.', 'requests', {
    labels: ['route', 'method', 'status'],
    row: 'API',
    alerts: [
      {
        name: 'IsobarApiErrors',
        query:
          '(sum(rate(isobar_api_requests_total{status=~"5.."}[5m])) or vector(0))' +
          ' / sum(rate(isobar_api_requests_total[5m]))',
        when: '> 0.01',
        for: '10m',
        severity: 'critical',
        summary: 'More than 1 % of the requests fail.',
        remedy: '`/healthz` names what fails; the log of the server has the details.',
      },
    ],
  }),
  isobar_api_request_duration_seconds: histogram('Time from a request to its answer.', 'seconds', {
    labels: ['route'],
    row: 'API',
    alerts: [
      {
        name: 'IsobarApiSlow',
        query:
          'histogram_quantile(0.99, sum by (le) ' +
          '(rate(isobar_api_request_duration_seconds_bucket[5m])))',
        when: '> 1',
        for: '10m',
        severity: 'warning',
        summary: 'One request in a hundred takes longer than a second.',
        remedy: 'See which route it is on the dashboard; give the engine more memory and threads.',
      },
    ],
  }),
  isobar_api_queries_total: counter('Queries of the engine.', 'queries', { row: 'API' }),
  isobar_api_ranges_computed_total: counter('Datasets computed over a range.', 'datasets'),
  isobar_api_live_rows_compared_total: counter(
    'Rows of live statistics and trends that were compared with a later publication.',
    'rows',
    {
      labels: ['outcome'],
      alerts: [
        {
          name: 'IsobarLiveStatisticsDiffer',
          query: 'increase(isobar_api_live_rows_compared_total{outcome="different"}[1h])',
          when: '> 0',
          for: '0s',
          severity: 'warning',
          summary: 'Live statistics were not those that were published later.',
          remedy: 'The log of the process names the cities and values; the published ones count.',
        },
      ],
    },
  ),
  isobar_api_cache_lookups_total: counter('Look-ups of kept answers, by outcome.', 'look-ups', {
    labels: ['outcome'],
    row: 'API',
  }),
  isobar_api_cache_evictions_total: counter('Kept answers that made room.', 'answers'),
  isobar_api_cache_bytes: gauge('Size of kept answers.', 'bytes'),
  isobar_api_cache_entries: gauge('Kept answers.', 'answers'),
  isobar_api_shared_cache_lookups_total: counter(
    'Look-ups in the cache that servers share, by outcome.',
    'look-ups',
    { labels: ['outcome'], absent: 'on a laptop' },
  ),
  isobar_api_shared_cache_failing: gauge('Whether the shared cache fails.', '0 or 1', {
    absent: 'on a laptop',
    alerts: [
      {
        name: 'IsobarSharedCacheFails',
        query: 'isobar_api_shared_cache_failing',
        ...FAILING,
        severity: 'warning',
        summary: 'The cache that servers share fails: every server computes all of its answers.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_api_event_viewers: gauge('Open streams of events.', 'streams', { row: 'API' }),
  isobar_api_events_total: counter('Events made.', 'events'),
  isobar_api_event_viewers_dropped_total: counter('Viewers that read too slowly.', 'streams', {
    alerts: [
      {
        name: 'IsobarViewersTooSlow',
        query: 'rate(isobar_api_event_viewers_dropped_total[15m])',
        when: '> 0.1',
        for: '15m',
        severity: 'warning',
        summary: 'Viewers of the events are dropped all the time because they read too slowly.',
        remedy: 'Look at the network and the reverse proxy between the server and the viewers.',
      },
    ],
  }),
  isobar_api_versions_failing: gauge('Whether the newest version cannot be read.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarVersionUnreadable',
        query: 'isobar_api_versions_failing',
        ...FAILING,
        summary: 'The newest version of the table cannot be read; older answers are served.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_api_certificate_expiry_timestamp_seconds: gauge(
    'End of the certificate of the server.',
    TIMES,
    {
      absent: 'on a laptop',
      alerts: [
        {
          name: 'IsobarCertificateEnds',
          query: 'isobar_api_certificate_expiry_timestamp_seconds - time()',
          when: '< 1209600',
          for: '1h',
          severity: 'warning',
          summary: 'The certificate of the server ends within two weeks.',
          remedy: 'Renew it and replace both files; the server reads them by itself.',
        },
      ],
    },
  ),
  isobar_api_certificate_failing: gauge(
    'Whether the certificate has expired, or its files hold none to use.',
    '0 or 1',
    {
      absent: 'on a laptop',
      alerts: [
        {
          name: 'IsobarCertificateFails',
          query: 'isobar_api_certificate_failing',
          ...FAILING,
          summary: 'The certificate has expired, or its files hold none that can be used.',
          remedy: SEE_STATUS,
        },
      ],
    },
  ),
};

const PROGRAM_METRICS = {
  isobar_build_info: gauge('Version of the program, and whether its data is made up.', '1', {
    labels: ['version', 'simulated'],
  }),
  isobar_sql_memory_bytes: gauge('Memory of the embedded engine, by use.', 'bytes', {
    labels: ['use'],
    absent: 'at first',
    alerts: [
      {
        name: 'IsobarEngineMemoryFull',
        query: 'sum(isobar_sql_memory_bytes) / max(isobar_sql_memory_limit_bytes)',
        when: '> 0.95',
        for: '30m',
        severity: 'warning',
        summary: 'The embedded engine has been at its memory limit for half an hour.',
        remedy: 'Raise analytics.memory_mib.',
      },
    ],
  }),
  isobar_sql_memory_limit_bytes: gauge('Limit of the embedded engine’s memory.', 'bytes'),
  isobar_logger_dropped_lines_total: counter(
    'Log lines that standard error did not take.',
    'lines',
    {
      alerts: [
        {
          name: 'IsobarLogLinesDropped',
          query: 'increase(isobar_logger_dropped_lines_total[15m])',
          when: '> 0',
          for: '0m',
          severity: 'warning',
          summary: 'Lines of the program’s log were dropped.',
          remedy: 'What reads standard error is too slow: look at it, or lower log_level.',
        },
      ],
    },
  ),
};

export const METRICS = {
  ...API_METRICS,
  ...PROGRAM_METRICS,
  ...COLLECTOR_METRICS,
  ...LOG_METRICS,
  ...TABLE_METRICS,
  ...ANALYTICS_METRICS,
  ...FORECAST_METRICS,
  ...STREAMING_METRICS,
  ...INDEX_METRICS,
  ...ALERT_METRICS,
  ...TRACING_METRICS,
  ...PROCESS_METRICS,
  ...ENGINE_METRICS,
};

export type MetricName = keyof typeof METRICS | EngineMetricName;

export function listMetrics(): readonly (readonly [string, Metric])[] {
  return Object.entries(METRICS);
}

/** Says that nothing is known at all; the rest is silent then. */
const DOWN: Alert = {
  name: 'IsobarDown',
  query: 'up{job="isobar"}',
  when: '== 0',
  for: '5m',
  severity: 'critical',
  summary: 'The server does not answer.',
  remedy: 'Start it (`isobar start`), and see its log for why it stopped.',
};

export function listAlerts(): readonly Alert[] {
  return [DOWN, ...listMetrics().flatMap(([, { alerts = [] }]) => alerts)];
}
