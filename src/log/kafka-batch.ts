/**
 * What a fetch answers, taken apart without copying: the library's own parser makes several
 * objects and big integers for each record, which is half the time of a landing.
 *
 *     answer  = throttle i32, error i16, session i32, [topic]      (version 13, compact)
 *     topic   = id 16 bytes, [partition]
 *     part    = index i32, error i16, high i64, stable i64, first i64, [producer i64, offset i64],
 *               replica i32, records
 *     records = { batch }
 *     batch   = base i64, length i32, epoch i32, magic i8 (2), crc u32, attributes i16,
 *               last delta i32, first time i64, last time i64, producer i64, epoch i16,
 *               sequence i32, count i32, { record }, compressed from the first record on
 *     record  = length, attributes i8, time delta, offset delta, key, value, [header]   (varints)
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  compressionsAlgorithmsByBitmask,
  crc32c,
  createAPI,
  fetchV13,
  type Reader,
} from '@platformatic/kafka';
import type { LogRecord } from './log.ts';

export interface Fetched {
  readonly errorCode: number;
  /** The offset that the next record gets, as far as all copies have it. */
  readonly next: bigint;
  readonly first: bigint;
  readonly batches: Buffer;
}

/** Like the library's, for one partition, with the batches left as they are. */
export const fetchOne = createAPI<Parameters<typeof fetchV13.createRequest>, Fetched>(
  1,
  13,
  fetchV13.createRequest,
  (_correlation, _key, _version, reader) => parseAnswer(reader),
);

const NOTHING = Buffer.alloc(0);

function parseAnswer(reader: Reader): Fetched {
  reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt32();
  const none = { errorCode, next: 0n, first: 0n, batches: NOTHING };
  if (reader.readUnsignedVarInt() < 2) return none;
  reader.skip(16);
  if (reader.readUnsignedVarInt() < 2) return none;
  reader.readInt32();
  const partitionError = reader.readInt16();
  const next = reader.readInt64();
  reader.readInt64();
  const first = reader.readInt64();
  const aborted = reader.readUnsignedVarInt();
  // Of each: two numbers and no tags.
  for (let left = aborted - 1; left > 0; left--) reader.skip(17);
  reader.readInt32();
  const length = reader.readUnsignedVarInt() - 1;
  const from = reader.position;
  const batches = length > 0 ? flatten(reader, from, from + length) : NOTHING;
  return { errorCode: errorCode || partitionError, next, first, batches };
}

function flatten(reader: Reader, from: number, to: number): Buffer {
  const part = reader.buffer.subarray(from, to);
  return Buffer.isBuffer(part) ? part : part.buffer;
}

export interface Decoded {
  readonly records: readonly LogRecord[];
  /** The offset behind the last batch; `from` when there was none. */
  readonly next: bigint;
  /** Bytes of the records when they are not compressed. */
  readonly bytes: number;
}

const HEAD = 61;
const LENGTH_AT = 8;
const CRC_FROM = 21;
const APPEND_TIME = 0x08;
const CONTROL = 0x20;
const COMPRESSION = 0x07;

/** Thrown for bytes that are not batches of the known kind. */
export class BatchError extends Error {}

/** Others get their turn after so much. */
const TURN_BYTES = 2 * 1024 * 1024;

/** The records from this offset on; those before it in the first batch, and markers, left out. */
export async function decodeBatches(batches: Buffer, from: bigint): Promise<Decoded> {
  const records: LogRecord[] = [];
  let next = from;
  let bytes = 0;
  let at = 0;
  // The last batch may be cut off: the broker fills up to the limit.
  while (at + HEAD <= batches.length) {
    const end = at + LENGTH_AT + 4 + batches.readInt32BE(at + LENGTH_AT);
    if (end > batches.length) break;
    const before = bytes;
    bytes += decodeBatch(batches.subarray(at, end), from, records);
    if (Math.floor(bytes / TURN_BYTES) > Math.floor(before / TURN_BYTES)) await nextTurn();
    next = batches.readBigInt64BE(at) + BigInt(batches.readInt32BE(at + 23)) + 1n;
    at = end;
  }
  return { records, next: next > from ? next : from, bytes };
}

/** When the last record of the first batch was appended; null when there is none. */
export function firstBatchTime(batches: Buffer): Date | null {
  return batches.length < HEAD ? null : new Date(Number(batches.readBigInt64BE(35)));
}

/** Adds to `records`; resolves with the bytes when not compressed. */
function decodeBatch(batch: Buffer, from: bigint, records: LogRecord[]): number {
  const base = batch.readBigInt64BE(0);
  if (batch[16] !== 2) throw new BatchError(`offset ${base}: format ${batch[16]}, known is 2`);
  if (crc32c(batch.subarray(CRC_FROM)) >>> 0 !== batch.readUInt32BE(17)) {
    throw new BatchError(`offset ${base}: the checksum is wrong`);
  }
  const attributes = batch.readInt16BE(CRC_FROM);
  if ((attributes & CONTROL) !== 0) return 0;
  const content = decompress(batch.subarray(HEAD), attributes & COMPRESSION);
  const count = batch.readInt32BE(57);
  const firstTime = Number(batch.readBigInt64BE(27));
  // Records that the broker gave one time share one Date.
  const arrived =
    (attributes & APPEND_TIME) === 0 ? null : new Date(Number(batch.readBigInt64BE(35)));
  const skipped = from - base;
  const cursor = new Cursor(content);
  for (let i = 0; i < count; i++) {
    const end = cursor.varint() + cursor.at;
    cursor.at += 1;
    const timeDelta = cursor.varint();
    const delta = cursor.varint();
    const key = cursor.text(cursor.varint());
    const value = cursor.bytes(cursor.varint());
    cursor.at = end;
    if (delta < skipped) continue;
    const time = arrived ?? new Date(firstTime + timeDelta);
    records.push({ offset: base + BigInt(delta), key, time, value });
  }
  return content.length;
}

function decompress(content: Buffer, algorithm: number): Buffer {
  if (algorithm === 0) return content;
  const known = compressionsAlgorithmsByBitmask[algorithm];
  if (known === undefined) throw new BatchError(`unknown compression ${algorithm}`);
  return known.decompressSync(content);
}

class Cursor {
  at = 0;
  private readonly buffer: Buffer;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /** Zigzag, up to 53 bits: times differ by more than 32. */
  varint(): number {
    const { buffer } = this;
    let byte = buffer[this.at++] ?? 0;
    if (byte < 0x80) return (byte & 1) === 0 ? byte >>> 1 : -(byte >>> 1) - 1;
    let value = byte & 0x7f;
    let scale = 128;
    do {
      byte = buffer[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && scale < 2 ** 63);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(length: number): string {
    if (length <= 0) return '';
    const text = this.buffer.toString('utf8', this.at, this.at + length);
    this.at += length;
    return text;
  }

  bytes(length: number): Buffer {
    if (length <= 0) return NOTHING;
    const part = this.buffer.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }
}
