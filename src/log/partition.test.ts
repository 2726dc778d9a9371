import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { choosePartition, murmur2 } from './partition.ts';

/** From Kafka's own UtilsTest.testMurmur2. */
const KAFKA_VECTORS: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('the partition of a key', () => {
  for (const [text, hash] of KAFKA_VECTORS) {
    it(`hashes ${text} as Kafka does`, () => {
      assert.equal(murmur2(Buffer.from(text)), hash);
      assert.equal(choosePartition(text, 3), (hash & 0x7fffffff) % 3);
    });
  }

  it('is one of the partitions for any key', () => {
    for (let i = 0; i < 10_000; i++) {
      const partition = choosePartition(`city-${i}`, 7);
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < 7);
    }
    assert.equal(choosePartition('', 1), 0);
  });

  it('spreads keys evenly', () => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 30_000; i++) {
      const partition = choosePartition(String(2_000_000 + i), 3);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 9_000 && count < 11_000, counts.join());
  });
});
