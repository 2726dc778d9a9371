/**
 * HDFS's own checksum of a file, worked out here: MD5 of the MD5s of the blocks' checksums, which
 * are the CRC32C of every 512 bytes (Hadoop: `FileChecksumHelper`, `MD5MD5CRC32FileChecksum`).
 *
 *     algorithm = MD5-of-<n>MD5-of-<bytes per crc>CRC32C        n = 0: the file is one block
 *     value     = bytes per crc (4 bytes) | crcs per block (8 bytes) | MD5 (16 bytes), hexadecimal
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Source } from './transfer.ts';

/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = makeTable();

/** The value, or null for an algorithm that we do not know. */
export async function checksumOf(source: Source, algorithm: string): Promise<string | null> {
  const match = /^MD5-of-(\d+)MD5-of-(\d+)CRC32C$/.exec(algorithm);
  if (match === null) return null;
  const [crcsPerBlock, bytesPerCrc] = [Number(match[1]), Number(match[2])];
  const blocks: Buffer[] = [];
  let block = createHash('md5');
  let crcs = 0;
  for await (const piece of piecesOf(source, bytesPerCrc)) {
    if (crcsPerBlock > 0 && crcs === crcsPerBlock) {
      blocks.push(block.digest());
      block = createHash('md5');
      crcs = 0;
    }
    const crc = Buffer.alloc(4);
    crc.writeUInt32BE(crc32c(piece));
    block.update(crc);
    crcs += 1;
  }
  if (crcs > 0) blocks.push(block.digest());
  const head = Buffer.alloc(12);
  head.writeUInt32BE(bytesPerCrc);
  head.writeBigUInt64BE(BigInt(crcsPerBlock), 4);
  const sum = createHash('md5').update(asHadoopKeepsThem(blocks)).digest();
  return Buffer.concat([head, sum]).toString('hex');
}

/** Hadoop sums up its whole buffer, which has 32 bytes and doubles when they do not suffice. */
function asHadoopKeepsThem(sums: readonly Buffer[]): Buffer {
  let capacity = 32;
  while (capacity < sums.length * 16) capacity *= 2;
  const buffer = Buffer.alloc(capacity);
  for (const [index, sum] of sums.entries()) sum.copy(buffer, index * 16);
  return buffer;
}

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function makeTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    table[i] = value;
  }
  return table;
}

async function* piecesOf(source: Source, bytes: number): AsyncGenerator<Uint8Array> {
  const chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> =
    source instanceof Uint8Array
      ? [source]
      : createReadStream(source.file, { highWaterMark: bytes * 512 });
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    for (; at + bytes <= all.length; at += bytes) yield all.subarray(at, at + bytes);
    rest = all.subarray(at);
  }
  if (rest.length > 0) yield rest;
}
