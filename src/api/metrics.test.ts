import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { EngineProbe } from '../engines/engine-probe.ts';
import { testProbe } from '../engines/testing/service.ts';
import { openWatch } from '../engines/watch.ts';
import type { City } from '../model/city.ts';
import { ENGINE_KINDS, FIGURES } from '../model/engine-figures.ts';
import type { Status } from '../model/status.ts';
import type { Metric } from './metric.ts';
import { formatRules } from './metric-rules.ts';
import { listAlerts, METRICS } from './metric-table.ts';
import { openMetrics } from './metrics.ts';
import { formatMetricsDocument } from './metrics-document.ts';
import { PROCESS_METRICS } from './process-metrics.ts';
import { addRoomMetrics } from './room-metrics.ts';
import type { SharedCache } from './shared/cache.ts';
import { openTestApi } from './testing/api.ts';
import { exampleStatus } from './testing/status.ts';

const declared: Readonly<Record<string, Metric>> = METRICS;

test('what a room reports becomes samples; what has no number has no sample', async () => {
  const metrics = openMetrics();
  metrics.read('isobar_log_waiting_records', () => [[{ partition: 'x"\\\n' }, 7]]);
  metrics.read('isobar_log_spool_records', () => []);
  metrics.read('isobar_table_rows', () => [[{}, Number.NaN]]);
  metrics.read('isobar_api_events_total', () => [[{}, 3]]);
  const samples = samplesOf(await metrics.format());
  assert.deepEqual(
    samples.filter((line) => line.startsWith('isobar_')),
    ['isobar_log_waiting_records{partition="x\\"\\\\\\n"} 7', 'isobar_api_events_total 3'],
  );
  assert.equal(samplesOf(await metrics.format()).includes('isobar_api_events_total 3'), true);
});

test('a counter that a room counts is not added up over two looks', async () => {
  const metrics = openMetrics();
  let count = 1;
  metrics.read('isobar_api_events_total', () => [[{}, count]]);
  await metrics.format();
  count = 2;
  assert.match(await metrics.format(), /^isobar_api_events_total 2$/m);
});

test('a room with any number of series does not flood a scrape', async () => {
  const metrics = openMetrics();
  const partitions = Array.from({ length: 5_000 }, (_, at) => [{ partition: `${at}` }, 1] as const);
  metrics.read('isobar_log_lag_seconds', () => partitions);
  const found = samplesOf(await metrics.format()).filter((line) => line.startsWith('isobar_log'));
  assert.equal(found.length, 1_000);
});

test('reports memory by use, and the state of the collector among all states', async () => {
  const metrics = openMetrics();
  addRoomMetrics(metrics, exampleStatus);
  const body = await metrics.format();
  assert.match(body, /^isobar_sql_memory_bytes\{use="in_memory_table"\} 12000000$/m);
  assert.match(body, /^isobar_collector_state\{state="live",source="openweathermap"\} 1$/m);
  assert.match(body, /^isobar_collector_state\{state="paused",source="openweathermap"\} 0$/m);
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

/** Of each service, with a value for each figure. */
function fullProbes(): EngineProbe[] {
  return ENGINE_KINDS.filter((kind) => kind !== 'api').map((kind) => {
    const names = Object.keys(FIGURES[kind]);
    const figures = Object.fromEntries(names.map((name) => [name, 1]));
    const probe = testProbe(kind, names, async () => figures);
    const node = { blocks: 1, capacity_bytes: 2, used_bytes: 1 };
    const part = { kind: 'datanode', name: 'a', note: 'live', state: 'ok', figures: node } as const;
    return { ...probe, read: async (signal) => ({ ...(await probe.read(signal)), parts: [part] }) };
  });
}

test('a server answers the metrics of the table, with their types, help and labels, and no others', async () => {
  await using engines = openWatch(fullProbes(), {
    intervalSeconds: 3_600,
    timeoutSeconds: 5,
    trendHours: 1,
  });
  await using api = await openTestApi({
    change: (context) => {
      return { ...context, engines, status: async () => fullStatus(), sharedCache };
    },
  });
  await engines.look();
  await api.app.inject('/api/cities');
  const { body } = await api.app.inject('/metrics');
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
  const expected = Object.entries(METRICS)
    .filter(([name]) => isOnThisSystem(name))
    .map(([name, { type }]) => [name, type]);
  assert.deepEqual(types.sort(), expected.sort());
  const seen = new Set<string>();
  for (const [, sample = '', labels = ''] of body.matchAll(/^([a-z_\d]+)(?:\{(.*)\})? \S+$/gm)) {
    const name = sample in METRICS ? sample : sample.replace(/_(bucket|sum|count)$/, '');
    seen.add(name);
    const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label]) => label);
    assert.deepEqual(
      names.filter((label) => label !== 'le').sort(),
      [...(declared[name]?.labels ?? [])].sort(),
      sample,
    );
  }
  for (const [name, type] of types) {
    if (name !== undefined && type === 'gauge') assert.ok(seen.has(name), `${name}: no sample`);
  }
});

