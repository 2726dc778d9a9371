/**
 * A week of polling in virtual time, with the real source, budget and memory.
 *
 * An observation can be had from its publication to the next one. It counts as missed although
 * the budget allowed it when it did not get into the log, and in that time neither
 *
 *   - the budget held a call back (spent, or stretched because less was left than wanted), nor
 *   - the provider's own word did (Retry-After or a used-up quota, for half of that time), nor
 *   - four calls or more for its city failed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stormOf } from '../../test/support/storm.ts';
import { DEFAULT_CITIES } from '../model/city.ts';
import { isInvalidRecord } from '../model/observation.ts';
import type { BudgetLimits } from './budget.ts';
import {
  CANARY,
  DEFAULT_LIMITS,
  seededRandom,
  startTestPolling,
  type TestPolling,
} from './testing/polling.ts';
import type { Outcome } from './testing/world.ts';

const STEP = 120_000;
/** As pino counts levels. */
const DEBUG = 20;
const DAY = 86_400_000;
// A Friday: the week goes over the end of a month.
const START = '2026-11-27T09:17:31Z';

/** Of 100 calls: 6 and 4 times 429, 8 times 5xx, 4 cut, 8 without an answer, 70 answers. */
function unreliable(random: () => number): () => Outcome {
  return () => {
    const dice = random() * 100;
    if (dice < 6) return { status: 429 };
    if (dice < 10) return { status: 429, retryAfter: 20 };
    if (dice < 18) return { status: 500 + Math.floor(random() * 5) };
    if (dice < 22) return 'cut';
    return dice < 30 ? 'hang' : 'answer';
  };
}

/** Runs for that long in small steps with some restarts; resolves with when calls were held. */
async function run(polling: TestPolling, days: number, restarts: () => boolean) {
  const held: { readonly at: number; readonly by: 'budget' | 'provider' }[] = [];
  for (let passed = 0; passed < days * DAY; passed += STEP) {
    await polling.clock.advance(STEP);
    const { state, message } = polling.collector.status();
    const at = polling.world.now();
    if (state === 'budget_spent' || message.includes('take turns')) held.push({ at, by: 'budget' });
    if (state === 'quota') held.push({ at, by: 'provider' });
    assert.ok(!message.includes(CANARY));
    if (restarts()) await polling.restart();
  }
  return held;
}

function checkBudget(polling: TestPolling, limits: BudgetLimits): void {
  const times = polling.world.calls.map(({ at }) => at);
  for (const [index, at] of times.entries()) {
    const ahead = times[index + limits.per_minute];
    if (ahead !== undefined) assert.ok(ahead - at >= 60_000, `minute from ${new Date(at)}`);
  }
  for (const [length, limit] of [
    [10, limits.per_day],
    [7, limits.per_month],
  ] as const) {
    const used = Map.groupBy(times, (at) => new Date(at).toISOString().slice(0, length));
    for (const [period, { length: calls }] of used)
      assert.ok(calls <= limit, `${period}: ${calls}`);
  }
}

function checkRecords(polling: TestPolling): Set<string> {
  const kept = new Set<string>();
  for (const record of polling.records) {
    if (isInvalidRecord(record)) assert.fail(record.invalid);
    const identity = `${record.city_id} ${Date.parse(record.observed_at)}`;
    assert.ok(!kept.has(identity), `twice: ${identity}`);
    kept.add(identity);
  }
  return kept;
}

function missedOnes(polling: TestPolling, held: Awaited<ReturnType<typeof run>>) {
  const kept = checkRecords(polling);
  const from = Date.parse(START);
  const all = DEFAULT_CITIES.flatMap((city) =>
    polling.world
      .observations(city, from, polling.world.now())
      .map((window) => ({ ...window, cityId: city.city_id })),
  );
  const missed = all.filter(({ cityId, observedAt }) => !kept.has(`${cityId} ${observedAt}`));
  const unexcused = missed.filter((window) => {
    const within = ({ at }: { at: number }) => at >= window.from && at < window.to + STEP;
    const holds = held.filter(within);
    const failures = polling.world.calls.filter(
      (call) => call.cityId === window.cityId && within(call) && call.observedAt === null,
    );
    const byProvider = holds.filter(({ by }) => by === 'provider').length;
    return holds.length === byProvider && byProvider < 3 && failures.length < 4;
  });
  return { all, missed, unexcused };
}

