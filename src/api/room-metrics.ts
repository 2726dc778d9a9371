/** Every room's state as metrics, made from the status: `isobar_<room>_…` in base units. */
import type { Status } from '../model/status.ts';
import type { Labels, Registry } from './metrics.ts';

type Values = (status: Status) => Iterable<readonly [Labels, number]>;

/** `status` gives what is known at the time of reading; null means that it is not available. */
export function addRoomMetrics(registry: Registry, status: () => Status | null): void {
  const gauge = (name: string, help: string, values: Values) => {
    registry.gauge(name, help, () => {
      const known = status();
      return known === null ? [] : values(known);
    });
  };
  const one = (value: number | null): Iterable<readonly [Labels, number]> =>
    value === null ? [] : [[{}, value]];
  const seconds = (time: string | null) => (time === null ? null : Date.parse(time) / 1_000);

  gauge('isobar_info', 'Version of the program.', (s) => [
    [{ version: s.version, simulated: String(s.simulated) }, 1],
  ]);
  gauge('isobar_start_time_seconds', 'When it was started.', (s) => one(seconds(s.started_at)));

  gauge('process_open_fds', 'Open files, connections and pipes.', (s) => one(s.process.open_files));
  gauge('process_heap_bytes', 'Heap of JavaScript.', (s) => one(s.process.heap_bytes));
  gauge('process_heap_used_bytes', 'Of which values.', (s) => one(s.process.heap_used_bytes));
  gauge('process_external_memory_bytes', 'Buffers outside of that heap.', (s) =>
    one(s.process.external_bytes),
  );
  gauge('isobar_engine_memory_bytes', 'Memory of the embedded engine, by use.', (s) =>
    Object.entries(s.process.engine_bytes).map(([use, bytes]) => [
      { use: use.toLowerCase() },
      bytes,
    ]),
  );
  gauge('isobar_engine_memory_limit_bytes', 'Its limit.', (s) => one(s.process.engine_bytes_max));
  gauge('isobar_logger_dropped_lines', 'Log lines that standard error did not take.', (s) =>
    one(s.process.dropped_log_lines),
  );

  gauge('isobar_collector_state', 'The state that polling is in.', (s) =>
    s.collector === null ? [] : [[{ state: s.collector.state, source: s.collector.source }, 1]],
  );
  gauge('isobar_collector_cities', 'Cities that are watched.', (s) =>
    one(s.collector?.city_count ?? null),
  );
  gauge('isobar_collector_troubled_cities', 'Cities in trouble.', (s) =>
    one(s.collector?.troubled.length ?? null),
  );
  gauge('isobar_collector_rejected_fields', 'Answers of which a field was not used.', (s) =>
    (s.collector?.rejected_fields ?? []).map(({ field, reason, answers }) => [
      { field, reason },
      answers,
    ]),
  );
  gauge('isobar_collector_last_observed_time_seconds', 'Time of the newest observation.', (s) =>
    one(seconds(s.collector?.last_observed_at ?? null)),
  );
  gauge('isobar_collector_last_checked_time_seconds', 'When the provider was last asked.', (s) =>
    one(seconds(s.collector?.last_checked_at ?? null)),
  );
  gauge('isobar_collector_calls_used', 'Calls of the provider booked.', (s) => calls(s, 'used'));
  gauge('isobar_collector_calls_limit', 'Calls of the provider allowed.', (s) => calls(s, 'limit'));

  gauge('isobar_log_size_bytes', 'Size of the log.', (s) => one(s.log.bytes));
  gauge(
    'isobar_log_size_limit_bytes',
    'Size at which the log accepts no more; 0: not limited by isobar.',
    (s) => one(s.log.bytes_max),
  );
  gauge('isobar_log_full', 'Whether it takes no more.', (s) => one(Number(s.log.full)));
  gauge('isobar_log_waiting_records', 'Records that have not landed.', (s) =>
    s.log.partitions.map((p) => [{ partition: String(p.partition) }, p.waiting]),
  );
  gauge('isobar_log_lag_seconds', 'Age of the oldest record that has not landed.', (s) =>
    s.log.partitions.map((p) => [{ partition: String(p.partition) }, p.lag_s]),
  );
  gauge('isobar_log_expires_seconds', 'Until it is removed although it has not landed.', (s) =>
    s.log.partitions.flatMap((p) =>
      p.expires_in_s === null ? [] : [[{ partition: String(p.partition) }, p.expires_in_s]],
    ),
  );
  gauge('isobar_log_spool_records', 'Records that wait in front of the log.', (s) =>
    one(s.log.spool?.records ?? null),
  );
  gauge('isobar_log_failing', 'Whether the log cannot be reached.', (s) =>
    one(Number(s.log.error !== null)),
  );
  gauge('isobar_log_next_offset', 'Offset of the next record.', (s) =>
    s.log.partitions.map((p) => [{ partition: String(p.partition) }, p.next]),
  );

  gauge('isobar_landing_failing', 'Whether the last landing failed.', (s) =>
    one(Number(s.landing.error !== null)),
  );
  gauge('isobar_landing_last_time_seconds', 'When something last landed.', (s) =>
    one(seconds(s.landing.last_landed_at)),
  );
  gauge('isobar_table_failing', 'Whether the lake cannot be read.', (s) =>
    one(Number(s.table.error !== null)),
  );
  gauge('isobar_table_version', 'Version of the table.', (s) => one(s.table.version));
  gauge('isobar_table_rows', 'Rows of the table.', (s) => one(s.table.rows));
  gauge('isobar_table_files', 'Live data files of the table.', (s) => one(s.table.files));
  gauge('isobar_table_size_bytes', 'Size of these files.', (s) => one(s.table.bytes));
  gauge('isobar_table_rejected_rows', 'Rejected records, by reason.', (s) =>
    Object.entries(s.table.rejected).map(([reason, rows]) => [{ reason }, rows]),
  );
  gauge('isobar_table_committed_time_seconds', 'Time of the last commit.', (s) =>
    one(seconds(s.table.committed_at)),
  );

  gauge('isobar_analytics_version', 'Version of the analytics.', (s) => one(s.analytics.version));
  gauge('isobar_analytics_table_version', 'Version of the table they are of.', (s) =>
    one(s.analytics.table_version),
  );
  gauge('isobar_analytics_computed_time_seconds', 'When they were computed.', (s) =>
    one(seconds(s.analytics.computed_at)),
  );
  gauge('isobar_analytics_failing', 'Whether the last run failed.', (s) =>
    one(Number(s.analytics.error !== null)),
  );
  gauge('isobar_export_table_version', 'Version of the table that is exported.', (s) =>
    one(s.raw_export?.table_version ?? null),
  );
  gauge('isobar_export_failing', 'Whether the last export failed.', (s) =>
    one(s.raw_export === null ? null : Number(s.raw_export.error !== null)),
  );
}

function calls(status: Status, field: 'used' | 'limit'): Iterable<readonly [Labels, number]> {
  if (status.collector === null) return [];
  const { minute, day, month } = status.collector.calls;
  const periods = { minute, day, month };
  return Object.entries(periods).map(([period, count]) => [{ period }, count[field]] as const);
}
