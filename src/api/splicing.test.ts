import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { combineCrc32, deflateTail, spliceGzip } from './splicing.ts';

test('the spliced member unpacks to the head and the tail, whatever they are', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 3_000 }),
    fc.integer({ min: 65_530, max: 140_000 }).map((length) => new Uint8Array(length).fill(97)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, bytes, async (head, tail) => {
      const spliced = spliceGzip(Buffer.from(head), await deflateTail(Buffer.from(tail)));
      assert.deepEqual(gunzipSync(spliced), Buffer.concat([head, tail]));
    }),
    { numRuns: 60 },
  );
});

test('the checksum of two pieces follows from those of each', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.equal(combineCrc32(crc32(a), crc32(b), b.length), crc32(Buffer.concat([a, b])));
    }),
  );
});
