/** What is seen of the real services: their figures, and that one in trouble disturbs no other. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { loadConfig } from '../../src/config/load.ts';
import { parseRedisUrl } from '../../src/config/redis-address.ts';
import { openKafkaProbe } from '../../src/engines/kafka.ts';
import { openRedisProbe } from '../../src/engines/redis.ts';
import { assertReading } from '../../src/engines/testing/contract.ts';
import { isErrorCode } from '../../src/errors.ts';
import { openClient } from '../../src/log/kafka-client.ts';
import { silentLogger } from '../../src/logger.ts';
import { type EngineKind, FIGURES } from '../../src/model/engine-figures.ts';
import type { Engine } from '../../src/model/engines.ts';
import { type Pipeline, ROLES, startPipeline } from '../../src/pipeline/pipeline.ts';
import { absent, control, killService, restartService, service } from './services.ts';

const [kafka, hdfs, spark] = [service('kafka'), service('hdfs'), service('spark')];
const missing = (['kafka', 'hdfs', 'spark'] as const).find((kind) => service(kind) === null);
const skip = missing === undefined ? false : absent(missing);
const TIMEOUT_MS = 180_000;
const name = `engines-${randomUUID()}`;

let folder = '';
let pipeline: Pipeline;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'isobar-engines-'));
  const flags = {
    data: join(folder, 'data'),
    'log.engine': 'kafka',
    'log.kafka.brokers': kafka?.brokers ?? '',
    'log.kafka.topic': name,
    'log.kafka.group': name,
    'log.kafka.replication': '3',
    'lake.engine': 'hdfs',
    'lake.hdfs.namenodes': hdfs?.namenodes ?? '',
    'lake.hdfs.address': hdfs?.address ?? '',
    'lake.hdfs.folder': `/test/${name}`,
    'analytics.engine': 'spark',
    'analytics.spark.rows_least': '0',
    'analytics.spark.address': spark?.address ?? '',
    'engines.interval_s': '1',
    'engines.timeout_s': '4',
    'engines.hdfs.journalnode_urls': hdfs?.journalNodes ?? '',
    'engines.spark.ui_url': spark?.ui ?? '',
    'engines.spark.master_url': spark?.master ?? '',
    'simulator.history_days': '1',
    'table.landing_age_s': '1',
    'api.port': '0',
  };
  const { config } = loadConfig({ file: null, env: {}, flags });
  pipeline = await startPipeline({
    config,
    roles: ROLES,
    logger: silentLogger,
    version: '0.0.0',
    command: 'isobar test',
    webFolder: null,
  });
});

after(async () => {
  if (skip) return;
  await pipeline[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function engine(kind: EngineKind): Promise<Engine> {
  const answer = await fetch(`${pipeline.url}/api/engines`);
  const { data } = (await answer.json()) as { data: Engine[] };
  const found = data.find((one) => one.kind === kind);
  assert.ok(found, `${kind} is not watched`);
  return found;
}

const valuesOf = ({ figures }: Engine) =>
  Object.fromEntries(figures.map(({ name: figure, value }) => [figure, value]));

/** Asks until it is as wanted; fails with the last answer. */
async function until(kind: EngineKind, isRight: (engine: Engine) => boolean): Promise<Engine> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const found = await engine(kind);
    if (isRight(found)) return found;
    if (performance.now() > deadline) {
      const { state, error, parts } = found;
      assert.fail(JSON.stringify({ state, error, parts, ...valuesOf(found) }, null, 1));
    }
    await delay(200);
  }
}

type Range = readonly [least: number, most: number];

function assertFigures(found: Engine, ranges: Readonly<Record<string, Range>>): void {
  const values = valuesOf(found);
  for (const [figure, [least, most]] of Object.entries(ranges)) {
    const value = values[figure];
    assert.ok(typeof value === 'number' && value >= least && value <= most, `${figure}: ${value}`);
  }
}

const GIB = 1024 ** 3;

