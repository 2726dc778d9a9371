/** The offsets of a group at the brokers, written once a second at most. */
import type { KafkaClient } from './kafka-client.ts';
import { isProtocolError } from './kafka-errors.ts';

const WRITE_MS = 1_000;

export class GroupOffsets {
  readonly #client: KafkaClient;
  readonly #groupId: string;
  /** By partition, the highest that was read or set. */
  readonly known = new Map<number, bigint>();
  readonly #unwritten = new Set<number>();
  #writing: Promise<void> | null = null;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(client: KafkaClient, groupId: string) {
    this.#client = client;
    this.#groupId = groupId;
  }

  /** What other processes have written counts too. */
  async read(): Promise<void> {
    const { topic, admin } = this.#client;
    const groupId = this.#groupId;
    const topics = [
      { name: topic, partitionIndexes: [...this.#client.layout().partitions.keys()] },
    ];
    const groups = await this.#client.persist(`reading the offsets of group ${groupId}`, () =>
      admin.listConsumerGroupOffsets({ groups: [{ groupId, topics }] }).catch((error: unknown) => {
        // Kafka 4 returns this for a group without committed offsets.
        if (isProtocolError(error, 'GROUP_ID_NOT_FOUND')) return [];
        throw error;
      }),
    );
    for (const { partitionIndex, committedOffset } of groups[0]?.topics[0]?.partitions ?? []) {
      const before = this.known.get(partitionIndex) ?? 0n;
      if (committedOffset > before) this.known.set(partitionIndex, committedOffset);
    }
  }

  /** Resolves when it is written, or will be soon. */
  async set(partition: number, offset: bigint): Promise<void> {
    this.known.set(partition, offset);
    this.#unwritten.add(partition);
    if (performance.now() - this.#writtenAt >= WRITE_MS) await this.write();
    else this.#writeLater();
  }

  /** A failure is tried again with the next write: nothing depends on it. */
  #writeLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.write().catch(() => this.#writeLater());
    }, WRITE_MS).unref();
  }

  /** Writes what was not written yet. */
  async write(): Promise<void> {
    await this.#writing;
    if (this.#unwritten.size === 0) return;
    const partitions = [...this.#unwritten];
    this.#unwritten.clear();
    this.#writtenAt = performance.now();
    this.#writing = this.#commit(partitions).catch((error) => {
      for (const partition of partitions) this.#unwritten.add(partition);
      throw error;
    });
    await this.#writing.finally(() => {
      this.#writing = null;
    });
  }

  async #commit(partitions: readonly number[]): Promise<void> {
    const { topic, admin } = this.#client;
    const groupId = this.#groupId;
    const partitionOffsets = partitions.map((partition) => ({
      partition,
      offset: this.known.get(partition) ?? 0n,
    }));
    const topics = [{ name: topic, partitionOffsets }];
    await this.#client.persist(`writing the offsets of group ${groupId}`, () =>
      admin.alterConsumerGroupOffsets({ groupId, topics }),
    );
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.write();
  }
}
