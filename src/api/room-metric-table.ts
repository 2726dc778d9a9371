/** Metrics of the way to the table, from the collector on: a part of the table of metrics. */
import { counter, gauge } from './metric.ts';

export const FAILING = { when: '== 1', for: '5m', severity: 'critical' } as const;
export const TIMES = 'seconds since 1970';
export const SEE_STATUS = '`isobar status` names the error and what to do.';

export const COLLECTOR_METRICS = {
  isobar_collector_state: gauge('Whether polling is in this state.', '0 or 1', {
    labels: ['state', 'source'],
    alerts: [
      {
        name: 'IsobarCollectorTroubled',
        query: 'isobar_collector_state{state!~"live|starting|paused"}',
        when: '== 1',
        for: '10m',
        severity: 'critical',
        summary: 'The collector does not poll: it is {{ $labels.state }}.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_collector_cities: gauge('Cities that are watched.', 'cities'),
  isobar_collector_troubled_cities: gauge('Cities without an acceptable answer.', 'cities', {
    row: 'Collector',
    alerts: [
      {
        name: 'IsobarCitiesTroubled',
        query: 'isobar_collector_troubled_cities',
        when: '> 0',
        for: '1h',
        severity: 'warning',
        summary: 'A city has had no acceptable answer for an hour.',
        remedy: '`isobar status` names the cities and the reasons.',
      },
    ],
  }),
  isobar_collector_rejected_fields_total: counter(
    'Answers of which a field was not used.',
    'answers',
    { labels: ['field', 'reason'], absent: 'at first' },
  ),
  isobar_collector_last_observed_timestamp_seconds: gauge(
    'Time of the newest observation.',
    TIMES,
    {
      alerts: [
        {
          name: 'IsobarNoNewObservations',
          query: 'time() - isobar_collector_last_observed_timestamp_seconds',
          when: '> 10800',
          for: '10m',
          severity: 'critical',
          summary: 'No observation has come for three hours.',
          remedy: SEE_STATUS,
        },
      ],
    },
  ),
  isobar_collector_last_checked_timestamp_seconds: gauge(
    'When the provider was last asked.',
    TIMES,
  ),
  isobar_collector_calls_used: gauge('Calls of the provider booked.', 'calls', {
    labels: ['period'],
    row: 'Collector',
    alerts: [
      {
        name: 'IsobarBudgetNearlySpent',
        query:
          'isobar_collector_calls_used{period="month"} / ' +
          'isobar_collector_calls_limit{period="month"}',
        when: '> 0.9',
        for: '0m',
        severity: 'warning',
        summary: 'Nine tenths of the month’s calls of the provider are used.',
        remedy: 'Watch fewer cities, poll less often, or raise collector.budget.per_month.',
      },
    ],
  }),
  isobar_collector_calls_limit: gauge('Calls of the provider allowed.', 'calls', {
    labels: ['period'],
  }),
};

export const LOG_METRICS = {
  isobar_log_size_bytes: gauge('Size of the log.', 'bytes', {
    row: 'Log',
    alerts: [
      {
        name: 'IsobarLogNearlyFull',
        query: 'isobar_log_size_bytes / (isobar_log_size_limit_bytes > 0)',
        when: '> 0.8',
        for: '0m',
        severity: 'warning',
        summary: 'The log is at 80 % of its size limit.',
        remedy: 'See why nothing lands, or raise log.size_max_mib.',
      },
    ],
  }),
  isobar_log_size_limit_bytes: gauge(
    'Size at which the log accepts no more; 0: not limited by isobar.',
    'bytes',
  ),
  isobar_log_full: gauge('Whether the log is at its size limit.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarLogFull',
        query: 'isobar_log_full',
        ...FAILING,
        for: '0m',
        summary: 'The log is full: polling pauses.',
        remedy: 'See why nothing lands, or raise log.size_max_mib.',
      },
    ],
  }),
  isobar_log_waiting_records: gauge('Records that have not landed.', 'records', {
    labels: ['partition'],
    row: 'Log',
  }),
  isobar_log_lag_seconds: gauge('Age of the oldest record that has not landed.', 'seconds', {
    labels: ['partition'],
    row: 'Log',
    alerts: [
      {
        name: 'IsobarLandingBehind',
        query: 'max(isobar_log_lag_seconds)',
        when: '> 600',
        for: '5m',
        severity: 'critical',
        summary: 'What was collected has not landed for ten minutes.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_log_expires_seconds: gauge(
    'Time until the oldest record that has not landed is removed.',
    'seconds',
    {
      labels: ['partition'],
      absent: 'on a laptop',
      alerts: [
        {
          name: 'IsobarRecordsExpire',
          query: 'min(isobar_log_expires_seconds)',
          when: '< 86400',
          for: '0m',
          severity: 'critical',
          summary: 'Records that have not landed are removed within a day.',
          remedy: 'Land them (`isobar land`), or raise the retention of the topic.',
        },
      ],
    },
  ),
  isobar_log_spool_records: gauge('Records that wait in front of the log.', 'records', {
    absent: 'on a laptop',
    alerts: [
      {
        name: 'IsobarBrokersUnreachable',
        query: 'isobar_log_spool_records',
        when: '> 0',
        for: '10m',
        severity: 'warning',
        summary: 'Records wait on the collecting machine: the brokers cannot be reached.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_log_failing: gauge('Whether the log cannot be reached.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarLogUnreachable',
        query: 'isobar_log_failing',
        ...FAILING,
        summary: 'The log cannot be reached.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_log_next_offset: gauge('Offset of the next record.', 'offset', { labels: ['partition'] }),
};

export const TABLE_METRICS = {
  isobar_table_landing_failing: gauge('Whether the last landing failed.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarLandingFails',
        query: 'isobar_table_landing_failing',
        ...FAILING,
        summary: 'Landing fails; what is collected waits in the log.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_table_landing_last_timestamp_seconds: gauge('When something last landed.', TIMES),
  isobar_table_failing: gauge('Whether the lake cannot be read.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarLakeUnreadable',
        query: 'isobar_table_failing',
        ...FAILING,
        summary: 'The lake cannot be read.',
        remedy: SEE_STATUS,
      },
    ],
  }),
  isobar_table_version: gauge('Version of the table.', 'version'),
  isobar_table_rows: gauge('Rows of the table.', 'rows', { row: 'Table' }),
  isobar_table_files: gauge('Live data files of the table.', 'files', { row: 'Table' }),
  isobar_table_size_bytes: gauge('Size of the live data files of the table.', 'bytes', {
    row: 'Table',
  }),
  isobar_table_rejected_rows: gauge('Rejected records, by reason.', 'rows', {
    labels: ['reason'],
    absent: 'at first',
    alerts: [
      {
        name: 'IsobarRecordsInvalid',
        query: 'delta(isobar_table_rejected_rows{reason="invalid"}[1h])',
        when: '> 10',
        for: '0m',
        severity: 'warning',
        summary: 'More than ten records were invalid within an hour.',
        remedy: '`isobar query "SELECT reason, count(*) FROM rejected GROUP BY ALL"` names why.',
      },
    ],
  }),
  isobar_table_committed_timestamp_seconds: gauge('Time of the last commit.', TIMES),
  isobar_table_export_table_version: gauge('Version of the table that is exported.', 'version'),
  isobar_table_export_failing: gauge('Whether the last export failed.', '0 or 1', {
    alerts: [
      {
        name: 'IsobarExportFails',
        query: 'isobar_table_export_failing',
        ...FAILING,
        for: '10m',
        severity: 'warning',
        summary: 'The hourly files are not written.',
        remedy: SEE_STATUS,
      },
    ],
  }),
};
