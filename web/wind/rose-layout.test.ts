import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutRose } from './rose-layout.ts';

const sector = (direction_deg: number | null, speed_from_ms: number, share_pct: number) => ({
  direction_deg,
  speed_from_ms,
  share_pct,
});

test('the petals of a direction are stacked by speed, calm has none', () => {
  const { petals, calmPct, classes } = layOutRose(
    [sector(90, 4, 10), sector(90, 0.5, 20), sector(0, 0.5, 40), sector(null, 0, 30)],
    100,
  );
  assert.equal(calmPct, 30);
  assert.deepEqual(classes, [0.5, 4]);
  assert.deepEqual(
    petals.map(({ directionDeg, speedClass, sharePct }) => [directionDeg, speedClass, sharePct]),
    [
      [90, 0, 20],
      [0, 0, 40],
      [90, 1, 10],
    ],
  );
});

test('the longest petal ends within the outermost ring, north is above', () => {
  const { petals, rings } = layOutRose([sector(0, 0.5, 37), sector(180, 0.5, 63)], 100);
  assert.equal(rings.at(-1)?.radius, 100);
  assert.ok((rings.at(-1)?.sharePct ?? 0) >= 63 && rings.length <= 4);
  const [north, south] = petals.map(({ path }) => path.split('A')[0]?.split('L')[1]?.split(' '));
  assert.ok(Number(north?.[1]) < 0 && Number(south?.[1]) > 0);
});

test('without any wind there is a ring and no petal', () => {
  const { petals, rings } = layOutRose([], 100);
  assert.deepEqual([petals.length, rings.length], [0, 1]);
});