test('each figure of the services has a plausible value', {
  skip,
  timeout: TIMEOUT_MS,
}, async () => {
  const broker = await until('kafka', (one) => {
    const { log_size_bytes, lag_records, records_per_second } = valuesOf(one);
    return (log_size_bytes ?? 0) > 0 && lag_records === 0 && records_per_second !== null;
  });
  assertFigures(broker, {
    records_per_second: [0, 1e6],
    lag_records: [0, 1_000],
    lag_seconds: [0, 120],
    under_replicated_partitions: [0, 0],
    offline_partitions: [0, 0],
    log_size_bytes: [1_000, GIB],
    leader_changes_total: [0, 10],
    brokers_live: [3, 3],
    brokers_expected: [3, 3],
    brokers_missing: [0, 0],
  });
  assert.equal(broker.state, 'ok');
  assert.ok(broker.address.startsWith(kafka?.brokers ?? '?'));

  const lake = await until('hdfs', (one) => valuesOf(one).gc_ratio !== null);
  assertFigures(lake, {
    namenodes_active: [1, 1],
    namenodes_standby: [1, 1],
    namenodes_unreachable: [0, 0],
    safe_mode: [0, 0],
    heap_used_bytes: [1e6, GIB],
    heap_used_ratio: [0.01, 1],
    gc_ratio: [0, 1],
    gc_seconds_total: [0, 1_000],
    blocks: [1, 1e6],
    missing_blocks: [0, 0],
    datanodes_live: [2, 3],
    datanodes_dead: [0, 1],
    datanodes_stale: [0, 0],
    capacity_bytes: [GIB, 1e16],
    capacity_used_bytes: [1, 1e15],
    capacity_used_ratio: [0, 1],
    journal_lag_transactions: [0, 1_000],
    journalnodes_unreachable: [0, 0],
    answer_seconds: [0, 4],
  });
  const nodes = lake.parts.filter(({ kind, note }) => kind === 'datanode' && note === 'live');
  assert.ok(nodes.length >= 2);
  for (const { figures } of nodes) assert.ok((figures.capacity_bytes ?? 0) > GIB);
  const states = lake.parts.filter(({ kind }) => kind === 'namenode').map(({ note }) => note);
  assert.deepEqual(states.sort(), ['active', 'standby']);

  const driver = await until('spark', (one) => valuesOf(one).task_p95_seconds !== null);
  assertFigures(driver, {
    jobs_running: [0, 20],
    jobs_failed: [0, 1_000],
    task_p50_seconds: [0, 100],
    task_p95_seconds: [0, 100],
    spilled_bytes: [0, GIB],
    shuffled_bytes: [0, GIB],
    gc_ratio: [0, 1],
    executors: [1, 8],
    tasks_failed_total: [0, 1_000],
    cores: [1, 64],
    memory_used_bytes: [0, 10 * GIB],
    memory_limit_bytes: [1e6, 100 * GIB],
    master_unreachable: [0, 0],
    workers_live: [1, 3],
    worker_memory_used_ratio: [0, 1],
  });

  // Its slowest requests are known once some came between two looks.
  const server = await until('api', (one) => valuesOf(one).request_p99_seconds !== null);
  assertFigures(server, { request_p99_seconds: [0, 60], hdfs_answer_seconds: [0, 4] });

  const metrics = await (await fetch(`${pipeline.url}/metrics`)).text();
  for (const kind of ['kafka', 'hdfs', 'spark'] as const) {
    for (const [figure, { help }] of Object.entries(FIGURES[kind])) {
      if (/ by JMX\.$/.test(help)) continue;
      assert.match(metrics, new RegExp(`^isobar_engines_${kind}_${figure} `, 'm'));
    }
  }
});

test('a NameNode that hangs is a warning while the other answers', {
  skip,
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const { parts } = await until('hdfs', (one) => one.state === 'ok' || one.state === 'warning');
  const nodes = parts.filter(({ kind }) => kind === 'namenode');
  const standby = `namenode-${nodes.findIndex(({ note }) => note === 'standby') + 1}`;
  const services = await control();
  await services.signal(standby, 'SIGSTOP');
  try {
    const lake = await until('hdfs', (one) => valuesOf(one).namenodes_unreachable === 1);
    assert.equal(lake.state, 'warning');
    assert.equal(valuesOf(lake).namenodes_active, 1);
  } finally {
    await services.signal(standby, 'SIGCONT');
  }
  await until('hdfs', (one) => valuesOf(one).namenodes_unreachable === 0);
});

