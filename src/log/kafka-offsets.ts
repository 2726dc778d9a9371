/** The offsets at which partitions begin and end, as their leaders know them. */
import { listOffsetsV7 } from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { type KafkaClient, openClient } from './kafka-client.ts';
import type { OffsetRange } from './log.ts';

/** Offsets that a broker is asked for by a time of its own. */
const LATEST = -1n;
const EARLIEST = -2n;

/** The first offset of each partition of the topic that was appended at this time or later. */
export async function offsetsAt(
  config: Config['log']['kafka'],
  time: Date,
): Promise<readonly number[]> {
  await using client = await openClient(config);
  await client.persist('looking for it', () => client.look());
  const offsets = new KafkaOffsets(client);
  const { partitions } = client.layout();
  const found = await Promise.all(partitions.map((_, at) => offsets.at(at, time)));
  return found.map(Number);
}

export class KafkaOffsets {
  readonly #client: KafkaClient;

  constructor(client: KafkaClient) {
    this.#client = client;
  }

  /** Throws PARAMETER_INVALID for a partition that does not exist. */
  assertPartition(partition: number): void {
    const { length } = this.#client.layout().partitions;
    if (Number.isInteger(partition) && partition >= 0 && partition < length) return;
    const text = `${this.#client.place}: no partition ${partition}; there are ${length}`;
    throw new IsobarError('PARAMETER_INVALID', text);
  }

  async range(partition: number): Promise<OffsetRange> {
    this.#client.assertOpen();
    this.assertPartition(partition);
    return this.#client.persist(`asking for the ends of partition ${partition}`, async () => {
      const ends = [this.#ask(partition, EARLIEST), this.#ask(partition, LATEST)] as const;
      const [first, next] = await Promise.all(ends);
      return { first, next };
    });
  }

  /** The first offset that was appended at this time or later. */
  async at(partition: number, time: Date): Promise<bigint> {
    const asked = await this.#client.persist(`asking partition ${partition} for a time`, () =>
      this.#ask(partition, BigInt(time.getTime())),
    );
    return asked >= 0n ? asked : (await this.range(partition)).next;
  }

  /** Grows with every append, of whichever process. */
  async sumNext(): Promise<bigint> {
    const { partitions } = this.#client.layout();
    const nexts = partitions.map((_, partition) => this.#ask(partition, LATEST));
    return (await Promise.all(nexts)).reduce((sum, next) => sum + next, 0n);
  }

  async #ask(partition: number, timestamp: bigint): Promise<bigint> {
    const connection = await this.#client.leaderOf(partition, 'control');
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }];
    const topics = [{ name: this.#client.topic, partitions }];
    const answer = await listOffsetsV7.api.async(connection, -1, 0, topics);
    return answer.topics[0]?.partitions[0]?.offset ?? -1n;
  }
}
