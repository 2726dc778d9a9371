/**
 * The stream on brokers that ask who connects: Spark logs in with a file of its own, with no more
 * permissions than the role has, and the query holds no secret.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { cacheFolder, resolveDistribution } from '../../src/cluster/artifacts.ts';
import { openPorts } from '../../src/cluster/ports.ts';
import { openService } from '../../src/cluster/process.ts';
import { sparkServices } from '../../src/cluster/spark.ts';
import { openAcls } from '../../src/log/kafka-acls.ts';
import { permissionsOf } from '../../src/log/kafka-permissions.ts';
import { hoursTopicOf, openLog } from '../../src/log/open.ts';
import { formatRecord } from '../../src/model/observation.ts';
import type { StreamingStatus } from '../../src/model/status.ts';
import { openCrew } from '../support/crew.ts';
import { until } from '../support/until.ts';
import { SECRET, startSecuredBroker } from './secured-broker.ts';
import { absent, service } from './services.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const TIMEOUT_MS = 240_000;
const TOPIC = 'streamed';
const missing = (['kafka', 'spark'] as const).find((kind) => service(kind) === null);

/** Spark that computes by itself, with the login of this user in a file. */
async function startSpark(folder: string, user: string) {
  const login = join(folder, 'kafka.jaas');
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  const text = `KafkaClient {\n ${module} required username="${user}" password="${SECRET}";\n};\n`;
  await writeFile(login, text, { mode: 0o600 });
  const ports = await openPorts(join(folder, 'spark-ports.json'));
  const [connectPort, uiPort] = [await ports.of('connect'), await ports.of('ui')];
  const [[spec] = []] = sparkServices({
    ...{ distribution: await resolveDistribution('spark', cacheFolder(process.env)), connectPort },
    ...{ master: null, workers: [], workersAtStart: 0, uiPort, properties: {}, user: 'isobar' },
    heapMib: 900,
  });
  assert.ok(spec !== undefined);
  const args = [`-Djava.security.auth.login.config=${login}`, ...spec.args];
  const spark = openService({ ...spec, args }, folder);
  await spark.start();
  return {
    address: `sc://127.0.0.1:${connectPort}`,
    output: join(folder, 'spark-connect', 'output.log'),
    pages: `http://127.0.0.1:${uiPort}`,
    [Symbol.asyncDispose]: () => spark.stop(),
  };
}

test('the stream reads and writes with the permissions of its role, and no secret is shown', {
  skip: missing !== undefined && absent(missing),
  timeout: 2 * TIMEOUT_MS,
}, async () => {
  await using broker = await startSecuredBroker({ users: ['isobar'] });
  const folder = await mkdtemp(join(broker.folder, 'stream-'));
  await using spark = await startSpark(folder, 'isobar');
  const names = { topic: TOPIC, group: TOPIC, hoursTopic: hoursTopicOf(TOPIC) };
  const needed = permissionsOf(['stream'], { ...names, analyzeTraces: false });
  {
    const { kafka } = broker.configOf({ topic: TOPIC, user: 'admin' });
    await using acls = await openAcls(kafka, 'User:isobar');
    await acls.apply(needed);
  }
  const admin = broker.configOf({ topic: TOPIC, user: 'admin' });
  await using log = await openLog(admin, folder);
  await log.append([{ key: 'oslo', value: record() }]);

  const { brokers, tls_authority } = broker.configOf().kafka;
  const kafka = { brokers, topic: TOPIC, group: TOPIC, tls: true, tls_authority };
  const settings = join(folder, 'isobar.yaml');
  const text = stringify({
    data: join(folder, 'data'),
    collector: { source: 'none' },
    log: { engine: 'kafka', kafka: { ...kafka, mechanism: 'scram-sha-512', user: 'isobar' } },
    analytics: { engine: 'spark', spark: { address: spark.address, timeout_s: 10 } },
    streaming: { enabled: true, partitions: 1 },
  });
  await writeFile(settings, text);
  const secret = join(folder, 'secret');
  await writeFile(secret, SECRET, { mode: 0o600 });
  const env = { ISOBAR_LOG_KAFKA_PASSWORD_FILE: secret };
  await using crew = openCrew(folder, settings);
  const stream = crew.start('stream', env);
  let status: StreamingStatus | null = null;
  const isAt = async (batch: number) => {
    crew.assertAlive();
    const asked = await promisify(execFile)(
      process.execPath,
      [MAIN, 'status', '--json', '--config', settings],
      { env: { ...process.env, ...env, NODE_TEST_CONTEXT: '' } },
    );
    status = JSON.parse(asked.stdout).streaming;
    return (status?.batch ?? -1) >= batch;
  };
  await until('the query runs', () => isAt(0), TIMEOUT_MS).catch((error) => {
    assert.fail(`${error}: ${JSON.stringify(status)} ${stream.output}`);
  });
  const hours = { ...admin, kafka: { ...admin.kafka, topic: hoursTopicOf(TOPIC) } };
  const { openKeyedTopic } = await import('../../src/log/kafka-keyed.ts');
  await using written = await openKeyedTopic(hours.kafka, hoursTopicOf(TOPIC), 12);
  const found: string[] = [];
  const isWritten = async () => {
    for await (const records of written.readNew()) {
      found.push(...records.map(({ value }) => Buffer.from(value).toString()));
    }
    return found.length > 0;
  };
  await until('it writes', isWritten, TIMEOUT_MS);
  assert.match(found.join(), /"city_id":"oslo"/);
  const pages = ['connect/', 'SQL/', 'StreamingQuery/', 'environment/', 'jobs/'];
  const shown = await Promise.all(
    pages.map(async (page) => (await fetch(`${spark.pages}/${page}`)).text()),
  );
  const outputs = [...shown, await readFile(spark.output, 'utf8'), stream.output];
  assert.ok(shown.join('').length > 1_000);
  assert.ok(!outputs.some((one) => one.includes(SECRET)), 'the password is shown');
});

function record(): Buffer {
  const now = new Date().toISOString();
  return Buffer.from(
    formatRecord({
      ...{ city_id: 'oslo', city: 'Oslo', country: 'NO', source: 'test', interval_s: 600 },
      observed_at: now.replace(/\.\d+Z$/, 'Z'),
      ...{ collected_at: now, utc_offset_s: 0, provider_city_id: null, response: '{}' },
      ...{ temperature_c: 4.5, humidity_pct: 80, wind_speed_ms: 3 },
    }),
  );
}
