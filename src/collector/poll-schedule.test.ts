/** One city whose provider behaves in many ways: what is caught, how late, and at what cost. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../test/support/random.ts';
import {
  afterAnswer,
  afterCityTrouble,
  afterFailure,
  newPollSchedule,
  type Plan,
} from './poll-schedule.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;
const START = Date.parse('2026-11-23T00:00:00Z');
const plan: Plan = { intervalMs: 10 * MINUTE, delayMs: 15_000, retries: 3 };

interface Publication {
  readonly observedAt: number;
  readonly at: number;
}

/** Every interval an observation, to be had `lag(n)` later. */
function publish(days: number, lag: (n: number) => number, step = plan.intervalMs): Publication[] {
  return Array.from({ length: (days * DAY) / step }, (_, n) => {
    const observedAt = START + n * step;
    return { observedAt, at: observedAt + lag(n) };
  });
}

/** Asks whenever it is due, from some time in the first interval to the end. */
function follow(publications: readonly Publication[], options: { from?: number; skew?: number }) {
  const { from = 3 * MINUTE, skew = 0 } = options;
  const end = publications.at(-1)?.at ?? START;
  const pollSchedule = newPollSchedule(plan, START + from, null);
  const seen = new Map<number, number>();
  let calls = 0;
  let newest = -1;
  for (let now = START + from; now < end; calls++) {
    while ((publications[newest + 1]?.at ?? end) <= now) newest += 1;
    const { observedAt } = publications[newest] ?? { observedAt: START - plan.intervalMs };
    if (!seen.has(observedAt)) seen.set(observedAt, now);
    // `skew`: the provider's clock is ahead of ours.
    const due = afterAnswer(pollSchedule, plan, now - skew, observedAt) + skew;
    assert.ok(due > now, 'due in the past');
    now = due;
  }
  const first = START + from;
  const expected = publications.filter(({ at }) => at > first && at < end);
  const missed = expected.filter(({ observedAt }) => !seen.has(observedAt));
  const late = expected
    .filter(({ observedAt }) => seen.has(observedAt))
    .map(({ observedAt, at }) => (seen.get(observedAt) ?? 0) - at);
  const callsPerInterval = calls / ((end - first) / plan.intervalMs);
  return { missed, late, callsPerInterval, pollSchedule };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('the poll schedule of one city', () => {
  test('a punctual provider costs one call per observation, each found 15 s after it', () => {
    const { missed, late, callsPerInterval } = follow(
      publish(3, () => 0),
      { from: 1_000 },
    );
    assert.equal(missed.length, 0);
    assert.ok(callsPerInterval <= 1.01, String(callsPerInterval));
    assert.ok(mean(late) < 16_000, String(mean(late)));
  });

  for (const [what, seconds] of [
    ['a minute', 60],
    ['five minutes', 300],
    ['20 minutes', 1_200],
    ['108 minutes', 6_480],
  ] as const) {
    test(`a provider that is ${what} late costs a tenth more at most`, () => {
      const { missed, late, callsPerInterval } = follow(
        publish(7, () => seconds * 1_000),
        {},
      );
      assert.equal(missed.length, 0);
      assert.ok(callsPerInterval <= 1.11, String(callsPerInterval));
      assert.ok(mean(late.slice(-500)) < 45_000, String(mean(late.slice(-500))));
    });
  }

  test('whatever the lag does, no observation is missed and few calls are wasted', () => {
    const lags = fc.record({
      base: fc.integer({ min: 0, max: 7_200_000 }),
      wobble: fc.integer({ min: 0, max: 240_000 }),
      seed: fc.integer({ min: 1, max: 1_000_000 }),
      from: fc.integer({ min: 0, max: 600_000 }),
    });
    fc.assert(
      fc.property(lags, ({ base, wobble, seed, from }) => {
        const random = createRandom(seed);
        const lags = Array.from({ length: 4 * 144 }, () => base + random() * wobble);
        const lag = (n: number) => lags[n] ?? base;
        const { missed, callsPerInterval } = follow(publish(4, lag), { from });
        // While the lag is being learned, one that is there for a few minutes only may be missed.
        assert.ok(missed.length <= 3, `${missed.length} missed`);
        assert.ok(callsPerInterval <= 1.12, String(callsPerInterval));
      }),
      { numRuns: 150 },
    );
  });

  test('of a lag that shrinks for an hour and a half and jumps back, few observations are missed', () => {
    // Each observation is there for 26 s less than an interval, then one for four minutes more.
    const { missed, callsPerInterval } = follow(
      publish(4, (n) => 6_063_000 - ((n + 1) % 10) * 26_000),
      { from: 3_000 },
    );
    assert.ok(missed.length <= 3, `${missed.length} missed`);
    assert.ok(callsPerInterval <= 1.12, String(callsPerInterval));
  });

  test('a provider that becomes punctual again is followed at once', () => {
    const { missed, late } = follow(
      publish(4, (n) => (n < 288 ? 40 * MINUTE : 0)),
      {},
    );
    // At that moment several come at once, of which only the newest can be seen.
    assert.ok(missed.length <= 5, String(missed.length));
    assert.ok(mean(late.slice(-100)) < 11 * MINUTE, String(mean(late.slice(-100))));
  });

  test('one late observation does not make the next ones late', () => {
    const { missed, late } = follow(
      publish(2, (n) => (n === 20 ? 8 * MINUTE : 0)),
      {},
    );
    assert.equal(missed.length, 0);
    assert.ok(Math.max(...late.slice(30)) < 60_000);
  });

  test('a city with an observation every 20 minutes is asked seven times an hour at most', () => {
    const { missed, callsPerInterval } = follow(
      publish(3, () => 20_000, 20 * MINUTE),
      {},
    );
    assert.equal(missed.length, 0);
    assert.ok(callsPerInterval <= 1.12, String(callsPerInterval));
  });

  test('a provider that answers the same for a day is asked seven times an hour at most', () => {
    const publications = publish(2, (n) => (n > 20 && n < 200 ? DAY * 2 : 0));
    const { callsPerInterval } = follow(publications, {});
    assert.ok(callsPerInterval <= 1.12, String(callsPerInterval));
  });

  for (const minutes of [-30, -9, -1, 1, 5, 9]) {
    test(`the provider’s clock may be ${minutes} minutes off`, () => {
      // Ahead: its observations are from our future. Behind: they look old.
      const { missed, callsPerInterval } = follow(
        publish(4, () => 5_000),
        { skew: minutes * MINUTE },
      );
      assert.equal(missed.length, 0);
      assert.ok(callsPerInterval <= 1.11, String(callsPerInterval));
    });
  }

  test('asking early, because of a request to refresh, changes nothing', () => {
    const pollSchedule = newPollSchedule(plan, START, null);
    const due = afterAnswer(pollSchedule, plan, START + 20_000, START);
    assert.equal(due, START + plan.intervalMs + 15_000);
    assert.equal(afterAnswer(pollSchedule, plan, START + 60_000, START), due);
    assert.deepEqual([pollSchedule.misses, pollSchedule.lagMs], [0, 15_000]);
  });

  test('an answer from before does not move the newest time back', () => {
    const pollSchedule = newPollSchedule(plan, START, null);
    afterAnswer(pollSchedule, plan, START + 20_000, START);
    afterAnswer(pollSchedule, plan, START + 620_000, START - plan.intervalMs);
    assert.equal(pollSchedule.observedAt, START);
  });

  test('failures are tried again after 2, 4 and 8 s, then after a minute each, with jitter', () => {
    const pollSchedule = newPollSchedule(plan, START, null);
    const gaps = Array.from(
      { length: 6 },
      () => afterFailure(pollSchedule, plan, START, 0.5) - START,
    );
    assert.deepEqual(gaps, [2_000, 4_000, 8_000, 60_000, 60_000, 60_000]);
    assert.equal(afterFailure(pollSchedule, plan, START, 0) - START, 30_000);
    assert.equal(afterFailure(pollSchedule, plan, START, 1) - START, 90_000);
    afterAnswer(pollSchedule, plan, START, START);
    assert.equal(afterFailure(pollSchedule, plan, START, 0.5) - START, 2_000);
  });

  test('an unknown city waits a day; one that has answered before is tried sooner', () => {
    const never = newPollSchedule(plan, START, null);
    assert.equal(afterCityTrouble(never, plan, START, DAY), START + DAY);
    const known = newPollSchedule(plan, START, { observedAt: START, lagMs: 15_000 });
    const gaps = Array.from(
      { length: 10 },
      () => afterCityTrouble(known, plan, START, DAY) - START,
    );
    assert.deepEqual(
      gaps.slice(0, 3).map((gap) => gap / MINUTE),
      [10, 20, 40],
    );
    assert.equal(gaps.at(-1), DAY);
  });
});
