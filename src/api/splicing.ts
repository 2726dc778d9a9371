/**
 * Answers are `{"meta":…` + a tail that is kept: `,"data":[…]}`. The meta is made for each answer,
 * the tail is neither serialised nor compressed again.
 *
 * A compressed answer is one gzip member (RFC 1952):
 *
 *     header · stored deflate block with the meta · kept deflate blocks of the tail · CRC-32 · size
 *
 * Deflate blocks may follow each other as they are because the tail was compressed without looking
 * back, and the CRC of the whole follows from those of the two parts.
 */
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';

export interface Deflated {
  readonly blocks: Buffer;
  readonly crc: number;
  readonly length: number;
}

const deflate = promisify<Buffer, object, Buffer>(deflateRaw);

/** The tail, compressed once. */
export async function deflateTail(tail: Buffer): Promise<Deflated> {
  const blocks = await deflate(tail, {
    level: 6,
    memLevel: 9,
    strategy: constants.Z_DEFAULT_STRATEGY,
  });
  return deflatedFrom(tail, blocks);
}

/** The same, from the blocks that it was compressed to before. */
export function deflatedFrom(tail: Buffer, blocks: Buffer): Deflated {
  return { blocks, crc: crc32(tail), length: tail.length };
}

const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
const STORED_MAX = 65_535;

/** One gzip member that holds `head` and then the tail. */
export function spliceGzip(head: Buffer, tail: Deflated): Buffer {
  const parts: Buffer[] = [HEADER];
  for (let at = 0; at < head.length; at += STORED_MAX) {
    const chunk = head.subarray(at, at + STORED_MAX);
    const frame = Buffer.alloc(5);
    frame.writeUInt16LE(chunk.length, 1);
    frame.writeUInt16LE(chunk.length ^ 0xffff, 3);
    parts.push(frame, chunk);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(combineCrc32(crc32(head), tail.crc, tail.length), 0);
  trailer.writeUInt32LE((head.length + tail.length) % 2 ** 32, 4);
  return Buffer.concat([...parts, tail.blocks, trailer]);
}

const POLYNOMIAL = 0xedb88320;

/**
 * The CRC-32 of two pieces one after the other, from the CRC of each and the second one's length:
 * crc(A·B) = crc(A) · x^(8·|B|) + crc(B) over GF(2), as zlib's crc32_combine does it.
 */
export function combineCrc32(first: number, second: number, secondLength: number): number {
  let power = 0x80000000;
  let square = 0x00800000; // x^8, bits reflected: one byte further.
  for (let left = secondLength; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = multiply(square, power);
    square = multiply(square, square);
  }
  return (multiply(power, first) ^ second) >>> 0;
}

/** Product of two polynomials over GF(2) modulo the CRC's, the lowest power in the highest bit. */
function multiply(a: number, b: number): number {
  let product = 0;
  let term = b;
  for (let bit = 0x80000000; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= term;
    term = (term & 1) === 1 ? (term >>> 1) ^ POLYNOMIAL : term >>> 1;
  }
  return product >>> 0;
}
