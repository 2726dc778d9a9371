/** Reading the topic by offset: batches are fetched, the next one ahead, kept, and handed out. */
import type { KafkaClient } from './kafka-client.ts';
import { type Batch, Fetcher } from './kafka-fetch.ts';
import type { KafkaOffsets } from './kafka-offsets.ts';
import type { LogRecord, ReadLimits } from './log.ts';

interface KeptBatch extends Batch {
  /** What comes behind `next`, on its way. */
  ahead: Promise<KeptBatch> | null;
}

/** Readers of one partition that go forward at the same time: landing, and the live tail. */
const BATCHES_MAX = 2;
const IDLE_MS = 5_000;

export class KafkaReader {
  readonly #client: KafkaClient;
  readonly #offsets: KafkaOffsets;
  readonly #fetcher: Fetcher;
  readonly #kept = new Map<number, readonly KeptBatch[]>();
  readonly #times = new Map<number, { readonly offset: bigint; readonly time: Date }>();
  #idle: NodeJS.Timeout | null = null;

  constructor(client: KafkaClient, offsets: KafkaOffsets) {
    this.#client = client;
    this.#offsets = offsets;
    this.#fetcher = new Fetcher(client, offsets);
  }

  async read(
    partition: number,
    fromOffset: bigint,
    limits: ReadLimits,
    signal?: AbortSignal,
  ): Promise<readonly LogRecord[]> {
    signal?.throwIfAborted();
    this.#client.assertOpen();
    this.#offsets.assertPartition(partition);
    if (limits.records <= 0) return [];
    this.#resetTimer();
    const found: LogRecord[] = [];
    let bytes = 0;
    for (let wanted = fromOffset; ; ) {
      const batch = await this.#batchAt(partition, wanted, signal);
      signal?.throwIfAborted();
      if (batch.next <= wanted) return found;
      const { records } = batch;
      for (let at = positionOf(records, wanted); at < records.length; at++) {
        const record = records[at];
        if (record === undefined) break;
        bytes += record.value.length;
        const enough = found.length >= limits.records || bytes > limits.bytes;
        if (enough && found.length > 0) return found;
        found.push(record);
        if (at > records.length / 2) this.#fetchAhead(partition, batch);
      }
      if (found.length >= limits.records) return found;
      wanted = batch.next;
    }
  }

  /** The batch that has this offset, or an empty one at the end of the log. */
  async #batchAt(partition: number, at: bigint, signal?: AbortSignal): Promise<KeptBatch> {
    const known = this.#kept.get(partition) ?? [];
    const here = known.find(({ from, next }) => from <= at && at < next);
    if (here !== undefined) return here;
    const before = known.find(({ next }) => next === at);
    const coming = await before?.ahead?.catch(() => null);
    // Nothing that came then may be something now; a failure may have passed.
    const found = coming && coming.next > at ? coming : await this.#fetch(partition, at, signal);
    if (found.next > at) this.#keep(partition, found, before);
    return found;
  }

  async #fetch(partition: number, from: bigint, signal?: AbortSignal): Promise<KeptBatch> {
    return { ...(await this.#fetcher.fetch(partition, from, signal)), ahead: null };
  }

  /** The newest first, in the place of the one before it. */
  #keep(partition: number, batch: KeptBatch, before: KeptBatch | undefined): void {
    const kept = this.#kept.get(partition) ?? [];
    const others = kept.filter((one) => one !== before && one !== batch);
    this.#kept.set(partition, [batch, ...others.slice(0, BATCHES_MAX - 1)]);
  }

  /** Fetches while the caller works on what it got. */
  #fetchAhead(partition: number, batch: KeptBatch): void {
    if (!batch.more || batch.ahead !== null) return;
    batch.ahead = this.#fetch(partition, batch.next);
    // The error is ignored here: a read that needs the batch fetches it again.
    batch.ahead.catch(() => {
      batch.ahead = null;
    });
  }

  /** Drops the kept batches after `IDLE_MS` without a read. */
  #resetTimer(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#kept.clear(), IDLE_MS).unref();
  }

  async timeOf(partition: number, offset: bigint): Promise<Date | null> {
    this.#client.assertOpen();
    this.#offsets.assertPartition(partition);
    const known = this.#times.get(partition);
    if (known?.offset === offset) return known.time;
    const { first, next } = await this.#offsets.range(partition);
    if (offset < first || offset >= next) return null;
    const time = await this.#fetcher.timeAt(partition, offset);
    if (time !== null) this.#times.set(partition, { offset, time });
    return time;
  }

  /** Forgets what was fetched ahead: some of it was removed. */
  forget(partition: number): void {
    this.#kept.delete(partition);
    this.#times.delete(partition);
  }

  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#kept.clear();
  }
}

/** The index of the first record that is not before the offset. */
function positionOf(records: readonly LogRecord[], offset: bigint): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((records[middle]?.offset ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
