import assert from 'node:assert/strict';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { runChild, startChild } from '../../test/support/child.ts';
import { stormOf } from '../../test/support/storm.ts';
import { isErrorCode } from '../errors.ts';
import { type Budget, type BudgetLimits, openBudget } from './budget.ts';
import { openTestClock, type TestClock } from './testing/clock.ts';

const DAY_MS = 86_400_000;
const START = Date.parse('2026-11-29T23:59:30Z');
const GENEROUS = { per_minute: 1_000_000, per_day: 1_000_000, per_month: 1_000_000 };

describe('the budget', () => {
  let root: string;
  let count = 0;
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'isobar-budget-'));
  });
  after(() => rmSync(root, { recursive: true }));

  const newFolder = () => {
    count += 1;
    return join(root, String(count));
  };
  function open(limits: Partial<BudgetLimits>, wall = START) {
    const clock = openTestClock(wall);
    const folder = newFolder();
    return { clock, folder, budget: openBudget(folder, { ...GENEROUS, ...limits }, clock) };
  }

  async function bookAll(budget: Budget, most = 1_000): Promise<number> {
    let calls = 0;
    while (calls < most) {
      const booking = await budget.book();
      if (booking.refused !== null) break;
      calls += booking.calls;
    }
    return calls;
  }

  test('asks again soon when only its part of the minute is used up, for that may grow', async () => {
    const clock = openTestClock(START);
    let perMinute = 2;
    const bounds = {
      perMinute: () => perMinute,
      reserved: () => 1_000,
      elsewhere: () => 0,
    };
    const budget = openBudget(newFolder(), { ...GENEROUS, per_minute: 4 }, clock, bounds);
    assert.equal(await bookAll(budget), 2);
    const { refused } = await budget.book();
    assert.deepEqual([refused?.period, refused?.waitMs], ['minute', 1_000]);
    perMinute = 4;
    assert.equal(await bookAll(budget), 2);
    const whole = await budget.book();
    assert.ok((whole.refused?.waitMs ?? 0) > 60_000, 'all of the minute is used up');
  });

  test('books up to the limit of any 60 seconds, and says when there is room again', async () => {
    const { budget, clock } = open({ per_minute: 3 });
    assert.equal(await bookAll(budget), 3);
    const { refused } = await budget.book();
    assert.equal(refused?.period, 'minute');
    assert.ok(refused.waitMs > 60_000 && refused.waitMs <= 62_000, String(refused.waitMs));
    assert.equal(refused.until.getTime(), clock.now() + refused.waitMs);
    await clock.advance(refused.waitMs - 1);
    assert.equal((await budget.book()).calls, 0);
    await clock.advance(1);
    assert.equal(await bookAll(budget), 3);
    budget[Symbol.dispose]();
  });

  test('books several at once, as many as there is room for', async () => {
    const { budget } = open({ per_day: 10 });
    assert.deepEqual(await budget.book(7), { calls: 7, refused: null });
    assert.deepEqual(await budget.book(7), { calls: 3, refused: null });
    assert.equal((await budget.book(7)).refused?.period, 'day');
    assert.deepEqual(budget.counts().day, { used: 10, limit: 10 });
    budget[Symbol.dispose]();
  });

  test('a new day of UTC has room again; a call of its last second counts for both', async () => {
    const { budget, clock } = open({ per_day: 5 });
    assert.equal(await bookAll(budget), 5);
    const { refused } = await budget.book();
    assert.equal(refused?.until.toISOString(), '2026-11-30T00:00:00.000Z');
    await clock.advance(refused.waitMs);
    assert.equal(await bookAll(budget, 3), 3);
    await clock.advance(DAY_MS - 500);
    assert.equal(await bookAll(budget), 2);
    await clock.advance(500);
    assert.equal(await bookAll(budget), 3);
    budget[Symbol.dispose]();
  });

  test('a new month has room again', async () => {
    const { budget, clock } = open({ per_month: 5 });
    assert.equal(await bookAll(budget), 5);
    const { refused } = await budget.book();
    assert.equal(refused?.period, 'month');
    assert.equal(refused.until.toISOString(), '2026-12-01T00:00:00.000Z');
    await clock.advance(refused.waitMs);
    assert.equal(await bookAll(budget), 5);
    assert.equal((await budget.book()).refused?.until.toISOString(), '2027-01-01T00:00:00.000Z');
    budget[Symbol.dispose]();
  });

  test('lower limits hold at once for what was booked under higher ones', async () => {
    const { budget, clock, folder } = open({ per_minute: 9, per_day: 20 });
    assert.equal(await bookAll(budget), 9);
    const lower = openBudget(folder, { ...GENEROUS, per_minute: 4, per_day: 12 }, clock);
    assert.equal((await lower.book()).refused?.period, 'minute');
    assert.deepEqual(lower.counts().minute, { used: 9, limit: 4 });
    await clock.advance(62_000);
    // The 30 seconds to midnight are over, so that the day is a new one.
    assert.equal(await bookAll(lower), 4);
    await clock.advance(62_000);
    assert.equal(await bookAll(lower), 4);
    await clock.advance(62_000);
    assert.equal(await bookAll(lower), 4);
    assert.equal((await lower.book()).refused?.period, 'day');
    for (const open of [budget, lower]) open[Symbol.dispose]();
  });

  test('a clock set back neither gives calls back nor stops them for ever', async () => {
    const { budget, clock } = open({ per_minute: 2, per_day: 10 });
    assert.equal(await bookAll(budget), 2);
    clock.jump(-400 * DAY_MS);
    assert.equal(await bookAll(budget), 0);
    let calls = 0;
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(62_000);
      calls += await bookAll(budget);
    }
    // Half a minute later the day that the ledger had seen was over; one more day's calls.
    assert.equal(calls, 10);
    await clock.advance(DAY_MS);
    assert.equal(await bookAll(budget), 2);
    budget[Symbol.dispose]();
  });

  test('a clock that was far ahead once does not use up the time until then', async () => {
    const { budget, clock } = open({ per_minute: 5, per_day: 20, per_month: 200 });
    clock.jump(4_000 * DAY_MS);
    assert.equal(await bookAll(budget), 5);
    clock.jump(-4_000 * DAY_MS);
    let calls = 0;
    for (let hour = 0; hour < 24 * 10; hour += 3) {
      await clock.advance(3 * 3_600_000);
      calls += await bookAll(budget);
    }
    assert.ok(calls >= 180 && calls <= 200, String(calls));
    budget[Symbol.dispose]();
  });

  test('a restart of the machine counts what was booked before as booked now', async () => {
    const { budget, clock, folder } = open({ per_minute: 2 });
    assert.equal(await bookAll(budget), 2);
    budget[Symbol.dispose]();
    clock.reboot(5_000);
    const again = openBudget(folder, { ...GENEROUS, per_minute: 2 }, clock);
    const { refused } = await again.book();
    const waitMs = refused?.waitMs ?? 0;
    assert.ok(waitMs > 60_000 && waitMs <= 62_000, String(waitMs));
    await clock.advance(waitMs);
    assert.equal(await bookAll(again), 2);
    again[Symbol.dispose]();
  });

  test('whatever happens, no minute, day or month holds more than its limit', async () => {
    await fc.assert(
      fc.asyncProperty(steps, limits, async (todo, limit) => {
        await playAgainstModel(todo, limit, newFolder());
      }),
      { numRuns: stormOf(25, 8) },
    );
  });

  test('a damaged ledger is a named error, and stays as it is', async () => {
    const { budget, folder, clock } = open({});
    for (let day = 0; day < 400; day++) {
      await budget.book();
      await clock.advance(DAY_MS / 24);
    }
    budget[Symbol.dispose]();
    const path = join(folder, 'ledger.sqlite');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(4_096, 0x5a), 0, 4_096, 0);
    closeSync(file);
    const { size } = statSync(path);
    assert.throws(
      () => openBudget(folder, GENEROUS, clock),
      (error) => isErrorCode(error, 'BUDGET_CORRUPT'),
    );
    assert.equal(statSync(path).size, size);
    truncateSync(path, 100);
    assert.throws(
      () => openBudget(folder, GENEROUS, clock),
      (error) => isErrorCode(error, 'BUDGET_CORRUPT'),
    );
  });

  test('killed before booking nothing is booked, killed after it the call counts', async () => {
    const folder = newFolder();
    const source = childSource(folder, { ...GENEROUS, per_day: 100 });
    const used = () => {
      using budget = openBudget(folder, GENEROUS);
      return budget.counts().day.used;
    };
    const early = await runChild(source, { env: { ISOBAR_FAULT: 'budget.before-book:3' } });
    assert.equal(early.signal, 'SIGKILL', early.errors);
    assert.equal(early.output, 'call\ncall\n');
    assert.equal(used(), 2);
    const late = await runChild(source, { env: { ISOBAR_FAULT: 'budget.after-book:3' } });
    assert.equal(late.signal, 'SIGKILL', late.errors);
    assert.equal(late.output, 'call\ncall\n');
    assert.equal(used(), 5);
  });

  test('four processes at a time, killed at random, never make more calls than allowed', async () => {
    const folder = newFolder();
    const limit = 600;
    const given = { ...GENEROUS, per_day: limit };
    const running = Array.from({ length: 4 }, async (_, worker) => {
      let calls = 0;
      let kills = 0;
      for (let round = 0; ; round++) {
        // Those that will be killed do not get so far that nothing is left, however late that is.
        const child = startChild(childSource(folder, given, round < 3 ? 45 : limit));
        if (round < 3) {
          await child.waitFor('call\n'.repeat(10 + worker * 5)).catch(() => {});
          child.process.kill('SIGKILL');
        }
        const end = await child.ended;
        calls += end.output.split('call\n').length - 1;
        kills += end.signal === 'SIGKILL' ? 1 : 0;
        if (end.code === 0) return { calls, kills };
        assert.equal(end.signal, 'SIGKILL', end.errors);
      }
    });
    const ends = await Promise.all(running);
    const calls = ends.reduce((sum, end) => sum + end.calls, 0);
    const kills = ends.reduce((sum, end) => sum + end.kills, 0);
    assert.ok(kills > 0);
    // A call that was booked and then not made, because of a kill, is lost; none is made twice.
    assert.ok(calls <= limit && calls >= limit - kills, `${calls} calls, ${kills} kills`);
    using budget = openBudget(folder, { ...GENEROUS, per_day: limit });
    assert.equal(budget.counts().day.used, limit);
  });
});

