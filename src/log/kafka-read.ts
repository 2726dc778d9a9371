/** Reading the topic by offset, without a group: whole batches are fetched, kept, and handed out. */
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
import type { Log, LogRecord, OffsetRange } from './log.ts';

export interface KafkaReader extends Pick<Log, 'read' | 'timeOf'> {
  /** Forgets what was fetched ahead: some of it was removed. */
  forget(partition: number): void;
  close(): void;
}

/** All records from `from` to `next`; never changed, since several may read on it. */
interface Batch {
  readonly from: bigint;
  readonly next: bigint;
  readonly records: readonly LogRecord[];
  /** The log had more when this was fetched. */
  readonly more: boolean;
  /** What comes behind `next`, on its way. */
  ahead: Promise<Batch> | null;
}

/** Readers of one partition that go forward at the same time: landing, and the live tail. */
const BATCHES_MAX = 2;
/** What a fetch should give when it is not compressed any more. */
const FETCH_TARGET_BYTES = 4 * 1024 * 1024;
const WIRE_BYTES = { least: 64 * 1024, most: 4 * 1024 * 1024 } as const;
const IDLE_MS = 5_000;

export function openKafkaReader(options: {
  readonly client: KafkaClient;
  readonly range: (partition: number) => Promise<OffsetRange>;
  readonly assertPartition: (partition: number) => void;
}): KafkaReader {
  const { client, range, assertPartition } = options;
  const kept = new Map<number, readonly Batch[]>();
  const times = new Map<number, { readonly offset: bigint; readonly time: Date }>();
  /** How much larger records are than what comes over the wire. */
  let expansion = 8;
  let idle: NodeJS.Timeout | null = null;

  async function fetchRaw(partition: number, from: bigint, wireBytes: number): Promise<Fetched> {
    const { id } = client.layout();
    const connection = await client.leaderOf(partition, 'data');
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
    if (name === 'UNKNOWN_TOPIC_ID' || name === 'UNKNOWN_TOPIC_OR_PARTITION') await client.look();
    throw Object.assign(new Error('fetching'), { apiId: name });
  }

  /** From this offset on: one batch at least, or nothing when the log ends there. */
  async function fetchBatch(partition: number, from: bigint, signal?: AbortSignal): Promise<Batch> {
    const what = `reading partition ${partition}`;
    const wireBytes = Math.min(
      WIRE_BYTES.most,
      Math.max(WIRE_BYTES.least, Math.round(FETCH_TARGET_BYTES / expansion)),
    );
    return client.persist(
      what,
      async () => {
        try {
          const fetched = await fetchRaw(partition, from, wireBytes);
          const { records, next, bytes } = await decodeBatches(fetched.batches, from);
          if (bytes > 0) expansion = Math.max(1, bytes / fetched.batches.length);
          return { from, next, records, more: next < fetched.next, ahead: null };
        } catch (error) {
          if (error instanceof BatchError) {
            throw new IsobarError('LOG_UNAVAILABLE', `${client.place}: ${what}: ${error.message}`);
          }
          if ((error as { apiId?: unknown }).apiId !== 'OFFSET_OUT_OF_RANGE') throw error;
          return outOfRange(partition, from);
        }
      },
      signal,
    );
  }

  /** Nothing beyond the end; LOG_GAP before the beginning. */
  async function outOfRange(partition: number, from: bigint): Promise<Batch> {
    const { first } = await range(partition);
    if (from >= first) return { from, next: from, records: [], more: false, ahead: null };
    throw new IsobarError(
      'LOG_GAP',
      `${client.place}: partition ${partition}: offsets ${from} to ${first - 1n} are gone`,
      { details: { partition, from: String(from), to: String(first - 1n) } },
    );
  }

  /** The batch that has this offset, or an empty one at the end of the log. */
  async function batchAt(partition: number, at: bigint, signal?: AbortSignal): Promise<Batch> {
    const known = kept.get(partition) ?? [];
    const here = known.find(({ from, next }) => from <= at && at < next);
    if (here !== undefined) return here;
    const before = known.find(({ next }) => next === at);
    const coming = await before?.ahead?.catch(() => null);
    // Nothing that came then may be something now; a failure may have passed.
    const found = coming && coming.next > at ? coming : await fetchBatch(partition, at, signal);
    if (found.next > at) keep(partition, found, before);
    return found;
  }

  /** The newest first, in the place of the one before it. */
  function keep(partition: number, batch: Batch, before: Batch | undefined): void {
    const others = (kept.get(partition) ?? []).filter((one) => one !== before && one !== batch);
    kept.set(partition, [batch, ...others.slice(0, BATCHES_MAX - 1)]);
  }

  /** Fetches while the caller works on what it got. */
  function lookAhead(partition: number, batch: Batch): void {
    if (!batch.more || batch.ahead !== null) return;
    batch.ahead = fetchBatch(partition, batch.next);
    // The error is ignored here: a read that needs the batch fetches it again.
    batch.ahead.catch(() => {
      batch.ahead = null;
    });
  }

  const read: Log['read'] = async (partition, fromOffset, limits, signal) => {
    signal?.throwIfAborted();
    client.assertOpen();
    assertPartition(partition);
    if (limits.records <= 0) return [];
    if (fromOffset < 0n) await outOfRange(partition, fromOffset);
    restTimer();
    const found: LogRecord[] = [];
    let bytes = 0;
    for (let wanted = fromOffset; ; ) {
      const batch = await batchAt(partition, wanted, signal);
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
        if (at > records.length / 2) lookAhead(partition, batch);
      }
      if (found.length >= limits.records) return found;
      wanted = batch.next;
    }
  };

  /** Drops the kept batches after `IDLE_MS` without a read. */
  function restTimer(): void {
    if (idle !== null) clearTimeout(idle);
    idle = setTimeout(() => kept.clear(), IDLE_MS);
    idle.unref();
  }

  const timeOf: Log['timeOf'] = async (partition, offset) => {
    client.assertOpen();
    assertPartition(partition);
    const known = times.get(partition);
    if (known?.offset === offset) return known.time;
    const { first, next } = await range(partition);
    if (offset < first || offset >= next) return null;
    const time = await client.persist(`reading partition ${partition}`, async () => {
      const { batches } = await fetchRaw(partition, offset, 1);
      const { records } = await decodeBatches(batches, offset);
      return records[0]?.time ?? firstBatchTime(batches);
    });
    if (time !== null) times.set(partition, { offset, time });
    return time;
  };

  return {
    read,
    timeOf,
    forget(partition) {
      kept.delete(partition);
      times.delete(partition);
    },
    close() {
      if (idle !== null) clearTimeout(idle);
      kept.clear();
    },
  };
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
