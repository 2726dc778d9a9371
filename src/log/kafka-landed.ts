/**
 * How far landing is, as offsets of a group: for lag tools, and for removing what has landed. The
 * table's own commits decide what lands; a wrong number here loses nothing.
 */
import type { Config } from '../config/schema.ts';
import type { KafkaClient } from './kafka-client.ts';
import { GroupOffsets } from './kafka-group.ts';
import type { KafkaOffsets } from './kafka-offsets.ts';
import type { Log } from './log.ts';

export interface Landed extends Pick<Log, 'landed' | 'trim'> {
  /** Writes what was not written yet. */
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;

export function openLanded(options: {
  readonly client: KafkaClient;
  readonly offsets: KafkaOffsets;
  readonly config: Config['log'];
  readonly retentionMs: number | null;
  readonly clock: () => Date;
  readonly onRemoved: (partition: number) => void;
}): Landed {
  const { client, offsets, config, retentionMs, clock } = options;
  const group = new GroupOffsets(client, config.kafka.group);
  let readOnce = false;

  async function readGroup(): Promise<void> {
    await group.read();
    readOnce = true;
  }

  const landed: Log['landed'] = async (partition, nextOffset) => {
    client.assertOpen();
    offsets.assertPartition(partition);
    if (!readOnce) await readGroup();
    if (nextOffset <= (group.known.get(partition) ?? 0n)) return;
    const { next } = await offsets.range(partition);
    const upTo = least(nextOffset, next);
    if (upTo > (group.known.get(partition) ?? 0n)) await group.set(partition, upTo);
  };

  /**
   * Only what the topic's own retention would remove too, so nothing where that is for ever
   * (-1): others may read the topic, and whoever set it so wants it all.
   */
  const trim: Log['trim'] = async () => {
    client.assertOpen();
    if (retentionMs === null) return 0;
    const ageMs = Math.max(retentionMs, config.retention_days * DAY_MS);
    await group.write();
    await readGroup();
    const before = new Date(clock().getTime() - ageMs);
    let removed = 0;
    for (const [partition, upToLanded] of group.known) {
      const { first } = await offsets.range(partition);
      const young = await offsets.at(partition, before);
      const upTo = least(young, upToLanded);
      if (upTo <= first) continue;
      await client.persist(`removing from partition ${partition}`, () =>
        client.admin.deleteRecords({
          topics: [{ name: client.topic, partitions: [{ partition, offset: upTo }] }],
        }),
      );
      options.onRemoved(partition);
      removed += Number(upTo - first);
    }
    return removed;
  };

  return { landed, trim, close: () => group.close() };
}

function least(a: bigint, b: bigint): bigint {
  if (b < a) return b;
  return a;
}
