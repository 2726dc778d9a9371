import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openInFlight } from './in-flight.ts';

const MIB = 1024 * 1024;

test('so many are under way, and so many bytes, and no more', async () => {
  for (const [size, most] of [
    [1, 8],
    [20 * MIB, 3],
    [100 * MIB, 1],
  ] as const) {
    const flight = openInFlight();
    let [now, seen, done] = [0, 0, 0];
    for (let i = 0; i < 30; i++) {
      await flight.add(size, async () => {
        now += 1;
        seen = Math.max(seen, now);
        await new Promise(setImmediate);
        now -= 1;
        done += 1;
      });
    }
    await flight.settle();
    assert.deepEqual([seen, done], [most, 30]);
  }
});

test('the first failure ends it, once all others have ended', async () => {
  const flight = openInFlight();
  let ended = false;
  await flight.add(1, async () => {
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    ended = true;
  });
  await flight.add(1, () => Promise.reject(new Error('first')));
  await new Promise(setImmediate);
  const late = flight.add(1, () => Promise.reject(new Error('never begun')));
  await assert.rejects(late, /first/);
  await assert.rejects(flight.settle(), /first/);
  assert.ok(ended);
});
