/** Each role, run as the chart runs it, opens the connections of the table, all of them and no other. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { startSimulator } from '../../src/collector/simulator/server.ts';
import { DEFAULT_CITIES } from '../../src/model/city.ts';
import { AMPLE_BUDGET } from '../support/budget.ts';
import { type Values, valuesWith } from '../support/helm.ts';
import { openLeash } from '../support/leash.ts';
import { readTopology, servicesOf } from '../support/topology.ts';
import { until } from '../support/until.ts';
import { absent, service } from './services.ts';

const NEEDED = ['kafka', 'hdfs', 'spark', 'redis'] as const;
const missing = NEEDED.find((kind) => service(kind) === null);
const cluster = process.env.ISOBAR_TEST_CLUSTER ?? '';
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const RECORDER = join(import.meta.dirname, '../support/record-connections.ts');
const TIMEOUT_MS = 240_000;
const ROLES = ['collect', 'land', 'analyze', 'serve', 'alerts'];

interface Profile {
  readonly log: { readonly kafka: object };
  readonly lake: { readonly hdfs: object };
  readonly analytics: { readonly spark: object };
  readonly api: { readonly cache: { readonly redis_url: string } };
  readonly engines: object;
}

/** What the chart would make of these services: settings in a file, secrets as files. */
function settingsOf(folder: string, provider: string): { config: object; redis: string } {
  const profile: Profile = parse(readFileSync(join(cluster, 'profile.yaml'), 'utf8'));
  const name = `connections-${randomUUID()}`;
  const { log, lake, analytics, api, engines, ...rest } = profile;
  const config = {
    ...rest,
    openweather: { url: provider },
    collector: { interval_s: 10, delay_s: 0, budget: AMPLE_BUDGET },
    log: { engine: 'kafka', kafka: { ...log.kafka, topic: name, group: name } },
    lake: { engine: 'hdfs', hdfs: { ...lake.hdfs, folder: `/test/${name}` } },
    table: { landing_age_s: 1 },
    analytics: {
      engine: 'spark',
      spark: { ...analytics.spark, rows_least: 0 },
      refresh_delay_s: 0.1,
    },
    engines: { ...engines, interval_s: 1 },
    api: { port: 0 },
  };
  const file = join(folder, 'redis');
  writeFileSync(file, api.cache.redis_url, { mode: 0o600 });
  return { config, redis: file };
}

/** Port → name of the service in the table. */
function portsOf(provider: string): ReadonlyMap<number, string> {
  const known: Record<string, number> = JSON.parse(
    readFileSync(join(cluster, 'ports.json'), 'utf8'),
  );
  const patterns: readonly (readonly [RegExp, string])[] = [
    [/^kafka-\d\.(port|proxiedPort)$/, 'kafka'],
    [/^namenode-\d\.http$/, 'namenodes'],
    [/^datanode-\d\.http$/, 'datanodes'],
    [/^journalnode-\d\.http$/, 'journalnodes'],
    [/^spark-connect$/, 'spark'],
    [/^spark-ui$/, 'sparkDriver'],
    [/^spark-master-\d\.http$/, 'sparkMaster'],
    [/^redis$/, 'redis'],
    [/^opensearch/, 'opensearch'],
  ];
  const ports = Object.entries(known).flatMap(([name, port]) => {
    const found = patterns.find(([pattern]) => pattern.test(name));
    return found === undefined ? [] : [[port, found[1]] as const];
  });
  return new Map([...ports, [Number(new URL(provider).port), 'provider']]);
}

function recorded(file: string, ports: ReadonlyMap<number, string>): string[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const numbers = (kind: string) =>
    lines.filter((line) => line.startsWith(kind)).map((line) => Number(line.slice(kind.length)));
  const own = numbers('at ');
  const others = numbers('to ').filter((port) => !own.includes(port));
  return [...new Set(others.map((port) => ports.get(port) ?? `port ${port}`))].sort();
}

test('every role opens the connections of the table and no other', {
  skip: missing !== undefined && absent(missing),
  timeout: 2 * TIMEOUT_MS,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-connections-'));
  using leash = openLeash(folder);
  const cities = DEFAULT_CITIES;
  const simulator = await startSimulator({ seed: 1, intervalSeconds: 10, speed: 1, cities });
  const { config, redis } = settingsOf(folder, simulator.url);
  writeFileSync(join(folder, 'isobar.yaml'), stringify(config));
  writeFileSync(join(folder, 'key'), 'a-key-of-the-test', { mode: 0o600 });
  const secrets = {
    'openweather.key': { secret: 'provider', key: 'key' },
    'api.cache.redis_url': { secret: 'redis', key: 'url' },
  };
  const values: Values = { ...valuesWith(null), config: config as Values['config'], secrets };
  const topology = readTopology();
  const ports = portsOf(simulator.url);
  const output = new Map<string, string>();
  const children = ROLES.map((role) => {
    const services = servicesOf(topology, role, values);
    const isPolling = services.includes('provider');
    const child = spawn(
      process.execPath,
      ['--import', RECORDER, MAIN, ...(topology.roles[role]?.command ?? [])],
      {
        env: {
          ...process.env,
          NODE_TEST_CONTEXT: '',
          RECORD_CONNECTIONS: join(folder, `${role}.txt`),
          ISOBAR_CONFIG: join(folder, 'isobar.yaml'),
          ISOBAR_DATA: join(folder, role),
          ISOBAR_COLLECTOR_SOURCE: isPolling ? 'openweathermap' : 'none',
          ...(isPolling ? { ISOBAR_OPENWEATHER_KEY_FILE: join(folder, 'key') } : {}),
          ...(services.includes('redis') ? { ISOBAR_API_CACHE_REDIS_URL_FILE: redis } : {}),
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    leash.hold(child.pid ?? 0);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.set(role, `${output.get(role) ?? ''}${text}`.slice(-5_000));
    });
    return child;
  });
  try {
    const address = () => /http:\/\/\S+(?= is up)/.exec(output.get('serve') ?? '')?.[0];
    const url = await until(() => `serve is up: ${output.get('serve')}`, address, TIMEOUT_MS);
    // All the way: polled by one, landed by another, computed on Spark, served by the last.
    let last: unknown = null;
    await until(
      () => `statistics are served: ${JSON.stringify(last)}`,
      async () => {
        const answer = await fetch(`${url}/api/city-statistics`).catch(() => null);
        const { data = [], meta }: Answer = answer?.ok ? ((await answer.json()) as Answer) : {};
        last = data.length === 0 ? await statusOf(url) : { data, meta };
        return data.length === cities.length && meta?.simulated === false;
      },
      TIMEOUT_MS,
    );
    for (const role of ROLES) {
      const expected = servicesOf(topology, role, values)
        .filter((name) => name !== 'dns' && name !== 'channels')
        .sort();
      const look = () => recorded(join(folder, `${role}.txt`), ports);
      const isAll = () => expected.every((name) => look().includes(name));
      await until(() => `${role}: ${look()}, expected ${expected}`, isAll, TIMEOUT_MS);
      assert.deepEqual(look(), expected, role);
      t.diagnostic(`${role}: ${look().join(', ')}`);
    }
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});

async function statusOf(url: string): Promise<unknown> {
  return (await fetch(`${url}/api/status`).catch(() => null))?.json();
}

interface Answer {
  readonly data?: readonly unknown[];
  readonly meta?: { readonly simulated: boolean };
}