/** Books calls one by one, each written to stdout, until the day is spent; waits at `most`. */
function childSource(folder: string, limit: BudgetLimits, most = Infinity): string {
  const at = new URL('./budget.ts', import.meta.url).href;
  return `
    import { writeSync } from 'node:fs';
    import { openBudget } from ${JSON.stringify(at)};
    const budget = openBudget(${JSON.stringify(folder)}, ${JSON.stringify(limit)});
    for (let calls = 0; (await budget.book()).calls > 0; ) {
      writeSync(1, 'call\\n');
      calls += 1;
      if (calls >= ${most}) await new Promise((resolve) => setTimeout(resolve, 3_600_000));
    }`;
}

type Step =
  | { readonly kind: 'book'; readonly calls: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'jump'; readonly ms: number }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'wait' };

const limits = fc.record({
  per_minute: fc.integer({ min: 1, max: 6 }),
  per_day: fc.integer({ min: 1, max: 20 }),
  per_month: fc.integer({ min: 5, max: 60 }),
});
const span = fc.oneof(
  fc.integer({ min: 0, max: 2_000 }),
  fc.integer({ min: 0, max: 90_000 }),
  fc.integer({ min: 0, max: 2 * DAY_MS }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }).map(bookStep) },
  { weight: 4, arbitrary: span.map((ms): Step => ({ kind: 'pass', ms })) },
  { weight: 2, arbitrary: span.map((ms): Step => ({ kind: 'jump', ms })) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'wait' }) },
);
const steps = fc.array(step, { minLength: 30, maxLength: 100 });

