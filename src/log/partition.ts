/**
 * Which partition a key goes to: as Kafka's own partitioner chooses it, so that a city has the same
 * partition number in every engine and in every other program that writes to the topic.
 */

/** A number from 0 to `partitionCount` - 1; the same for the same key for ever. */
export function choosePartition(key: string, partitionCount: number): number {
  return (murmur2(encoder.encode(key)) & 0x7fffffff) % partitionCount;
}

const encoder = new TextEncoder();
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/**
 * MurmurHash2, 32 bits, little-endian, as in Kafka's `org.apache.kafka.common.utils.Utils.murmur2`;
 * a signed number as there.
 */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    const word = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16);
    let k = Math.imul(word | (byte(bytes, at + 3) << 24), M);
    k ^= k >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const rest = length - at;
  if (rest === 3) hash ^= byte(bytes, at + 2) << 16;
  if (rest >= 2) hash ^= byte(bytes, at + 1) << 8;
  if (rest >= 1) hash = Math.imul(hash ^ byte(bytes, at), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
