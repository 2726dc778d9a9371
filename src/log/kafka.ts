/** The log in a topic of Kafka: for data that outgrows one machine, or that others read too. */
import { join } from 'node:path';
import { listOffsetsV7 } from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { openKafkaAppender } from './kafka-append.ts';
import { type KafkaClient, openClient } from './kafka-client.ts';
import { openKafkaWatch } from './kafka-follow.ts';
import { openLanded } from './kafka-landed.ts';
import { openKafkaReader } from './kafka-read.ts';
import { openKafkaSize } from './kafka-size.ts';
import { openTopic, type TopicSettings } from './kafka-topic.ts';
import type { Log, OffsetRange } from './log.ts';

export interface KafkaLogOptions {
  readonly config: Config['log'];
  /** Holds `kafka.json`: the last seen topic, for a start while the brokers are unreachable. */
  readonly folder: string;
  readonly clock?: (() => Date) | undefined;
  readonly onAway?: ((error: IsobarError) => void) | undefined;
}

/** Offsets that a broker is asked for by a time of its own. */
const LATEST = -1n;
const EARLIEST = -2n;
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

  function assertPartition(partition: number): void {
    const { length } = client.layout().partitions;
    if (Number.isInteger(partition) && partition >= 0 && partition < length) return;
    const text = `${client.place}: no partition ${partition}; there are ${length}`;
    throw new IsobarError('PARAMETER_INVALID', text);
  }

  async function askOffset(partition: number, timestamp: bigint): Promise<bigint> {
    const connection = await client.leaderOf(partition, 'control');
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }];
    const answer = await listOffsetsV7.api.async(connection, -1, 0, [
      { name: client.topic, partitions },
    ]);
    return answer.topics[0]?.partitions[0]?.offset ?? -1n;
  }

  const range = async (partition: number): Promise<OffsetRange> => {
    client.assertOpen();
    assertPartition(partition);
    return client.persist(`asking for the ends of partition ${partition}`, async () => {
      const [first, next] = await Promise.all([
        askOffset(partition, EARLIEST),
        askOffset(partition, LATEST),
      ]);
      return { first, next };
    });
  };

  /** The first offset that was appended at this time or later. */
  const offsetAt = async (partition: number, time: Date): Promise<bigint> => {
    const asked = await client.persist(`asking partition ${partition} for a time`, () =>
      askOffset(partition, BigInt(time.getTime())),
    );
    return asked >= 0n ? asked : (await range(partition)).next;
  };

  async function sumNext(): Promise<bigint> {
    const nexts = client.layout().partitions.map((_, partition) => askOffset(partition, LATEST));
    return (await Promise.all(nexts)).reduce((sum, next) => sum + next, 0n);
  }

  const watch = openKafkaWatch(sumNext);
  const reader = openKafkaReader({ client, range, assertPartition });
  const landed = openLanded({
    client,
    config,
    retentionMs,
    clock,
    range,
    offsetAt,
    assertPartition,
    onRemoved: reader.forget,
  });
  const appender = openKafkaAppender({
    client,
    compression: config.kafka.compression,
    batchBytesMax,
    onAppended: watch.wake,
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
    read: reader.read,
    range,
    timeOf: reader.timeOf,
    follow: watch.follow,
    landed: landed.landed,
    trim: landed.trim,
    size: openKafkaSize(client, range, retentionMs),
    [Symbol.asyncDispose]() {
      closed ??= close();
      return closed;
    },
  };
}
