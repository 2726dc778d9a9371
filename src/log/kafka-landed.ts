/**
 * How far landing is, as offsets of a group: for lag tools, and for removing what has landed. The
 * table's own commits decide what lands; a wrong number here loses nothing.
 */
import type { Config } from '../config/schema.ts';
import type { KafkaClient } from './kafka-client.ts';
import { isProtocolError } from './kafka-errors.ts';
import type { Log, OffsetRange } from './log.ts';

export interface Landed extends Pick<Log, 'landed' | 'trim'> {
  /** Writes what was not written yet. */
  close(): Promise<void>;
}

const WRITE_MS = 1_000;
const DAY_MS = 86_400_000;

export function openLanded(options: {
  readonly client: KafkaClient;
  readonly config: Config['log'];
  readonly retentionMs: number | null;
  readonly clock: () => Date;
  readonly range: (partition: number) => Promise<OffsetRange>;
  readonly offsetAt: (partition: number, time: Date) => Promise<bigint>;
  readonly assertPartition: (partition: number) => void;
  readonly onRemoved: (partition: number) => void;
}): Landed {
  const { client, config, retentionMs, clock, range } = options;
  const groupId = config.kafka.group;
  const known = new Map<number, bigint>();
  const unwritten = new Set<number>();
  let readOnce = false;
  let writing: Promise<void> | null = null;
  let writtenAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | null = null;

  const landed: Log['landed'] = async (partition, nextOffset) => {
    client.assertOpen();
    options.assertPartition(partition);
    if (!readOnce) await readGroup();
    if (nextOffset <= (known.get(partition) ?? 0n)) return;
    const { next } = await range(partition);
    const upTo = least(nextOffset, next);
    if (upTo <= (known.get(partition) ?? 0n)) return;
    known.set(partition, upTo);
    unwritten.add(partition);
    if (performance.now() - writtenAt >= WRITE_MS) await write();
    else later();
  };

  /** A failure is tried again with the next write: nothing depends on it. */
  function later(): void {
    timer ??= setTimeout(() => {
      timer = null;
      write().catch(() => later());
    }, WRITE_MS);
    timer.unref();
  }

  async function write(): Promise<void> {
    await writing;
    if (unwritten.size === 0) return;
    const partitions = [...unwritten];
    unwritten.clear();
    writtenAt = performance.now();
    writing = commit(partitions).catch((error) => {
      for (const partition of partitions) unwritten.add(partition);
      throw error;
    });
    await writing.finally(() => {
      writing = null;
    });
  }

  async function commit(partitions: readonly number[]): Promise<void> {
    const partitionOffsets = partitions.map((partition) => ({
      partition,
      offset: known.get(partition) ?? 0n,
    }));
    await client.persist(`writing the offsets of group ${groupId}`, () =>
      client.admin.alterConsumerGroupOffsets({
        groupId,
        topics: [{ name: client.topic, partitionOffsets }],
      }),
    );
  }

  /** What other processes have landed counts too. */
  async function readGroup(): Promise<void> {
    const partitionIndexes = [...client.layout().partitions.keys()];
    const topics = [{ name: client.topic, partitionIndexes }];
    const groups = await client.persist(`reading the offsets of group ${groupId}`, async () => {
      try {
        return await client.admin.listConsumerGroupOffsets({ groups: [{ groupId, topics }] });
      } catch (error) {
        // Kafka 4 returns this for a group without committed offsets.
        if (isProtocolError(error, 'GROUP_ID_NOT_FOUND')) return [];
        throw error;
      }
    });
    for (const { partitionIndex, committedOffset } of groups[0]?.topics[0]?.partitions ?? []) {
      const before = known.get(partitionIndex) ?? 0n;
      if (committedOffset > before) known.set(partitionIndex, committedOffset);
    }
    readOnce = true;
  }

  /**
   * Only what the topic's own retention would remove too, so nothing where that is for ever
   * (-1): others may read the topic, and whoever set it so wants it all.
   */
  const trim: Log['trim'] = async () => {
    client.assertOpen();
    if (retentionMs === null) return 0;
    const ageMs = Math.max(retentionMs, config.retention_days * DAY_MS);
    await write();
    await readGroup();
    const before = new Date(clock().getTime() - ageMs);
    let removed = 0;
    for (const [partition, upToLanded] of known) {
      const { first } = await range(partition);
      const young = await options.offsetAt(partition, before);
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

  async function close(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    await write();
  }

  return { landed, trim, close };
}

function least(a: bigint, b: bigint): bigint {
  if (b < a) return b;
  return a;
}