test('two servers of one process count for themselves', async () => {
  await using one = await openTestApi();
  await using other = await openTestApi();
  await one.app.inject('/livez');
  const answered = /^isobar_api_requests_total\{route="\/livez"/m;
  assert.match((await one.app.inject('/metrics')).body, answered);
  assert.doesNotMatch((await other.app.inject('/metrics')).body, answered);
});

test('however many cities there are, and whatever is asked for, the samples stay as many', async () => {
  const city = (at: number): City => ({
    city_id: `city-${at}`,
    name: 'A',
    country: 'XX',
    latitude: 1,
    longitude: 1,
    time_zone: 'UTC',
  });
  await using few = await openTestApi({ cities: [city(0)] });
  await using many = await openTestApi({
    cities: Array.from({ length: 3_000 }, (_, at) => city(at)),
  });
  const ask = async ({ app }: typeof few, ids: readonly string[]) => {
    for (const id of ids) {
      await app.inject(`/api/city-statistics?city=${id}`);
      await app.inject(`/not-there/${id}`);
    }
    const { body } = await app.inject('/metrics');
    return samplesOf(body).filter((line) => line.startsWith('isobar_')).length;
  };
  const ids = Array.from({ length: 50 }, (_, at) => `city-${at}`);
  assert.equal(await ask(many, ids), await ask(few, ['city-0']));
});

test('the prefix of a metric is its room', () => {
  const entries = readdirSync(new URL('..', import.meta.url));
  for (const name of Object.keys(METRICS)) {
    if (name in PROCESS_METRICS) continue;
    const [first, room = ''] = name.split('_');
    assert.equal(first, 'isobar');
    assert.ok(room === 'build' || entries.includes(room) || entries.includes(`${room}.ts`), name);
  }
});

test('every alert has a name of its own, and asks for metrics of the table', () => {
  const alerts = listAlerts();
  const names = alerts.map(({ name, severity }) => `${name} ${severity}`);
  assert.equal(new Set(names).size, alerts.length);
  for (const { name, query } of alerts) {
    for (const [metric] of query.matchAll(/\b(isobar|process|nodejs)_[a-z_\d]+/g)) {
      const family = metric.replace(/_(bucket|sum|count)$/, '');
      assert.ok(metric in METRICS || family in METRICS, `${name}: ${metric}`);
    }
  }
});

test('the rules among the examples are current', () => {
  const rules = new URL('../../examples/prometheus/isobar.rules.yml', import.meta.url);
  assert.equal(readFileSync(rules, 'utf8'), formatRules(), 'run `npm run docs`');
});

test('docs/metrics.md is current', () => {
  const written = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  assert.equal(written, formatMetricsDocument(), 'run `npm run docs`');
});

function samplesOf(body: string): string[] {
  return body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** What Linux alone reports. */
function isOnThisSystem(name: string): boolean {
  const onLinux = /^process_(virtual_memory_bytes|heap_bytes|open_fds|max_fds)$/;
  return process.platform === 'linux' || !onLinux.test(name);
}
