import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compactSmall, smallFiles } from './compaction.ts';
import type { DataFile } from './table.ts';
import { observation, openTestLake } from './testing/lake.ts';

function fileOf(bytes: number, index: number): DataFile {
  return {
    path: `f${index}`,
    storagePath: `f${index}`,
    month: '2024-10',
    bytes,
    rows: 1,
    cityIdMin: null,
    cityIdMax: null,
    observedAtMin: null,
    observedAtMax: null,
  };
}

test('small files are those that a larger one need not be written again for', () => {
  const bytes = (...sizes: number[]) =>
    smallFiles(sizes.map(fileOf), 1_000).map((file) => file.bytes);
  assert.deepEqual(bytes(), []);
  assert.deepEqual(bytes(5, 5, 5), [5, 5, 5]);
  assert.deepEqual(bytes(900, 5, 5, 5), [5, 5, 5]);
  assert.deepEqual(bytes(60, 5, 5, 5), [5, 5, 5, 60]);
  assert.deepEqual(bytes(400, 400, 400), [400, 400]);
});

test('merging small files keeps their number bounded and writes each row a few times', () => {
  const sizes = fc.array(fc.integer({ min: 1_000, max: 20_000 }), {
    maxLength: 2_000,
    size: 'max',
  });
  fc.assert(
    fc.property(sizes, (landed) => {
      let files: DataFile[] = [];
      let written = 0;
      let total = 0;
      for (const [index, bytes] of landed.entries()) {
        files.push(fileOf(bytes, index));
        total += bytes;
        const small = smallFiles(files, 1 << 26);
        if (small.length > 32) {
          const merged = small.reduce((sum, file) => sum + file.bytes, 0);
          written += merged;
          const gone = new Set(small);
          files = [...files.filter((file) => !gone.has(file)), fileOf(merged, -index - 1)];
        }
        // 32 small ones, and of the larger ones at most two for each doubling of the size.
        assert.ok(files.length <= 32 + 2 * Math.log2(total / 1_000), `${files.length} files`);
      }
      assert.ok(written <= 8 * total, `${written / total} times`);
    }),
    { numRuns: 20, endOnFailure: true },
  );
});

test('merges many small files of a month without losing rows or reporting new ones', async () => {
  await using lake = await openTestLake(1);
  const opened = await lake.open();
  const options = { ...opened, simulated: false, fileBytesMax: 1 << 26 };
  const land = async (from: number, count: number) => {
    for (let index = from; index < from + count; index++) {
      lake.log.put(0, observation('london', index * 60));
      await opened.sink.land(0);
    }
  };
  await land(0, 4);
  assert.deepEqual(await compactSmall(options, 4), []);
  const before = await opened.observations.refresh();
  await land(4, 1);
  const [done] = await compactSmall(options, 4);
  assert.deepEqual([done?.filesBefore, done?.filesAfter, done?.rows], [5, 1, 5]);
  const after = await opened.observations.refresh();
  assert.equal(after.files.length, 1);
  const changes = await opened.observations.changes(before.version, after);
  assert.equal(changes?.onlyAdded, true);
  assert.deepEqual(
    changes?.added.map((file) => file.path),
    after.files.map((file) => file.path),
  );
  assert.deepEqual((await lake.verify()).differences, []);
});
