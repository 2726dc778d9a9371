/** Metrics of what is made from the table, and of what watches: a part of the table of metrics. */
import { counter, gauge } from './metric.ts';
import { FAILING, SEE_STATUS, TIMES } from './room-metric-table.ts';

export const ANALYTICS_METRICS = {
  isobar_analytics_version: gauge('Version of the analytics.', 'version'),
  isobar_analytics_table_version: gauge(
    'Version of the table that the analytics are computed from.',
    'version',
  ),
  isobar_analytics_computed_timestamp_seconds: gauge('When the analytics were computed.', TIMES, {
    row: 'Analytics',
    alerts: [
      {
        name: 'IsobarAnalyticsOld',
        // Only where something has landed since: history alone is computed once.
        query:
          '(time() - isobar_analytics_computed_timestamp_seconds)' +
          ' * (isobar_table_version > bool isobar_analytics_table_version)',
        when: '> 600',
        for: '10m',
        severity: 'warning',
        summary: 'What has landed has not been computed for ten minutes.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_analytics_recomputed_timestamp_seconds: gauge(
    'When the second engine last computed the analytics again.',
    TIMES,
    { absent: 'on a laptop' },
  ),
  isobar_analytics_differences: gauge(
    'Values that the second engine computed otherwise; at most a few are counted.',
    'values',
    { absent: 'on a laptop' },
  ),
  isobar_analytics_recompute_failing: gauge('Whether the last recomputation failed.', '0 or 1', {
    absent: 'on a laptop',
    alerts: [
      {
        name: 'IsobarRecomputeFails',
        query: 'isobar_analytics_recompute_failing',
        ...FAILING,
        summary: 'The second engine cannot compute the analytics again.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_analytics_failing: gauge('Whether the last run failed.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarAnalyticsFail',
        query: 'isobar_analytics_failing',
        ...FAILING,
        summary: 'The datasets cannot be computed; the last ones are served.',
        remedy: SEE_STATUS,
      },
    ],
  }),
};

export const STREAMING_METRICS = {
  isobar_streaming_running: gauge('Whether the streaming query runs on Spark.', '0 or 1', {
    absent: 'on a laptop',
  }),
  isobar_streaming_batch: gauge('The last batch that ended.', 'batch', { absent: 'on a laptop' }),
  isobar_streaming_compared_hours: gauge(
    'Hours of cities whose sums were compared with the table.',
    'hours',
    { absent: 'on a laptop' },
  ),
  isobar_streaming_different_hours: gauge(
    'Hours of cities whose sums are not those of the table.',
    'hours',
    { absent: 'on a laptop' },
  ),
  isobar_streaming_late_observations: gauge(
    'Observations of the hours compared that came too late for the stream.',
    'observations',
    { absent: 'on a laptop' },
  ),
  isobar_streaming_failing: gauge('Whether the stream fails, or differs.', '0 or 1', {
    absent: 'on a laptop',
    alerts: [
      {
        name: 'IsobarStreamFails',
        query: 'isobar_streaming_failing',
        ...FAILING,
        severity: 'warning',
        summary: 'The streaming query fails, or its sums are not those of the table.',
        remedy: SEE_STATUS,
      },
    ],
  }),
};

export const FORECAST_METRICS = {
  isobar_forecast_issued_timestamp_seconds: gauge('The hour of the newest forecast.', TIMES, {
    absent: 'at first',
    alerts: [
      {
        name: 'IsobarForecastsOld',
        // Only while observations come: a history alone is forecast once.
        query:
          '(time() - isobar_forecast_issued_timestamp_seconds)' +
          ' * (time() - isobar_collector_last_observed_timestamp_seconds < bool 7200)',
        when: '> 14400',
        for: '10m',
        severity: 'warning',
        summary: 'Observations come, but the newest forecast is older than four hours.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_forecast_cities: gauge('Cities that are forecast, by state.', 'cities', {
    labels: ['state'],
  }),
  isobar_forecast_mean_absolute_error_celsius: gauge(
    'Mean absolute error of the temperature a day ahead, over the last 30 days and all cities.',
    '°C',
    { absent: 'at first', row: 'Analytics' },
  ),
  isobar_forecast_late_values: gauge(
    'Hours that were corrected, or came, after they had been learned.',
    'hours',
  ),
  isobar_forecast_failing: gauge('Whether forecasts cannot be made.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarForecastsFail',
        query: 'isobar_forecast_failing',
        ...FAILING,
        severity: 'warning',
        summary: 'Forecasts cannot be made; the last ones are served.',
        remedy: SEE_STATUS,
      },
    ],
  }),
};

export const INDEX_METRICS = {
  isobar_index_version: gauge('Version of the analytics that the index has.', 'version'),
  isobar_index_behind_versions: gauge(
    'Versions of the analytics that the index does not have yet.',
    'versions',
    {
      row: 'Analytics',
      alerts: [
        {
          name: 'IsobarIndexBehind',
          query: 'isobar_index_behind_versions',
          when: '> 0',
          for: '10m',
          severity: 'warning',
          summary: 'Searches have answered from older analytics for ten minutes.',
          remedy: SEE_STATUS,
        },
      ],
    },
  ),
  isobar_index_rows: gauge('Anomalies in the index.', 'rows'),
  isobar_index_committed_timestamp_seconds: gauge('When the index was last written.', TIMES, {
    absent: 'at first',
  }),
  isobar_index_failing: gauge('Whether the index cannot be read or written.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarIndexFails',
        query: 'isobar_index_failing',
        ...FAILING,
        summary: 'The index fails: searches look through the published rows, or fail.',
        remedy: SEE_STATUS,
      },
    ],
  }),
};

export const ALERT_METRICS = {
  isobar_alerts_incidents: gauge('Incidents, by state.', 'incidents', {
    labels: ['state'],
    row: 'Alerts',
  }),
  isobar_alerts_waiting_messages: gauge('Messages that are not sent yet.', 'messages', {
    labels: ['channel'],
    absent: 'on a laptop',
    alerts: [
      {
        name: 'IsobarMessagesWait',
        query: 'isobar_alerts_waiting_messages',
        when: '> 0',
        for: '15m',
        severity: 'warning',
        summary: 'Messages to the channel {{ $labels.channel }} have waited for 15 minutes.',
        remedy: '`isobar alerts test {{ $labels.channel }}` says what is wrong.',
      },
    ],
  }),
  isobar_alerts_failing: gauge('Whether the rules cannot be evaluated.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarAlertsFail',
        query: 'isobar_alerts_failing',
        ...FAILING,
        summary: 'The alert rules cannot be evaluated.',
        remedy: SEE_STATUS,
      },
    ],
  }),
};

export const TRACING_METRICS = {
  isobar_tracing_exported_spans_total: counter('Spans that the receiver has taken.', 'spans', {
    absent: 'on a laptop',
  }),
  isobar_tracing_dropped_spans_total: counter(
    'Spans of this process that were not exported, by reason.',
    'spans',
    { labels: ['reason'], absent: 'on a laptop', row: 'Process' },
  ),
};
