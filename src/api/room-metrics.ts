/** Every room's state as metrics, made from the status: `isobar_<room>_…` in base units. */
import type { Status } from '../model/status.ts';
import type { MetricName } from './metric-table.ts';
import type { Labels, Registry } from './metrics.ts';

type Values = Iterable<readonly [Labels, number]>;

/** `status` gives what is known at the time of reading; null means that it is not available. */
export function addRoomMetrics(registry: Registry, status: () => Status | null): void {
  for (const [name, values] of Object.entries(VALUES)) {
    registry.gauge(name, () => {
      const known = status();
      return known === null ? [] : values(known);
    });
  }
}

const VALUES: Partial<Record<MetricName, (status: Status) => Values>> = {
  isobar_info: (s) => [[{ version: s.version, simulated: String(s.simulated) }, 1]],
  isobar_start_time_seconds: (s) => one(seconds(s.started_at)),
  process_open_fds: (s) => one(s.process.open_files),
  process_heap_bytes: (s) => one(s.process.heap_bytes),
  process_heap_used_bytes: (s) => one(s.process.heap_used_bytes),
  process_external_memory_bytes: (s) => one(s.process.external_bytes),
  isobar_sql_memory_bytes: (s) =>
    Object.entries(s.process.engine_bytes).map(([use, bytes]) => [
      { use: use.toLowerCase() },
      bytes,
    ]),
  isobar_sql_memory_limit_bytes: (s) => one(s.process.engine_bytes_max),
  isobar_logger_dropped_lines: (s) => one(s.process.dropped_log_lines),
  isobar_collector_state: (s) =>
    s.collector === null ? [] : [[{ state: s.collector.state, source: s.collector.source }, 1]],
  isobar_collector_cities: (s) => one(s.collector?.city_count ?? null),
  isobar_collector_troubled_cities: (s) => one(s.collector?.troubled.length ?? null),
  isobar_collector_rejected_fields: (s) =>
    (s.collector?.rejected_fields ?? []).map(({ field, reason, answers }) => [
      { field, reason },
      answers,
    ]),
  isobar_collector_last_observed_time_seconds: (s) =>
    one(seconds(s.collector?.last_observed_at ?? null)),
  isobar_collector_last_checked_time_seconds: (s) =>
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
  isobar_table_landing_last_time_seconds: (s) => one(seconds(s.landing.last_landed_at)),
  isobar_table_failing: (s) => one(Number(s.table.error !== null)),
  isobar_table_version: (s) => one(s.table.version),
  isobar_table_rows: (s) => one(s.table.rows),
  isobar_table_files: (s) => one(s.table.files),
  isobar_table_size_bytes: (s) => one(s.table.bytes),
  isobar_table_rejected_rows: (s) =>
    Object.entries(s.table.rejected).map(([reason, rows]) => [{ reason }, rows]),
  isobar_table_committed_time_seconds: (s) => one(seconds(s.table.committed_at)),
  isobar_analytics_version: (s) => one(s.analytics.version),
  isobar_analytics_table_version: (s) => one(s.analytics.table_version),
  isobar_analytics_computed_time_seconds: (s) => one(seconds(s.analytics.computed_at)),
  isobar_analytics_failing: (s) => one(Number(s.analytics.error !== null)),
  isobar_table_export_table_version: (s) => one(s.raw_export?.table_version ?? null),
  isobar_table_export_failing: (s) =>
    one(s.raw_export === null ? null : Number(s.raw_export.error !== null)),
};

function one(value: number | null): Values {
  return value === null ? [] : [[{}, value]];
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
