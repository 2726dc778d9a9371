/** The log in a topic of Kafka: for data that outgrows one machine, or that others read too. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { IsobarError } from '../errors.ts';
import { openKafkaAppender } from './kafka-append.ts';
import { type KafkaClient, openClient } from './kafka-client.ts';
import { openKafkaWatch } from './kafka-follow.ts';
import { openLanded } from './kafka-landed.ts';
import { KafkaOffsets } from './kafka-offsets.ts';
import { KafkaReader } from './kafka-read.ts';
import { openKafkaSize } from './kafka-size.ts';
import { openTopic, type TopicSettings } from './kafka-topic.ts';
import type { Log } from './log.ts';

export interface KafkaLogOptions {
  readonly config: Config['log'];
  /** Holds `kafka.json`: the last seen topic, for a start while the brokers are unreachable. */
  readonly folder: string;
  readonly clock?: (() => Date) | undefined;
  readonly onAway?: ((error: IsobarError) => void) | undefined;
}

/** How soon partitions that were added are seen by a process that neither fails nor starts. */
const LOOK_MS = 10_000;

export async function openKafkaLog(options: KafkaLogOptions): Promise<Log> {
  const { config, folder, clock, onAway } = options;
  const client = await openClient(config.kafka);
  try {
    const settings = await openTopic(client, config, join(folder, 'kafka.json'), onAway);
    return wrapClient(client, config, settings, clock ?? (() => new Date()));
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

function wrapClient(
  client: KafkaClient,
  config: Config['log'],
  settings: TopicSettings,
  clock: () => Date,
): Log {
  const { id } = client.layout();
  const { retentionMs, batchBytesMax } = settings;
  const offsets = new KafkaOffsets(client);
  const watch = openKafkaWatch(() => offsets.sumNext());
  const reader = new KafkaReader(client, offsets);
  const landed = openLanded({
    client,
    offsets,
    config,
    retentionMs,
    clock,
    onRemoved: (partition) => reader.forget(partition),
  });
  const appender = openKafkaAppender({
    client,
    compression: config.kafka.compression,
    batchBytesMax,
    onAppended: () => watch.notify(),
  });
  const looking = setInterval(() => {
    // Failures show where the topic is used.
    client.look().catch(() => {});
  }, LOOK_MS);
  looking.unref();

  async function close(): Promise<void> {
    clearInterval(looking);
    watch.close();
    await appender.close();
    await landed.close().catch(() => {});
    reader.close();
    await client[Symbol.asyncDispose]();
  }

  let closed: Promise<void> | null = null;
  return {
    id,
    get partitionCount() {
      return client.layout().partitions.length;
    },
    append: appender.append,
    read: (partition, from, limits, signal) => reader.read(partition, from, limits, signal),
    range: (partition) => offsets.range(partition),
    timeOf: (partition, offset) => reader.timeOf(partition, offset),
    follow: (signal) => watch.follow(signal),
    landed: landed.landed,
    trim: landed.trim,
    size: openKafkaSize(client, offsets, retentionMs),
    [Symbol.asyncDispose]() {
      closed ??= close();
      return closed;
    },
  };
}