test('a DataNode that died is seen, and seen again when it is back', {
  skip,
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  await killService('datanode-2');
  try {
    const lake = await until('hdfs', (one) => (valuesOf(one).datanodes_dead ?? 0) > 0);
    assert.equal(lake.state, 'warning');
    const figure = lake.figures.find((one) => one.name === 'datanodes_dead');
    assert.equal(figure?.state, 'warning');
    assert.match(figure?.remedy ?? '', /Start the DataNode/);
    assert.ok(lake.parts.some(({ kind, note }) => kind === 'datanode' && note === 'dead'));
  } finally {
    await (await control()).start('datanode-2');
  }
  await until('hdfs', (one) => (valuesOf(one).datanodes_dead ?? 1) === 0);
});

test('while no NameNode answers the last figures stay, with their age; others are asked as ever', {
  skip,
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const services = await control();
  const names = ['namenode-1', 'namenode-2'];
  const known = valuesOf(await engine('hdfs'));
  for (const one of names) await services.signal(one, 'SIGSTOP');
  try {
    const lake = await until('hdfs', (one) => one.state === 'unreachable' && (one.age_s ?? 0) > 12);
    assert.equal(lake.error?.code, 'SERVICE_UNREACHABLE');
    assert.equal(valuesOf(lake).capacity_bytes, known.capacity_bytes);
    assert.ok(lake.seen_at !== null);
    const broker = await engine('kafka');
    assert.notEqual(broker.state, 'unreachable');
    assert.ok((broker.age_s ?? 99) < 6, `${broker.age_s}`);
    assert.ok(((await engine('api')).age_s ?? 99) < 6);
  } finally {
    for (const one of names) await restartService(one);
  }
  await until('hdfs', (one) => one.state !== 'unreachable' && valuesOf(one).namenodes_active === 1);
});

test('a broker that died leaves copies behind, and partitions without another copy have no leader', {
  skip,
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  const { config } = loadConfig({
    file: null,
    env: {},
    flags: { 'log.kafka.brokers': kafka?.brokers ?? '', 'log.kafka.topic': `${name}-alone` },
  });
  const client = await openClient(config.log.kafka);
  await using probe = openKafkaProbe({
    client,
    brokers: kafka?.brokers ?? '',
    group: name,
    timeOf: async () => null,
    jmxUrls: [],
    timeoutMs: 5_000,
  });
  await client.admin.createTopics({ topics: [client.topic], partitions: 3, replicas: 1 });
  const read = () => probe.read(AbortSignal.timeout(TIMEOUT_MS));
  // A new topic has no leaders yet, and the brokers hear of it one after the other.
  for (let ready = 0; ready < 3; await delay(100)) {
    const reading = await read().catch((error: unknown) => {
      if (!isErrorCode(error, 'LOG_UNAVAILABLE')) throw error;
      return null;
    });
    const { lag_records = null, offline_partitions = null } = reading?.figures ?? {};
    ready = lag_records !== null && offline_partitions === 0 ? ready + 1 : 0;
  }
  await killService('kafka-3');
  try {
    const broker = await until(
      'kafka',
      (one) => (valuesOf(one).under_replicated_partitions ?? 0) > 0,
    );
    assert.equal(broker.state, 'warning');
    assert.equal(valuesOf(broker).brokers_missing, 1);
    const reading = await read();
    assertReading(probe, reading);
    const { figures, parts } = reading;
    assert.equal(figures.offline_partitions, 1);
    assert.equal(figures.brokers_missing, 1);
    assert.deepEqual(
      parts.map(({ note }) => note),
      ['live', 'live', 'missing'],
    );
  } finally {
    await (await control()).start('kafka-3');
  }
  await until('kafka', (one) => (valuesOf(one).under_replicated_partitions ?? 1) === 0);
  await until('kafka', (one) => (valuesOf(one).leader_changes_total ?? 0) > 0);
});

const redis = service('redis');

test('Redis says what it holds, and how often it was asked', {
  skip: redis === null && absent('redis'),
}, async () => {
  const address = parseRedisUrl(redis?.url ?? '');
  assert.ok(address !== null);
  await using probe = await openRedisProbe({ address, timeoutMs: 5_000 });
  const first = await probe.read(AbortSignal.timeout(10_000));
  assert.equal(first.figures.commands_per_second, null);
  const reading = await probe.read(AbortSignal.timeout(10_000));
  assertReading(probe, reading);
  const { figures } = reading;
  assert.ok((figures.memory_used_bytes ?? 0) > 100_000);
  assert.equal(figures.memory_limit_bytes, 128 * 1024 * 1024);
  assert.ok((figures.connections ?? 0) >= 1);
  assert.ok((figures.commands_per_second ?? 0) > 0);
});
