import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksumOf, crc32c } from './checksum.ts';

test('CRC32C is that of RFC 3720, B.4', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e);
});

test('a file of one byte has the checksum that HDFS 3.5 gives it', async () => {
  const algorithm = 'MD5-of-0MD5-of-512CRC32C';
  assert.equal(
    await checksumOf(Buffer.from([0]), algorithm),
    '000002000000000000000000dc236201841049096ad31b6213203a90',
  );
  assert.equal(await checksumOf(Buffer.from([0]), 'COMPOSITE-CRC32C'), null);
});
