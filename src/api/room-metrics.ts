/** Every room's state as metrics, made from the status: `isobar_<room>_…` in base units. */
import {
  COLLECTOR_STATES,
  type ForecastStatus,
  type Status,
  type StreamingStatus,
} from '../model/status.ts';
import type { MetricName } from './metric-table.ts';
import type { ServerMetrics, Values } from './metrics.ts';

/** `status` gives what is known at the time of reading; null means that it is not available. */
export function addRoomMetrics(metrics: ServerMetrics, status: () => Status | null): void {
  for (const [name, values] of Object.entries(VALUES) as [
    keyof typeof VALUES,
    (status: Status) => Values,
  ][]) {
    metrics.read(name, () => {
      const known = status();
      return known === null ? [] : values(known);
    });
  }
}

const VALUES = {
  isobar_build_info: (s) => [[{ version: s.version, simulated: String(s.simulated) }, 1]],
  isobar_sql_memory_bytes: (s) =>
    Object.entries(s.process.engine_bytes).map(([use, bytes]) => [
      { use: use.toLowerCase() },
      bytes,
    ]),
  isobar_sql_memory_limit_bytes: (s) => one(s.process.engine_bytes_max),
  isobar_logger_dropped_lines_total: (s) => one(s.process.dropped_log_lines),
  isobar_api_certificate_expiry_timestamp_seconds: (s) =>
    one(seconds(s.certificate?.expires_at ?? null)),
  isobar_api_certificate_failing: (s) =>
    one(s.certificate === null ? null : Number(s.certificate.error !== null)),
  isobar_collector_state: (s) =>
    COLLECTOR_STATES.flatMap((state) =>
      s.collector === null
        ? []
        : [[{ state, source: s.collector.source }, Number(state === s.collector.state)] as const],
    ),
  isobar_collector_cities: (s) => one(s.collector?.city_count ?? null),
  isobar_collector_troubled_cities: (s) => one(s.collector?.troubled.length ?? null),
  isobar_collector_rejected_fields_total: (s) =>
    (s.collector?.rejected_fields ?? []).map(({ field, reason, answers }) => [
      { field, reason },
      answers,
    ]),
  isobar_collector_last_observed_timestamp_seconds: (s) =>
    one(seconds(s.collector?.last_observed_at ?? null)),
  isobar_collector_last_checked_timestamp_seconds: (s) =>
    one(seconds(s.collector?.last_checked_at ?? null)),
  isobar_collector_calls_used: (s) => calls(s, 'used'),
  isobar_collector_calls_limit: (s) => calls(s, 'limit'),
  isobar_log_size_bytes: (s) => one(s.log.bytes),
  isobar_log_size_limit_bytes: (s) => one(s.log.bytes_max),
  isobar_log_full: (s) => one(Number(s.log.full)),
  isobar_log_waiting_records: (s) =>
    s.log.partitions.map((p) => [{ partition: String(p.partition) }, p.waiting]),
  isobar_log_lag_seconds: (s) =>
    s.log.partitions.map((p) => [{ partition: String(p.partition) }, p.lag_s]),
  isobar_log_expires_seconds: (s) =>
    s.log.partitions.flatMap((p) =>
      p.expires_in_s === null ? [] : [[{ partition: String(p.partition) }, p.expires_in_s]],
    ),
  isobar_log_spool_records: (s) => one(s.log.spool?.records ?? null),
  isobar_log_failing: (s) => one(Number(s.log.error !== null)),
  isobar_log_next_offset: (s) =>
    s.log.partitions.map((p) => [{ partition: String(p.partition) }, p.next]),
  isobar_table_landing_failing: (s) => one(Number(s.landing.error !== null)),
  isobar_table_landing_last_timestamp_seconds: (s) => one(seconds(s.landing.last_landed_at)),
  isobar_table_failing: (s) => one(Number(s.table.error !== null)),
  isobar_table_version: (s) => one(s.table.version),
  isobar_table_rows: (s) => one(s.table.rows),
  isobar_table_files: (s) => one(s.table.files),
  isobar_table_size_bytes: (s) => one(s.table.bytes),
  isobar_table_rejected_rows: (s) =>
    Object.entries(s.table.rejected).map(([reason, rows]) => [{ reason }, rows]),
  isobar_table_committed_timestamp_seconds: (s) => one(seconds(s.table.committed_at)),
  isobar_analytics_version: (s) => one(s.analytics.version),
  isobar_analytics_table_version: (s) => one(s.analytics.table_version),
  isobar_analytics_computed_timestamp_seconds: (s) => one(seconds(s.analytics.computed_at)),
  isobar_alerts_incidents: (s) =>
    Object.entries(s.alerts?.incidents ?? {}).map(([state, count]) => [{ state }, count]),
  isobar_alerts_waiting_messages: (s) =>
    (s.alerts?.channels ?? []).map(({ name, waiting }) => [{ channel: name }, waiting]),
  isobar_alerts_failing: (s) => (s.alerts === null ? [] : one(Number(s.alerts.error !== null))),
  isobar_streaming_running: ofStream((stream) => Number(stream.state === 'running')),
  isobar_streaming_batch: ofStream((stream) => stream.batch),
  isobar_streaming_compared_hours: ofStream((stream) => stream.compared),
  isobar_streaming_different_hours: ofStream((stream) => stream.differences),
  isobar_streaming_late_observations: ofStream((stream) => stream.late),
  isobar_streaming_failing: ofStream((stream) => Number(stream.error !== null)),
  isobar_forecast_issued_timestamp_seconds: ofForecasts(({ issued_at }) => seconds(issued_at)),
  isobar_forecast_cities: ({ forecast }) =>
    forecast === null
      ? []
      : [
          [{ state: 'ready' }, forecast.cities_ready],
          [
            { state: 'learning' },
            forecast.cities - forecast.cities_left_out - forecast.cities_ready,
          ],
          [{ state: 'left_out' }, forecast.cities_left_out],
        ],
  isobar_forecast_mean_absolute_error_celsius: ofForecasts(({ mae_24h }) => mae_24h),
  isobar_forecast_late_values: ofForecasts(({ late_hours }) => late_hours),
  isobar_forecast_failing: ofForecasts(({ error }) => Number(error !== null)),
  isobar_index_version: (s) => one(s.index.version),
  isobar_index_behind_versions: (s) =>
    one(Math.max(0, s.index.analytics_version - s.index.version)),
  isobar_index_rows: (s) => one(s.index.rows),
  isobar_index_committed_timestamp_seconds: (s) => one(seconds(s.index.committed_at)),
  isobar_index_failing: (s) => one(Number(s.index.error !== null)),
  isobar_analytics_recomputed_timestamp_seconds: ({ analytics: { recomputation } }) =>
    one(seconds(recomputation?.recomputed_at ?? null)),
  isobar_analytics_differences: ({ analytics: { recomputation } }) =>
    recomputation === null ? [] : one(recomputation.differences),
  isobar_analytics_recompute_failing: ({ analytics: { recomputation } }) =>
    recomputation === null ? [] : one(Number(recomputation.error !== null)),
  isobar_analytics_failing: (s) => one(Number(s.analytics.error !== null)),
  isobar_table_export_table_version: (s) => one(s.raw_export?.table_version ?? null),
  isobar_table_export_failing: (s) =>
    one(s.raw_export === null ? null : Number(s.raw_export.error !== null)),
} satisfies Partial<Record<MetricName, (status: Status) => Values>>;

function one(value: number | null): Values {
  return value === null ? [] : [[{}, value]];
}

/** Nothing where it is switched off. */
function ofStream(read: (stream: StreamingStatus) => number): (status: Status) => Values {
  return ({ streaming }) => (streaming === null ? [] : one(read(streaming)));
}

function ofForecasts(
  read: (forecast: ForecastStatus) => number | null,
): (status: Status) => Values {
  return ({ forecast }) => (forecast === null ? [] : one(read(forecast)));
}

function seconds(time: string | null): number | null {
  return time === null ? null : Date.parse(time) / 1_000;
}

function calls(status: Status, field: 'used' | 'limit'): Values {
  if (status.collector === null) return [];
  const { minute, day, month } = status.collector.calls;
  const periods = { minute, day, month };
  return Object.entries(periods).map(([period, count]) => [{ period }, count[field]] as const);
}
