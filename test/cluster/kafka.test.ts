import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { loadConfig } from '../../src/config/load.ts';
import { describeLog, type LogPlace } from '../../src/log/contract.ts';
import { openLog } from '../../src/log/open.ts';
import { absent, service } from './services.ts';

for (const kind of ['kafka', 'kafka39'] as const) {
  const brokers = service(kind)?.brokers ?? null;
  describe(`Kafka (${kind})`, { skip: brokers === null && absent(kind) }, () => {
    if (brokers === null) return;
    describeLog(kind, () => makePlace(brokers), {
      clock: 'of servers',
      limitsItself: false,
      histories: 10,
    });
  });
}

async function makePlace(brokers: string): Promise<LogPlace> {
  const topic = `test-${randomUUID()}`;
  const folder = await mkdtemp(join(tmpdir(), 'isobar-kafka-'));
  const { config } = loadConfig({
    file: null,
    env: {},
    flags: {
      'log.engine': 'kafka',
      'log.kafka.brokers': brokers,
      'log.kafka.topic': topic,
      'log.kafka.group': topic,
    },
  });
  return {
    open: ({ config: changed, ...options } = {}) =>
      openLog({ ...config.log, ...changed }, folder, options),
    async [Symbol.asyncDispose]() {
      const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(',') });
      await admin.deleteTopics({ topics: [topic] });
      await admin.close();
      await rm(folder, { recursive: true });
    },
  };
}
