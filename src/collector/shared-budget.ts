/**
 * The budget of collectors on several machines, of which one polls at a time.
 *
 * Each machine books calls in its own ledger. The lease of the collector says how far each ledger
 * may go, its own and those of its predecessors; a call is booked only within that. So whoever takes
 * over knows the most that all others can have used, also of one that died, or polls on because it
 * cannot reach the lake.
 *
 *     day, month  a part of the limit is reserved ahead: polling outlasts an outage of the lake,
 *                 and a machine that is gone for good takes no more than that with it
 *     minute      an eighth is left to a stand-by, for its first minute, and to each collector that
 *                 went silent, for a day: it may be polling without the lake
 */
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { Lease } from '../leases/held-lease.ts';
import type { SeenLease } from '../leases/leases.ts';
import { type Budget, type BudgetLimits, dayOf, monthOf, openBudget } from './budget.ts';
import type { Clock } from './clock.ts';

/** `day-20415` or `month-24322`, as the ledger counts them → calls */
const Counts = Type.Record(Type.String({ pattern: '^(day|month)-\\d{1,9}$' }), Type.Integer());

const AccountSchema = Type.Object({
  ledger: Type.String(),
  /** By ledger: what its calls of a day or month may come to. */
  reserved: Type.Record(Type.String(), Counts),
  /** Ledgers that went silent lately. */
  silent: Type.Array(Type.String(), { maxItems: 100 }),
  /** Whether another ledger may have called within the last minute. */
  settling: Type.Boolean(),
});

type Account = Static<typeof AccountSchema>;

export interface SharedBudget extends Disposable {
  readonly budget: Budget;
  /** What the lease has to say when it is taken after this one. */
  account(predecessor: SeenLease | null): Account;
  /** Books calls under this lease, taken with the last account. */
  hold(lease: Lease): void;
  /** Reserves more when little is left. A failure is made up for by the next call. */
  keepAhead(): Promise<void>;
  /** Books nothing more, and gives back what is reserved. */
  finish(): Promise<void>;
}

/** A minute as the ledger counts it, and a second for the call to leave. */
const MINUTE_MS = 62_000;
const FORGOTTEN_MS = 86_400_000;
/** How long a collector polls without the lake: less than the others leave it something. */
const ALONE_MS = FORGOTTEN_MS - 3_600_000;
/** The part of the calls that is left to another ledger, and that is reserved ahead. */
const PART = 8;
const DAY_MS = 86_400_000;

