import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRegistry } from './metrics.ts';
import { addRoomMetrics } from './room-metrics.ts';
import { exampleStatus } from './testing/api.ts';

test('counters, gauges and histograms as Prometheus reads them', () => {
  const registry = openRegistry();
  const requests = registry.counter('a_total', 'Requests.');
  const durations = registry.histogram('b_seconds', 'Durations.', [0.1, 1]);
  registry.gauge('c_bytes', 'Size.', () => [[{ part: 'x"\\\n' }, 7]]);
  registry.gauge('d', 'Nothing yet.', () => []);
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
  assert.match(text, /^isobar_engine_memory_bytes\{use="in_memory_table"\} 12000000$/m);
});