describe('simulated days and weeks', () => {
  test('without faults: 720 calls a day, and every observation', async () => {
    using polling = startTestPolling({ start: START });
    const held = await run(polling, 4, () => false);
    await polling.stop();
    checkBudget(polling, DEFAULT_LIMITS);
    const { all, missed } = missedOnes(polling, held);
    assert.ok(all.length >= 5 * (4 * 144 - 2), String(all.length));
    assert.deepEqual(missed, []);
    const perDay = Map.groupBy(polling.world.calls, ({ at }) => Math.floor(at / DAY));
    const fullDays = [...perDay.values()].slice(1, -1).map((calls) => calls.length);
    assert.equal(fullDays.length, 3);
    for (const calls of fullDays) assert.ok(calls >= 715 && calls <= 725, fullDays.join());
  });

  test('with 30 % faults and restarts: inside the budget, and all that it allows', async () => {
    const random = seededRandom(2);
    using polling = startTestPolling({ start: START, outcome: unreliable(random) });
    const held = await run(polling, stormOf(7, 2), () => random() < 1 / 120);
    await polling.stop();
    checkBudget(polling, DEFAULT_LIMITS);
    const { all, missed, unexcused } = missedOnes(polling, held);
    assert.deepEqual(unexcused, []);
    // 1,000 calls a day of which 30 % fail: 700 of 720 observations can be had at most.
    const answers = polling.world.calls.filter(({ observedAt }) => observedAt !== null).length;
    assert.ok(all.length - missed.length >= answers * 0.97, `${missed.length} of ${all.length}`);
    assert.ok(!polling.everything().includes(CANARY));
    // Each call has a line of its own for those who look closely.
    const shown = polling.lines.filter((line) => JSON.parse(line).level > DEBUG);
    assert.ok(shown.length < 5_000, `${shown.length} lines`);
    const close = polling.lines.length - shown.length;
    assert.ok(close <= polling.world.calls.length, `${close} lines at debug level`);
  });

  test('with 30 % faults and budget enough: nothing is missed but where all calls failed', async () => {
    const random = seededRandom(3);
    const limits = { per_minute: 60, per_day: 3_000, per_month: 90_000 };
    using polling = startTestPolling({ start: START, limits, outcome: unreliable(random) });
    const held = await run(polling, 3, () => random() < 1 / 120);
    await polling.stop();
    checkBudget(polling, limits);
    const { all, missed, unexcused } = missedOnes(polling, held);
    assert.deepEqual(unexcused, []);
    assert.ok(missed.length <= all.length / 1_000, `${missed.length} of ${all.length}`);
  });

  test('with a budget for a third of it: all day long, and for every city alike', async () => {
    const limits = { per_minute: 60, per_day: 240, per_month: 31_000 };
    using polling = startTestPolling({ start: '2026-11-27T00:00:00Z', limits });
    await run(polling, 2, () => false);
    await polling.stop();
    checkBudget(polling, limits);
    for (const key of ['cityId', 'hour'] as const) {
      const of = (call: { at: number; cityId: string }) =>
        key === 'hour' ? String(Math.floor(call.at / 3_600_000)) : call.cityId;
      const counts = [...Map.groupBy(polling.world.calls, of).values()].map(
        (calls) => calls.length,
      );
      const even = 480 / counts.length;
      // The first ones come at once, which is a handful more in the first hour.
      assert.ok(Math.max(...counts) <= even + 6 && Math.min(...counts) >= even - 4, counts.join());
    }
  });
});