export function openSharedBudget(folder: string, limits: BudgetLimits, clock: Clock): SharedBudget {
  const emergency = Math.floor(limits.per_minute / PART);
  const ahead = Math.ceil(Math.min(limits.per_day, limits.per_month) / PART);
  let account: Account | null = null;
  let next: Account | null = null;
  let lease: Lease | null = null;
  let heldSince = 0;
  let lapsedSince: number | null = null;
  let keeping: Promise<void> = Promise.resolve();

  const budget = openBudget(folder, limits, clock, {
    perMinute,
    reserved: (period, number) => account?.reserved[account.ledger]?.[`${period}-${number}`] ?? 0,
    elsewhere: (period, number) =>
      account === null ? 0 : elsewhere(account.reserved, `${period}-${number}`),
  });

  function perMinute(): number {
    if (lease === null || account === null) return 0;
    const now = clock.monotonic();
    if (!lease.isHeld) {
      lapsedSince ??= now;
      return now - lapsedSince < ALONE_MS ? emergency : 0;
    }
    if (isSettling(now)) return emergency;
    return Math.max(0, limits.per_minute - emergency * (1 + silentNow(now).length));
  }

  function isSettling(now: number): boolean {
    return account?.settling === true && now - heldSince < MINUTE_MS;
  }

  function silentNow(now: number): string[] {
    return now - heldSince < FORGOTTEN_MS ? (account?.silent ?? []) : [];
  }

  /** This day and month, and those of tomorrow: the keys in an account, and their limits. */
  function periods(): Map<string, { used: number; limit: number }> {
    const times = budget.times().flatMap((time) => [time, time + DAY_MS]);
    return new Map([
      ...times.map((time) => entry('day', dayOf(time), limits.per_day)),
      ...times.map((time) => entry('month', monthOf(time), limits.per_month)),
    ]);
  }

  function entry(period: 'day' | 'month', number: number, limit: number) {
    return [`${period}-${number}`, { used: budget.used(period, number), limit }] as const;
  }

  function elsewhere(reserved: Account['reserved'], key: string): number {
    const others = Object.entries(reserved).filter(([ledger]) => ledger !== budget.ledger);
    return others.reduce((sum, [, counts]) => sum + (counts[key] ?? 0), 0);
  }

  /** With more for this ledger when little is left; without periods that are over. */
  function reserve(before: Account['reserved']): Account['reserved'] {
    const own: Record<string, number> = {};
    for (const [key, { used, limit }] of periods()) {
      const has = before[budget.ledger]?.[key] ?? 0;
      const wanted = has - used < ahead / 2 ? used + ahead : has;
      own[key] = Math.max(has, Math.min(wanted, limit - elsewhere(before, key)));
    }
    return { ...withoutPast(before, budget.times()), [budget.ledger]: own };
  }

  function after(predecessor: SeenLease | null): Account {
    const { ledger } = budget;
    const known = predecessor === null ? null : readAccount(predecessor);
    const isOwn = known?.ledger === ledger;
    const left = predecessor?.state === 'silent' && !isOwn ? [known?.ledger ?? ''] : [];
    const silent = [...new Set([...(known?.silent ?? []), ...left])];
    return {
      ledger,
      reserved: reserve(known?.reserved ?? {}),
      silent: silent.filter((one) => one !== ledger).slice(-PART),
      settling: isOwn ? known.settling : predecessor !== null,
    };
  }

  async function renew(): Promise<void> {
    if (lease?.isHeld !== true || account === null) return;
    const now = clock.monotonic();
    const renewed: Account = {
      ...account,
      reserved: reserve(account.reserved),
      silent: silentNow(now),
      settling: isSettling(now),
    };
    // What the lease does not say yet must not be booked.
    if (await lease.publish(renewed)) account = renewed;
  }

  return {
    budget,
    account(predecessor) {
      next = after(predecessor);
      return next;
    },
    hold(taken) {
      account = next;
      lease = taken;
      heldSince = clock.monotonic();
      lapsedSince = null;
    },
    keepAhead() {
      keeping = keeping.then(renew);
      return keeping;
    },
    async finish() {
      await keeping;
      if (account === null) return;
      const used = [...periods()].map(([key, period]) => [key, period.used] as const);
      const reserved = { ...account.reserved, [account.ledger]: Object.fromEntries(used) };
      account = { ...account, reserved };
      await lease?.publish(account);
    },
    [Symbol.dispose]: () => budget[Symbol.dispose](),
  };
}

/** Null for one that says nothing that a collector wrote. */
function readAccount({ detail }: SeenLease): Account | null {
  return Value.Check(AccountSchema, detail) ? detail : null;
}

/** Clocks of other machines may differ by a day. */
function withoutPast(reserved: Account['reserved'], times: readonly number[]): Account['reserved'] {
  const [day, month] = [dayOf(Math.min(...times)) - 1, monthOf(Math.min(...times)) - 1];
  const isRecent = ([key]: [string, number]) => {
    const [period, number] = key.split('-');
    return Number(number) >= (period === 'day' ? day : month);
  };
  const kept = Object.entries(reserved).map(([ledger, counts]) => {
    return [ledger, Object.fromEntries(Object.entries(counts).filter(isRecent))] as const;
  });
  return Object.fromEntries(kept.filter(([, counts]) => Object.keys(counts).length > 0));
}
