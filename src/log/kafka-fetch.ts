/** Fetching from the leaders of the partitions, without a group: whole batches from an offset on. */
import { protocolErrorsCodesById } from '@platformatic/kafka';
import { IsobarError } from '../errors.ts';
import {
  BatchError,
  decodeBatches,
  type Fetched,
  fetchOne,
  firstBatchTime,
} from './kafka-batch.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { KafkaOffsets } from './kafka-offsets.ts';
import type { LogRecord } from './log.ts';

/** All records from `from` to `next`; never changed, since several may read on it. */
export interface Batch {
  readonly from: bigint;
  readonly next: bigint;
  readonly records: readonly LogRecord[];
  /** The log had more when this was fetched. */
  readonly more: boolean;
}

/** What a fetch should give when it is not compressed any more. */
const FETCH_TARGET_BYTES = 4 * 1024 * 1024;
const WIRE_BYTES = { least: 64 * 1024, most: 4 * 1024 * 1024 } as const;

export class Fetcher {
  readonly #client: KafkaClient;
  readonly #offsets: KafkaOffsets;
  /** How much larger records are than what comes over the wire. */
  #expansion = 8;

  constructor(client: KafkaClient, offsets: KafkaOffsets) {
    this.#client = client;
    this.#offsets = offsets;
  }

  /**
   * From this offset on: one batch at least, or nothing when the log ends there. Rejects with
   * LOG_GAP before the beginning.
   */
  async fetch(partition: number, from: bigint, signal?: AbortSignal): Promise<Batch> {
    if (from < 0n) return this.#outOfRange(partition, from);
    const what = `reading partition ${partition}`;
    const attempt = async (): Promise<Batch> => {
      try {
        const { batches, next: end } = await this.#ask(partition, from, this.#wireBytes());
        const { records, next, bytes } = await decodeBatches(batches, from);
        if (bytes > 0) this.#expansion = Math.max(1, bytes / batches.length);
        return { from, next, records, more: next < end };
      } catch (error) {
        if (error instanceof BatchError) {
          const text = `${this.#client.place}: ${what}: ${error.message}`;
          throw new IsobarError('LOG_UNAVAILABLE', text);
        }
        if ((error as { apiId?: unknown }).apiId !== 'OFFSET_OUT_OF_RANGE') throw error;
        return this.#outOfRange(partition, from);
      }
    };
    return this.#client.persist(what, attempt, signal);
  }

  #wireBytes(): number {
    const bytes = Math.round(FETCH_TARGET_BYTES / this.#expansion);
    return Math.min(WIRE_BYTES.most, Math.max(WIRE_BYTES.least, bytes));
  }

  /** Nothing beyond the end; LOG_GAP before the beginning. */
  async #outOfRange(partition: number, from: bigint): Promise<Batch> {
    const { first } = await this.#offsets.range(partition);
    if (from >= first) return { from, next: from, records: [], more: false };
    throw new IsobarError(
      'LOG_GAP',
      `${this.#client.place}: partition ${partition}: offsets ${from} to ${first - 1n} are gone`,
      { details: { partition, from: String(from), to: String(first - 1n) } },
    );
  }

  /** When the record at this offset was appended; null without such a record. */
  async timeAt(partition: number, offset: bigint): Promise<Date | null> {
    return this.#client.persist(`reading partition ${partition}`, async () => {
      const { batches } = await this.#ask(partition, offset, 1);
      const { records } = await decodeBatches(batches, offset);
      return records[0]?.time ?? firstBatchTime(batches);
    });
  }

  async #ask(partition: number, from: bigint, wireBytes: number): Promise<Fetched> {
    const { id } = this.#client.layout();
    const connection = await this.#client.leaderOf(partition, 'data');
    const one = {
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: from,
      lastFetchedEpoch: -1,
      partitionMaxBytes: wireBytes,
    };
    const topics = [{ topicId: id, partitions: [one] }];
    const fetched = await fetchOne.async(connection, 0, 1, wireBytes, 0, 0, -1, topics, [], '');
    const name = protocolErrorsCodesById[fetched.errorCode];
    if (name === 'NONE') return fetched;
    if (name === 'UNKNOWN_TOPIC_ID' || name === 'UNKNOWN_TOPIC_OR_PARTITION')
      await this.#client.look();
    throw Object.assign(new Error('fetching'), { apiId: name, request: 'Fetch' });
  }
}