function bookStep(calls: number): Step {
  return { kind: 'book', calls };
}

/**
 * The wall clock is right or behind, by up to what the jumps say: then the model knows the true
 * time, and by it no minute, day or month may hold more; by the wrong clock's days neither.
 */
async function playAgainstModel(todo: readonly Step[], limit: BudgetLimits, folder: string) {
  const clock: TestClock = openTestClock(START);
  const started = clock.monotonic();
  const truth = () => START + clock.monotonic() - started;
  const booked: { readonly at: number; readonly wall: number; readonly calls: number }[] = [];
  let budget = openBudget(folder, limit, clock);
  let behind = 0;
  const used = (test: (booking: { at: number; wall: number }) => boolean) =>
    booked.reduce((sum, booking) => sum + (test(booking) ? booking.calls : 0), 0);
  const day = (ms: number) => Math.floor(ms / DAY_MS);
  const month = (ms: number) => new Date(ms).toISOString().slice(0, 7);

  async function book(calls: number) {
    const booking = await budget.book(calls);
    if (booking.refused !== null) {
      const { waitMs } = booking.refused;
      assert.ok(waitMs > 0 && waitMs <= 32 * DAY_MS);
      return waitMs;
    }
    assert.ok(booking.calls >= 1 && booking.calls <= calls);
    const now = truth();
    booked.push({ at: now, wall: clock.now(), calls: booking.calls });
    assert.ok(used(({ at }) => at > now - 60_000) <= limit.per_minute, 'minute');
    assert.ok(used(({ at }) => day(at) === day(now)) <= limit.per_day, 'true day');
    assert.ok(used(({ at }) => month(at) === month(now)) <= limit.per_month, 'true month');
    const shown = clock.now();
    assert.ok(used(({ wall }) => day(wall) === day(shown)) <= limit.per_day, 'shown day');
    assert.ok(used(({ wall }) => month(wall) === month(shown)) <= limit.per_month, 'shown month');
    return 0;
  }

  // The ledger has seen the true time once.
  await book(1);
  for (const step of todo) {
    if (step.kind === 'book') await book(step.calls);
    if (step.kind === 'pass') await clock.advance(step.ms);
    if (step.kind === 'jump') {
      // Back by that much, or forward to the true time.
      const jump = behind === 0 ? -step.ms : behind;
      clock.jump(jump);
      behind -= jump;
    }
    if (step.kind === 'reopen') {
      budget[Symbol.dispose]();
      budget = openBudget(folder, limit, clock);
    }
    if (step.kind === 'wait') {
      const waitMs = await book(1);
      await clock.advance(waitMs);
      // The wait is long enough, unless the clock is set meanwhile or a longer period is spent.
      if (waitMs > 0 && waitMs < 62_000) {
        const again = await budget.book();
        if (again.refused === null) booked.push({ at: truth(), wall: clock.now(), calls: 1 });
        else assert.notEqual(again.refused.period, 'minute');
      }
    }
  }
  budget[Symbol.dispose]();
}
