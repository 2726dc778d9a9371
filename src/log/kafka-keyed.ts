/** A topic that keeps the last value of each key, as another program writes it. */
import type { Config } from '../config/schema.ts';
import { isErrorCode } from '../errors.ts';
import { type KafkaClient, openClient } from './kafka-client.ts';
import { KafkaOffsets } from './kafka-offsets.ts';
import { KafkaReader } from './kafka-read.ts';
import { makeIfAbsent, type NewTopic } from './kafka-topic.ts';
import type { LogRecord } from './log.ts';

export interface KeyedTopic extends AsyncDisposable {
  /**
   * The records that came since the last call, all that are kept on the first one, in batches until
   * the end as it was when the call began.
   */
  readNew(signal?: AbortSignal): AsyncIterable<readonly LogRecord[]>;
}

const HOUR_MS = 3_600_000;
const BATCH = { records: 10_000, bytes: 8 * 1024 * 1024 } as const;
/** One, so that values of all keys are in one order. */
const PARTITION = 0;

/** The first read makes the topic; the brokers remove values older than `keepHours`. */
export async function openKeyedTopic(
  config: Config['log']['kafka'],
  topic: string,
  keepHours: number,
): Promise<KeyedTopic> {
  return new Topic(await openClient({ ...config, topic }), {
    partitions: 1,
    replicas: config.replication,
    configs: {
      'cleanup.policy': 'compact,delete',
      'retention.ms': String(keepHours * HOUR_MS),
      'segment.ms': String(HOUR_MS),
    },
  });
}

class Topic implements KeyedTopic {
  readonly #client: KafkaClient;
  readonly #settings: NewTopic;
  readonly #offsets: KafkaOffsets;
  readonly #reader: KafkaReader;
  #next = 0n;

  constructor(client: KafkaClient, settings: NewTopic) {
    this.#client = client;
    this.#settings = settings;
    this.#offsets = new KafkaOffsets(client);
    this.#reader = new KafkaReader(client, this.#offsets);
  }

  async *readNew(signal?: AbortSignal): AsyncGenerator<readonly LogRecord[]> {
    if (this.#client.isBlind) await makeIfAbsent(this.#client, this.#settings);
    const { first, next: end } = await this.#offsets.range(PARTITION);
    if (this.#next < first) this.#next = first;
    while (this.#next < end) {
      const records = await this.#readAt(signal);
      const last = records.at(-1);
      if (last === undefined) {
        // What lay there was replaced by later values.
        this.#next = end;
        return;
      }
      this.#next = last.offset + 1n;
      yield records;
    }
  }

  async #readAt(signal?: AbortSignal): Promise<readonly LogRecord[]> {
    try {
      return await this.#reader.read(PARTITION, this.#next, BATCH, signal);
    } catch (error) {
      if (!isErrorCode(error, 'LOG_GAP')) throw error;
      this.#next = (await this.#offsets.range(PARTITION)).first;
      return this.#reader.read(PARTITION, this.#next, BATCH, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    await this.#client[Symbol.asyncDispose]();
  }
}
