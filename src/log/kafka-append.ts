/**
 * Appending to the topic: idempotent, acknowledged by all copies in sync, one request at a time.
 * Appends that wait at the same moment share one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Producer } from '@platformatic/kafka';
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { RECORD_BYTES_MAX } from '../model/observation.ts';
import { within } from '../waiting.ts';
import type { KafkaClient } from './kafka-client.ts';
import { isPassing } from './kafka-errors.ts';
import type { AppendedRange, NewRecord } from './log.ts';
import { choosePartition } from './partition.ts';
import { takeGroup, type WaitingAppend } from './waiting-append.ts';

export interface KafkaAppender {
  append(records: readonly NewRecord[]): Promise<readonly AppendedRange[]>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

interface Waiting extends WaitingAppend {
  readonly ranges: AppendedRange[];
  /** Records that are in the log. */
  done: number;
}

/** One request: all of a partition's messages in it are one batch. */
interface Send {
  readonly messages: Message[];
  /** Whose record each message is. */
  readonly owners: Waiting[];
}

interface Message {
  readonly topic: string;
  readonly key: Buffer;
  readonly value: Buffer;
  readonly partition: number;
}

const GROUP_RECORDS_MAX = 5_000;
const SEND_BYTES_MAX = 8 * 1024 * 1024;
/** Beside key and value: lengths and offsets. */
const RECORD_OVERHEAD_BYTES = 32;
/** A batch's own head. */
const BATCH_HEAD_BYTES = 1_024;
/** What a compression may add when it does not help: less than that, for each of them. */
const COMPRESSION_LOSS = 1.05;
const RETRY_MS = 200;
const CLOSE_MS = 1_000;

type AnyProducer = Producer<Buffer, Buffer, Buffer, Buffer>;

export function openKafkaAppender(options: {
  readonly client: KafkaClient;
  readonly compression: Config['log']['kafka']['compression'];
  readonly batchBytesMax: number;
  readonly onAppended: () => void;
}): KafkaAppender {
  const { client, compression, onAppended } = options;
  const bytesMax = options.batchBytesMax - BATCH_HEAD_BYTES;
  const waiting: Waiting[] = [];
  let running: Promise<void> | null = null;
  let producer: AnyProducer | null = null;
  let closing = false;

  async function append(records: readonly NewRecord[]): Promise<readonly AppendedRange[]> {
    client.assertOpen();
    if (closing) throw new IsobarError('LOG_UNAVAILABLE', `${client.place}: the log was closed`);
    assertSizes(records, bytesMax);
    if (records.length === 0) return [];
    return new Promise((resolve, reject) => {
      waiting.push({ records, ranges: [], done: 0, resolve, reject });
      running ??= drain();
    });
  }

  async function drain(): Promise<void> {
    await nextTurn();
    while (waiting.length > 0) {
      const group = takeGroup(waiting, GROUP_RECORDS_MAX);
      try {
        if (client.isBlind) await client.persist('looking for it', lookOnce);
        for (const send of cutIntoSends(group, client, bytesMax)) {
          reachFaultPoint('append.before-commit');
          await perform(send);
          reachFaultPoint('append.after-commit');
          onAppended();
        }
      } catch (error) {
        const failure = client.translate(error, 'appending');
        // Calls whose records are all appended succeed. Waiting ones fail, to keep the order.
        for (const one of [...group, ...waiting.splice(0)]) {
          if (one.done < one.records.length) one.reject(failure);
        }
      }
    }
    running = null;
  }

  async function lookOnce(): Promise<void> {
    if ((await client.look()) === null) throw new Error('the topic does not exist');
  }

  /** Tries for as long as the limit says; then the producer is given up with what it tries. */
  async function perform(send: Send): Promise<void> {
    producer ??= makeProducer();
    const sending = producer.send({ messages: send.messages, compression });
    try {
      const { offsets = [] } = await within(client.retryMs(), sending);
      client.report(true);
      const next = new Map(offsets.map(({ partition, offset }) => [partition, offset]));
      settle(send, next);
    } catch (error) {
      const given = producer;
      producer = null;
      await closeSoon(given);
      if (isPassing(client.reasonOf(error))) client.report(false);
      // Where the partitions are may be what is wrong; a replaced topic is reported later.
      await within(client.retryMs(), client.look()).catch(() => null);
      throw error;
    }
  }

  function makeProducer(): AnyProducer {
    const made = new Producer<Buffer, Buffer, Buffer, Buffer>({
      ...client.options,
      idempotent: true,
      retries: true,
      retryDelay: RETRY_MS,
    });
    client.guard(made.connections);
    return made;
  }

  async function close(): Promise<void> {
    closing = true;
    await running;
    if (producer !== null) await closeSoon(producer);
  }

  return { append, close };
}

