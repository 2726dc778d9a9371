import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Status } from '../model/status.ts';
import { METRICS, type Metric, type MetricName } from './metric-table.ts';
import { openRegistry } from './metrics.ts';
import { formatMetricsDocument } from './metrics-document.ts';
import { addRoomMetrics } from './room-metrics.ts';
import type { SharedCache } from './shared/cache.ts';
import { exampleStatus, openTestApi } from './testing/api.ts';

test('counters, gauges and histograms as Prometheus reads them', () => {
  const registry = openRegistry({
    a_total: { help: 'Requests.' },
    b_seconds: { help: 'Durations.' },
    c_bytes: { help: 'Size.' },
    d: { help: 'Nothing yet.' },
  });
  const requests = registry.counter('a_total');
  const durations = registry.histogram('b_seconds', [0.1, 1]);
  registry.gauge('c_bytes', () => [[{ part: 'x"\\\n' }, 7]]);
  registry.gauge('d', () => []);
  requests.add({ route: '/' });
  requests.add({ route: '/' }, 2);
  for (const value of [0.1, 0.5, 5]) durations.observe(value);
  assert.equal(
    registry.format(),
    `# HELP a_total Requests.
# TYPE a_total counter
a_total{route="/"} 3
# HELP b_seconds Durations.
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1"} 1
b_seconds_bucket{le="1"} 2
b_seconds_bucket{le="+Inf"} 3
b_seconds_sum 5.6
b_seconds_count 3
# HELP c_bytes Size.
# TYPE c_bytes gauge
c_bytes{part="x\\"\\\\\\n"} 7
`,
  );
});

test('reports memory by use, and open files', () => {
  const registry = openRegistry();
  addRoomMetrics(registry, exampleStatus);
  const text = registry.format();
  assert.match(text, /^process_open_fds 40$/m);
  assert.match(text, /^process_heap_used_bytes 40000000$/m);
  assert.match(text, /^isobar_sql_memory_bytes\{use="in_memory_table"\} 12000000$/m);
});

/** A status in which every metric has a value. */
function fullStatus(): Status {
  const status = exampleStatus();
  const at = '2024-11-01T00:00:00Z';
  const [partition] = status.log.partitions;
  const rejected_fields = [{ field: 'humidity_pct', reason: 'NaN', answers: 1, example: 'NaN' }];
  return {
    ...status,
    collector: status.collector && { ...status.collector, last_checked_at: at, rejected_fields },
    log: {
      ...status.log,
      partitions: partition === undefined ? [] : [{ ...partition, expires_in_s: 60 }],
      spool: { records: 1, bytes: 1, bytes_max: 2, since: at },
    },
    landing: { ...status.landing, last_landed_at: at },
    table: { ...status.table, committed_at: at },
    analytics: { ...status.analytics, computed_at: at },
  };
}

/** One that was never asked. */
const sharedCache = { status: () => exampleStatus().shared_cache } as SharedCache;

test('a server answers the metrics of the table, with their types and labels, and no others', async () => {
  await using api = await openTestApi({
    change: (context) => ({ ...context, status: async () => fullStatus(), sharedCache }),
  });
  await api.app.inject('/api/cities');
  const { body } = await api.app.inject('/metrics');
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
  const declared = Object.entries(METRICS).map(([name, { type }]) => [name, type]);
  assert.deepEqual(types.sort(), declared.sort());
  for (const [, sample = '', labels = ''] of body.matchAll(/^([a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
    const name = sample in METRICS ? sample : sample.replace(/_(bucket|sum|count)$/, '');
    const metric: Metric = METRICS[name as MetricName];
    const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label]) => label);
    assert.deepEqual(
      names.filter((label) => label !== 'le'),
      metric.labels ?? [],
      sample,
    );
  }
});

test('the prefix of a metric is its room', () => {
  const entries = readdirSync(new URL('..', import.meta.url));
  for (const name of Object.keys(METRICS)) {
    const [first, room = ''] = name.split('_');
    const isWhole = first === 'process' || ['info', 'start'].includes(room);
    assert.ok(isWhole || entries.includes(room) || entries.includes(`${room}.ts`), name);
  }
});

test('docs/metrics.md is current', () => {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  assert.equal(text, formatMetricsDocument(), 'run `npm run docs`');
});
