/** A topic of its own for each test, removed afterwards. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { isTopicMissing } from '../../src/log/kafka-errors.ts';
import type { Log } from '../../src/log/log.ts';
import { openLog } from '../../src/log/open.ts';

const DELETE_MS = 30_000;

export interface KafkaPlace extends AsyncDisposable {
  readonly topic: string;
  readonly folder: string;
  readonly admin: Admin;
  readonly config: Config['log'];
  open(options?: { config?: Partial<Config['log']>; clock?: () => Date }): Promise<Log>;
  /** The same with other settings of Kafka. */
  openWith(kafka: Partial<Config['log']['kafka']>): Promise<Log>;
  /** Makes the topic before isobar does. */
  createTopic(settings?: Readonly<Record<string, string>>): Promise<void>;
  deleteTopic(): Promise<void>;
}

export async function makeKafkaPlace(
  brokers: string,
  flags: Readonly<Record<string, string>> = {},
): Promise<KafkaPlace> {
  const topic = `test-${randomUUID()}`;
  const folder = await mkdtemp(join(tmpdir(), 'isobar-kafka-'));
  const copies = Math.min(3, brokers.split(',').length);
  const { log: config } = loadConfig({
    file: null,
    env: {},
    flags: {
      'log.engine': 'kafka',
      'log.kafka.brokers': brokers,
      'log.kafka.topic': topic,
      'log.kafka.group': topic,
      'log.kafka.replication': String(copies),
      ...flags,
    },
  }).config;
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: brokers.split(',') });

  /** A broker that has just come back refuses this for a while. */
  async function deleteTopic(): Promise<void> {
    const deadline = performance.now() + DELETE_MS;
    for (;;) {
      try {
        await admin.deleteTopics({ topics: [topic] });
        return;
      } catch (error) {
        if (isTopicMissing(error)) return;
        if (performance.now() > deadline) throw error;
        await sleep(250);
      }
    }
  }

  return {
    topic,
    folder,
    admin,
    config,
    open: ({ config: changed, ...options } = {}) =>
      openLog({ ...config, ...changed }, folder, options),
    openWith: (kafka) => openLog({ ...config, kafka: { ...config.kafka, ...kafka } }, folder),
    async createTopic(settings = {}) {
      const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
      await admin.createTopics({ topics: [topic], partitions: 3, replicas: copies, configs });
    },
    deleteTopic,
    async [Symbol.asyncDispose]() {
      try {
        await deleteTopic();
      } finally {
        await admin.close();
        await rm(folder, { recursive: true });
      }
    },
  };
}
