/**
 * Every secret setting goes to a service that refuses and repeats it: the service gets it, and it is
 * in no file, line, metric, page or error.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SETTINGS } from '../src/config/settings.ts';
import { addressOf, assertNowhere, commandLine, filesBelow, formsOf } from './support/canary.ts';
import { type Child, startChild } from './support/child.ts';
import { openRepeatingServices, type RepeatingServices } from './support/repeating-services.ts';
import { until } from './support/until.ts';

const USER = 'isobar';
const canaryOf = (path: string) => `canary+${path}/0123456789`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Secret {
  /** The setting's value, where the secret is a part of it. */
  readonly value?: (canary: string, services: RepeatingServices) => string;
  /** How the service gets it; null where another test shows that. */
  readonly sent: ((canary: string) => string) | null;
}

const SECRETS: Readonly<Record<string, Secret>> = {
  // test/canary.test.ts
  'openweather.key': { sent: null },
  // It follows a handshake: test/cluster/kafka-security.test.ts
  'log.kafka.password': { sent: null },
  // The provider is asked at a login alone: test/single-sign-on.test.ts
  'api.auth.oidc.client_secret': { sent: null },
  // The brokers' client asks for a token: src/log/kafka-token.test.ts
  'log.kafka.oauth.client_secret': { sent: null },
  'lake.hdfs.token': { sent: (canary) => `delegation=${encodeURIComponent(canary)}` },
  'analytics.spark.token': { sent: (canary) => `Bearer ${canary}` },
  'index.opensearch.password': { sent: (canary) => base64(`${USER}:${canary}`) },
  'tracing.headers': { value: (canary) => `api-key=${canary}`, sent: (canary) => canary },
  'api.cache.redis_url': {
    value: (canary, { redis }) =>
      `redis://${USER}:${encodeURIComponent(canary)}@127.0.0.1:${redis}`,
    sent: (canary) => canary,
  },
};
const ROUTES = [
  '/',
  '/api/status',
  '/api/engines',
  '/api/anomalies?q=x',
  '/api/cities',
  '/metrics',
];

test('each secret setting has its place in this test', () => {
  const secrets = SETTINGS.filter(({ secret }) => secret).map(({ path }) => path);
  assert.deepEqual(secrets.toSorted(), Object.keys(SECRETS).toSorted());
});

test('no secret setting is to be found after its service refused and repeated it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-canary-settings-'));
  const secrets = mkdtempSync(join(tmpdir(), 'isobar-canary-secrets-'));
  await using services = await openRepeatingServices();
  const env = { ...serviceVariables(folder, services), ...secretVariables(secrets, services) };
  const said: string[] = [];
  const run = async (args: readonly string[], done: (child: Child) => Promise<unknown>) => {
    const child = startChild(commandLine(...args), { env });
    await Promise.race([done(child), child.ended]).finally(() => child.process.kill('SIGTERM'));
    const { output, errors } = await child.ended;
    said.push(output, errors);
    assert.ok(output + errors !== '', args.join(' '));
  };
  const toItsEnd = ({ ended }: Child) => ended;
  const hdfs = ['--set', 'lake.engine=hdfs'];
  try {
    await Promise.all(
      [
        ...[['config'], ['doctor', '--online'], ['status', ...hdfs]],
        ['collect', '--set', 'log.engine=kafka', ...hdfs],
      ].map((args) => run(args, toItsEnd)),
    );
    const wanted = Object.entries(SECRETS).flatMap(([path, { sent }]) => {
      return sent === null ? [] : sent(canaryOf(path));
    });
    const missing = () => wanted.filter((form) => !services.received.join('\n').includes(form));
    await run(['start', '--port', '0'], async () => {
      const url = await addressOf(join(folder, 'simulated'));
      await until(
        () => `all services refused, those without their secret: ${missing()}`,
        async () => {
          const texts: string[] = [];
          for (const route of ROUTES) texts.push(await (await fetch(url + route)).text());
          said.push(...texts);
          return missing().length === 0 && /ENGINE_REFUSED/.test(texts.join(''));
        },
        60_000,
      );
    });
    said.push(...filesBelow(folder));
    assert.ok(said.join('').length > 10_000, 'the day left traces to look through');
    const forms = Object.keys(SECRETS).flatMap((path) => formsOf(canaryOf(path), [USER]));
    assertNowhere(said, forms);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(secrets, { recursive: true, force: true });
  }
});

/** Each engine but that of the lake and the log, at the services. */
function serviceVariables(folder: string, { http, http2, closing }: RepeatingServices) {
  const at = (port: number) => `127.0.0.1:${port}`;
  return {
    ISOBAR_DATA: folder,
    ISOBAR_LOG_LEVEL: 'debug',
    ISOBAR_COLLECTOR_SOURCE: 'simulator',
    ISOBAR_SIMULATOR_HISTORY_DAYS: '1',
    ISOBAR_OPENWEATHER_URL: `http://${at(http)}`,
    ISOBAR_LOG_KAFKA_BROKERS: at(closing),
    ISOBAR_LOG_KAFKA_MECHANISM: 'plain',
    ISOBAR_LOG_KAFKA_USER: USER,
    ISOBAR_LOG_KAFKA_TIMEOUT_S: '1',
    ISOBAR_LAKE_HDFS_NAMENODES: `http://${at(http)}`,
    ISOBAR_LAKE_HDFS_TIMEOUT_S: '1',
    ISOBAR_LAKE_HDFS_RETRY_TIMEOUT_S: '1',
    ISOBAR_ANALYTICS_ENGINE: 'spark',
    ISOBAR_ANALYTICS_SPARK_ADDRESS: `sc://${at(http2)}`,
    ISOBAR_ANALYTICS_SPARK_ROWS_LEAST: '0',
    ISOBAR_ANALYTICS_SPARK_RETRIES: '0',
    ISOBAR_ANALYTICS_SPARK_TIMEOUT_S: '1',
    ISOBAR_INDEX_ENGINE: 'opensearch',
    ISOBAR_INDEX_OPENSEARCH_URL: `http://${at(http)}`,
    ISOBAR_INDEX_OPENSEARCH_USER: USER,
    ISOBAR_TRACING_OTLP_URL: `http://${at(http)}`,
    ISOBAR_STOP_S: '1',
  };
}

/** The secrets, in turn as variables, in files, and as credentials of systemd. */
function secretVariables(folder: string, services: RepeatingServices): Record<string, string> {
  const env: Record<string, string> = { CREDENTIALS_DIRECTORY: folder };
  for (const [at, { path, variable }] of SETTINGS.filter(({ secret }) => secret).entries()) {
    const canary = canaryOf(path);
    const value = SECRETS[path]?.value?.(canary, services) ?? canary;
    const file = join(folder, at % 3 === 2 ? `isobar.${path}` : path);
    if (at % 3 === 0) env[variable] = value;
    else writeFileSync(file, `${value}\n`, { mode: 0o600 });
    if (at % 3 === 1) env[`${variable}_FILE`] = file;
  }
  return env;
}