/** A connection to a broker that hangs may never report that it is closed. */
async function closeSoon(producer: AnyProducer): Promise<void> {
  await within(CLOSE_MS, producer.close(true)).catch(() => {});
}

/** Throws RECORD_TOO_LARGE. */
function assertSizes(records: readonly NewRecord[], bytesMax: number): void {
  for (const { key, value } of records) {
    const room = bytesMax - RECORD_OVERHEAD_BYTES - Buffer.byteLength(key);
    const most = Math.min(RECORD_BYTES_MAX, room);
    if (value.byteLength <= most) continue;
    const text = `record of ${key.slice(0, 100)}: ${value.byteLength} bytes, at most ${most} are taken`;
    throw new IsobarError('RECORD_TOO_LARGE', text);
  }
}

/** In order, each as large as it may be. */
function* cutIntoSends(
  group: readonly Waiting[],
  client: KafkaClient,
  bytesMax: number,
): Iterable<Send> {
  const { topic } = client;
  const { partitions } = client.layout();
  let messages: Message[] = [];
  let owners: Waiting[] = [];
  let sums = new Map<number, number>();
  let total = 0;
  const cut = (): Send => {
    const send = { messages, owners };
    [messages, owners, sums, total] = [[], [], new Map(), 0];
    return send;
  };
  for (const owner of group) {
    for (const { key, value } of owner.records) {
      const partition = choosePartition(key, partitions.length);
      const keyBytes = Buffer.from(key);
      const bytes = value.byteLength + keyBytes.length + RECORD_OVERHEAD_BYTES;
      const sum = sums.get(partition) ?? 0;
      const fits = (sum + bytes) * COMPRESSION_LOSS < bytesMax && total + bytes < SEND_BYTES_MAX;
      if (!fits && messages.length > 0) yield cut();
      sums.set(partition, (sums.get(partition) ?? 0) + bytes);
      total += bytes;
      owners.push(owner);
      messages.push({ topic, key: keyBytes, value: asBuffer(value), partition });
    }
  }
  if (messages.length > 0) yield cut();
}

/** Gives each record the offset it got, and resolves those that are complete. */
function settle({ messages, owners }: Send, next: Map<number, bigint>): void {
  for (const [index, { partition }] of messages.entries()) {
    const owner = owners[index];
    const offset = next.get(partition);
    if (owner === undefined || offset === undefined) {
      throw new Error(`partition ${partition} was not acknowledged`);
    }
    next.set(partition, offset + 1n);
    owner.done += 1;
    addToRanges(owner.ranges, partition, offset);
  }
  for (const owner of new Set(owners)) {
    if (owner.done === owner.records.length) owner.resolve(owner.ranges);
  }
}

function addToRanges(ranges: AppendedRange[], partition: number, offset: bigint): void {
  const at = ranges.findLastIndex((range) => range.partition === partition);
  const range = ranges[at];
  if (range !== undefined && range.last + 1n === offset) ranges[at] = { ...range, last: offset };
  else ranges.push({ partition, first: offset, last: offset });
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
