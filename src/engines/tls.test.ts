/** Pages of services over https, with the authority that is configured for them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import { makeTrust } from '../../test/support/trust.ts';
import { until } from '../../test/support/until.ts';
import { loadConfig } from '../config/load.ts';
import { authorityOf } from '../config/tls-authority.ts';
import type { EngineKind } from '../model/engine-figures.ts';
import { readKafkaJmx } from './kafka-jmx.ts';
import { openProbes, type ProbeSources } from './open.ts';
import { openRates } from './rates.ts';
import { startService } from './testing/service.ts';

const trust = makeTrust();
after(() => trust[Symbol.dispose]());

/** The brokers have no partitions, and answer by JMX alone. */
const SOURCES = {
  openKafka: async () => ({
    ...{ brokers: 'b:9092', group: 'g', timeOf: async () => null },
    client: {
      topic: 'weather_data',
      translate: (error: unknown) => error,
      async admin() {
        throw new Error('no broker');
      },
      async [Symbol.asyncDispose]() {},
    },
  }),
  openHdfsPages: async () => null,
} as unknown as ProbeSources;

async function probeOf(kind: EngineKind, flags: Readonly<Record<string, string>>) {
  const probes = await openProbes(loadConfig({ file: null, env: {}, flags }).config, SOURCES);
  const probe = probes.find((one) => one.kind === kind);
  assert.ok(probe);
  return probe;
}

const APPLICATION = [{ id: 'app-1', attempts: [{ completed: false }] }];
const spark = (path: string) => {
  if (path.startsWith('/json')) return { workers: [] };
  return path.endsWith('/applications') ? APPLICATION : [];
};

test('pages of Spark are read with the authority of Spark, and no other', async () => {
  await using page = await startService(spark, trust.pair);
  const read = async (authority: string) => {
    await using probe = await probeOf('spark', {
      'engines.spark.ui_url': page.url,
      'engines.spark.master_url': page.url,
      'engines.spark.tls_authority': authority,
    });
    return probe.read(AbortSignal.timeout(10_000));
  };
  const { figures } = await read(trust.authority);
  assert.deepEqual({ ...figures, jobs_running: 0, workers_live: 0 }, figures);
  const asked = page.asked.length;
  for (const authority of [trust.other, '']) {
    const error = await rejects(read(authority), 'SERVICE_UNREACHABLE');
    assert.match(error.message, /its certificate is not of an authority that is trusted \(/);
  }
  assert.equal(page.asked.length, asked);
});

test('JMX of brokers is read with the authority of Kafka, and no other', async () => {
  await using agent = await startService(() => ({ value: { OneMinuteRate: 5 } }), trust.pair);
  const url = `${agent.url}/jolokia`;
  for (const [file, requests] of [
    [trust.authority, 10],
    [trust.other, null],
    ['', null],
  ] as const) {
    const authority = authorityOf('engines.kafka.tls_authority', file);
    const options = { timeoutMs: 5_000, signal: new AbortController().signal, authority };
    const { requests_per_second } = await readKafkaJmx([url], openRates(), options);
    assert.equal(requests_per_second, requests, file);
  }
  agent.asked.length = 0;
  await using probe = await probeOf('kafka', {
    'log.engine': 'kafka',
    'engines.kafka.jmx_urls': url,
    'engines.kafka.tls_authority': trust.authority,
  });
  await assert.rejects(probe.read(AbortSignal.timeout(10_000)));
  await until('the agent is asked', () => agent.asked.length > 0);
});

test('an authority that cannot be read is named', async () => {
  const flags = { 'engines.spark.ui_url': 'https://a', 'engines.spark.tls_authority': '/nowhere' };
  const error = await rejects(probeOf('spark', flags), 'CONFIG_INVALID');
  assert.match(error.message, /^engines\.spark\.tls_authority: \/nowhere: the file does not exist/);
});
