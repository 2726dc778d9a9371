import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Storage, Tier } from '../lake/storage.ts';
import { observation, openTestLake } from './testing/lake.ts';
import { monthBefore, tierOldMonths } from './tiering.ts';

test('months count by the calendar, in UTC', () => {
  assert.equal(monthBefore(new Date('2024-03-31T23:30:00Z'), 1), '2024-02');
  assert.equal(monthBefore(new Date('2024-03-01T00:00:00Z'), 3), '2023-12');
  assert.equal(monthBefore(new Date('2024-03-01T00:00:00Z'), 0), '2024-03');
});

test('months that are old enough move, and no other', async () => {
  await using lake = await openTestLake();
  const moved: string[] = [];
  const storage: Storage = {
    ...lake.storage,
    async tier(folder: string, { policy, replication }: Tier) {
      moved.push(`${folder.slice(-7)} ${policy} ${replication}`);
      return 2;
    },
  };
  const { sink, observations } = await lake.open(storage);
  const month = 31 * 86_400;
  lake.log.put(0, observation('a', 0), observation('a', month), observation('a', 2 * month));
  await sink.land(0);
  const tier: Tier = { policy: 'COLD', replication: 1 };
  const clock = () => new Date('2025-01-15T00:00:00Z');
  const options = { observations, storage, tier, clock };
  assert.equal(await tierOldMonths({ ...options, afterMonths: 2 }), 2);
  assert.deepEqual(moved, ['2024-10 COLD 1']);
  assert.equal(await tierOldMonths({ ...options, afterMonths: 0 }), 0);
  assert.equal(await tierOldMonths({ ...options, storage: lake.storage, afterMonths: 1 }), 0);
});
