/** How much the topic holds. */
import type { KafkaClient } from './kafka-client.ts';
import { isProtocolError } from './kafka-errors.ts';
import type { KafkaOffsets } from './kafka-offsets.ts';
import type { Log } from './log.ts';

/** Brokers look into their folders for it. */
const BYTES_MS = 5_000;

export function openKafkaSize(
  client: KafkaClient,
  offsets: KafkaOffsets,
  retentionMs: number | null,
): Log['size'] {
  let known = { bytes: 0, at: Number.NEGATIVE_INFINITY };

  /** Of one copy of each partition. */
  async function askBytes(): Promise<number> {
    const { partitions } = client.layout();
    const topics = [{ name: client.topic, partitions: [...partitions.keys()] }];
    const dirs = await client.admin.describeLogDirs({ topics }).catch((error: unknown) => {
      // Who may read and write the topic may not always ask the cluster.
      if (isProtocolError(error, 'CLUSTER_AUTHORIZATION_FAILED')) return [];
      throw error;
    });
    let bytes = 0;
    for (const { broker, results } of dirs) {
      for (const { partitionIndex, partitionSize } of results
        .flatMap((result) => result.topics)
        .filter(({ name }) => name === client.topic)
        .flatMap((topic) => topic.partitions)) {
        if (partitions[partitionIndex]?.leader === broker) bytes += Number(partitionSize);
      }
    }
    return bytes;
  }

  return async () => {
    client.assertOpen();
    const { length } = client.layout().partitions;
    const ranges = await Promise.all(Array.from({ length }, (_, at) => offsets.range(at)));
    if (performance.now() - known.at > BYTES_MS) {
      const bytes = await client.persist('asking for its size', askBytes);
      known = { bytes, at: performance.now() };
    }
    return {
      bytes: known.bytes,
      bytesMax: 0,
      records: ranges.reduce((sum, { first, next }) => sum + next - first, 0n),
      full: false,
      keptMs: retentionMs,
      waiting: null,
    };
  };
}
