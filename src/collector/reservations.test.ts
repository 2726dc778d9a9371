import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createRandom } from '../../test/random.ts';
import { LEASES_FOLDER } from '../lake/layout.ts';
import { openLocalStorage } from '../lake/local.ts';
import type { Storage } from '../lake/storage.ts';
import { dayOf, monthOf } from './budget.ts';
import { openReservations, type Reservations } from './reservations.ts';

const DAY_MS = 86_400_000;
const NOON = Date.parse('2026-11-30T12:00:00Z');
const TODAY = dayOf(NOON);
const LIMITS = { per_minute: 60, per_day: 1_000, per_month: 1_500 };

async function withStorage(run: (storage: Storage, folder: string) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'isobar-reservations-'));
  try {
    await using storage = await openLocalStorage(folder);
    await run(storage, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A ledger that has nothing but what the test says it has used. */
function ledgerOf(name: string) {
  const used = new Map<string, number>();
  const state = { now: NOON, used };
  const spend = (calls: number) => {
    const keys = [`day-${dayOf(state.now)}`, `month-${monthOf(state.now)}`];
    for (const key of keys) used.set(key, (used.get(key) ?? 0) + calls);
  };
  const budget = {
    ledger: name,
    used: (period: string, number: number) => used.get(`${period}-${number}`) ?? 0,
    times: () => [state.now],
  };
  return { budget, spend, state };
}

describe('reservations of calls', () => {
  test('keep a quarter in hand, for tomorrow and next month too', () =>
    withStorage(async (storage) => {
      const { budget, spend } = ledgerOf('a');
      spend(100);
      const mine = await openReservations({ storage, budget, limits: LIMITS });
      assert.equal(mine.of('day', TODAY), 0);
      await mine.keepAhead(1);
      assert.deepEqual([mine.of('day', TODAY), mine.of('day', TODAY + 1)], [350, 250]);
      const month = monthOf(NOON);
      assert.deepEqual([mine.of('month', month), mine.of('month', month + 1)], [350, 250]);
      spend(100);
      await mine.keepAhead(1);
      assert.equal(mine.of('day', TODAY), 350, 'more than half of it is left');
      spend(60);
      await mine.keepAhead(1);
      assert.equal(mine.of('day', TODAY), 510);
      const other = await openReservations({ storage, ...ledgerAnd('b') });
      assert.equal(other.elsewhere('day', TODAY), 510);
      assert.equal(other.of('day', TODAY), 0);
    }));

  test('report how much of them was used, unless their ledger is gone', () =>
    withStorage(async (storage) => {
      const { budget, spend } = ledgerOf('a');
      const mine = await openReservations({ storage, budget, limits: LIMITS });
      await mine.keepAhead(1);
      const other = await openReservations({ storage, ...ledgerAnd('b') });
      const used = (day: number, there: readonly string[]) =>
        other.usedElsewhere('day', day, new Set(there));
      assert.deepEqual([used(TODAY, ['a', 'b']), used(TODAY, ['b'])], [0, 250]);
      spend(200);
      await mine.keepAhead(1);
      await other.refresh();
      assert.deepEqual([used(TODAY, ['a']), used(TODAY + 1, ['a'])], [200, 0]);
      assert.deepEqual([used(TODAY, []), other.elsewhere('day', TODAY)], [450, 450]);
    }));

  test('survive their process, and are never more than there is', () =>
    withStorage(async (storage) => {
      const all = ['a', 'b', 'c'].map((name) => ledgerOf(name));
      for (let round = 0; round < 30; round++) {
        for (const { budget, spend } of all) {
          const mine = await openReservations({ storage, budget, limits: LIMITS });
          await mine.keepAhead(3);
          spend(mine.of('day', TODAY) - budget.used('day', TODAY));
        }
      }
      const used = all.map(({ budget }) => budget.used('day', TODAY));
      assert.equal(
        used.reduce((sum, calls) => sum + calls),
        LIMITS.per_day,
      );
    }));

  test('made at the same time by many do not exceed the limit', () =>
    withStorage(async (storage, folder) => {
      const all: { mine: Reservations; spend: (calls: number) => void }[] = [];
      const random = createRandom(5);
      for (let index = 0; index < 6; index++) {
        const { budget, spend } = ledgerOf(`ledger-${index % 5}`);
        const slow: Storage = Object.assign(Object.create(storage), {
          async putIfAbsent(path: string, content: Uint8Array) {
            for (let ticks = random() * 20; ticks > 0; ticks--)
              await new Promise((resolve) => setImmediate(resolve));
            await storage.putIfAbsent(path, content);
          },
        });
        const mine = await openReservations({ storage: slow, budget, limits: LIMITS });
        all.push({ mine, spend });
      }
      for (let round = 0; round < 12; round++) {
        await Promise.all(all.map(({ mine }) => mine.keepAhead(6)));
        for (const { spend } of all) spend(Math.floor(random() * 40));
        await all[0]?.mine.refresh();
        const [first] = all;
        const sum =
          (first?.mine.of('day', TODAY) ?? 0) + (first?.mine.elsewhere('day', TODAY) ?? 0);
        assert.ok(sum <= LIMITS.per_day && sum > 0, String(sum));
        // What each believes to have is what the register says.
        for (const { mine } of all) {
          const believed = mine.of('day', TODAY);
          await mine.refresh();
          assert.ok(believed <= mine.of('day', TODAY));
        }
      }
      const files = await readdir(join(folder, LEASES_FOLDER, 'budget'));
      assert.ok(files.length <= 3, files.join(' '));
    }));

  test('of days that are over go', () =>
    withStorage(async (storage) => {
      const { budget, state } = ledgerOf('a');
      const mine = await openReservations({ storage, budget, limits: LIMITS });
      await mine.keepAhead(1);
      state.now += 5 * DAY_MS;
      await mine.keepAhead(1);
      assert.equal(mine.of('day', TODAY), 0);
      assert.equal(mine.of('day', TODAY + 5), 250);
    }));
});

function ledgerAnd(name: string) {
  return { budget: ledgerOf(name).budget, limits: LIMITS };
}
