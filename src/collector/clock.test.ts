import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scaledClock, steady, systemClock } from './clock.ts';
import { openTestClock } from './testing/clock.ts';

test('the steady clock follows the wall clock forward and ignores its going back', async () => {
  const clock = openTestClock(1_000_000);
  const time = steady(clock);
  assert.equal(time.now(), 1_000_000);
  clock.jump(5_000);
  assert.equal(time.now(), 1_005_000);
  clock.jump(-3_600_000);
  assert.equal(time.now(), 1_005_000);
  await clock.advance(10);
  assert.equal(time.now(), 1_005_010);
  assert.equal(time.fromWall(clock.now() + 7), 1_005_017);
  assert.equal(time.toWall(1_005_017), clock.now() + 7);
});

test('a scaled clock runs faster, and waits as much shorter', async () => {
  const base = openTestClock(1_000_000);
  const clock = scaledClock(60, base);
  let woken = false;
  void clock.wait(60_000, new AbortController().signal).then(() => {
    woken = true;
  });
  await base.advance(999);
  assert.equal(woken, false);
  await base.advance(1);
  assert.equal(woken, true);
  assert.equal(clock.now(), 1_060_000);
});

test('the system’s clock waits, and wakes at once when the signal aborts', async () => {
  const begin = systemClock.monotonic();
  await systemClock.wait(20, new AbortController().signal);
  assert.ok(systemClock.monotonic() - begin >= 19);
  const abort = new AbortController();
  const waiting = systemClock.wait(60_000, abort.signal);
  abort.abort();
  await waiting;
  assert.ok(systemClock.monotonic() - begin < 30_000);
});
