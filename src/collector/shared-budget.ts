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
export const MINUTE_MS = 62_000;
const FORGOTTEN_MS = 86_400_000;
/** How long a collector polls without the lake: less than the others leave it something. */
const ALONE_MS = FORGOTTEN_MS - 3_600_000;
/** The part of the calls that is left to another ledger, and that is reserved ahead. */
const PART = 8;
const DAY_MS = 86_400_000;

export function openSharedBudget(folder: string, limits: BudgetLimits, clock: Clock): SharedBudget {
  return new LeasedBudget(folder, limits, clock);
}

class LeasedBudget implements SharedBudget {
  readonly budget: Budget;
  readonly #limits: BudgetLimits;
  readonly #clock: Clock;
  /** Calls per minute that are left to another ledger. */
  readonly #emergency: number;
  /** Calls per day and month that are reserved ahead. */
  readonly #ahead: number;
  #account: Account | null = null;
  #next: Account | null = null;
  #lease: Lease | null = null;
  #heldSince = 0;
  #lapsedSince: number | null = null;
  #keeping: Promise<void> = Promise.resolve();

  constructor(folder: string, limits: BudgetLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#emergency = Math.floor(limits.per_minute / PART);
    this.#ahead = Math.ceil(Math.min(limits.per_day, limits.per_month) / PART);
    this.budget = openBudget(folder, limits, clock, {
      perMinute: () => this.#perMinute(),
      reserved: (period, number) =>
        this.#account?.reserved[this.budget.ledger]?.[`${period}-${number}`] ?? 0,
      elsewhere: (period, number) =>
        this.#account === null ? 0 : this.#elsewhere(this.#account.reserved, `${period}-${number}`),
    });
  }

  account(predecessor: SeenLease | null): Account {
    this.#next = this.#after(predecessor);
    return this.#next;
  }

  hold(taken: Lease): void {
    this.#account = this.#next;
    this.#lease = taken;
    this.#heldSince = this.#clock.monotonic();
    this.#lapsedSince = null;
  }

  keepAhead(): Promise<void> {
    this.#keeping = this.#keeping.then(() => this.#renew());
    return this.#keeping;
  }

  async finish(): Promise<void> {
    await this.#keeping;
    if (this.#account === null) return;
    const { ledger } = this.budget;
    const used = [...this.#periods()].map(([key, period]) => [key, period.used] as const);
    const reserved = { ...this.#account.reserved, [ledger]: Object.fromEntries(used) };
    this.#account = { ...this.#account, reserved };
    await this.#lease?.publish(this.#account);
  }

  [Symbol.dispose](): void {
    this.budget[Symbol.dispose]();
  }

  #perMinute(): number {
    if (this.#lease === null || this.#account === null) return 0;
    const now = this.#clock.monotonic();
    if (!this.#lease.isHeld) {
      this.#lapsedSince ??= now;
      return now - this.#lapsedSince < ALONE_MS ? this.#emergency : 0;
    }
    if (this.#isSettling(now)) return this.#emergency;
    return Math.max(
      0,
      this.#limits.per_minute - this.#emergency * (1 + this.#silentNow(now).length),
    );
  }

  #isSettling(now: number): boolean {
    return this.#account?.settling === true && now - this.#heldSince < MINUTE_MS;
  }

  #silentNow(now: number): string[] {
    return now - this.#heldSince < FORGOTTEN_MS ? (this.#account?.silent ?? []) : [];
  }

  /** This day and month, and those of tomorrow: the keys in an account, and their limits. */
  #periods(): Map<string, { used: number; limit: number }> {
    const times = this.budget.times().flatMap((time) => [time, time + DAY_MS]);
    return new Map([
      ...times.map((time) => this.#entry('day', dayOf(time), this.#limits.per_day)),
      ...times.map((time) => this.#entry('month', monthOf(time), this.#limits.per_month)),
    ]);
  }

  #entry(period: 'day' | 'month', number: number, limit: number) {
    return [`${period}-${number}`, { used: this.budget.used(period, number), limit }] as const;
  }

  #elsewhere(reserved: Account['reserved'], key: string): number {
    const others = Object.entries(reserved).filter(([ledger]) => ledger !== this.budget.ledger);
    return others.reduce((sum, [, counts]) => sum + (counts[key] ?? 0), 0);
  }

  /** With more for this ledger when little is left; without periods that are over. */
  #reserve(before: Account['reserved']): Account['reserved'] {
    const own: Record<string, number> = {};
    for (const [key, { used, limit }] of this.#periods()) {
      const has = before[this.budget.ledger]?.[key] ?? 0;
      const wanted = has - used < this.#ahead / 2 ? used + this.#ahead : has;
      own[key] = Math.max(has, Math.min(wanted, limit - this.#elsewhere(before, key)));
    }
    return { ...withoutPast(before, this.budget.times()), [this.budget.ledger]: own };
  }

  #after(predecessor: SeenLease | null): Account {
    const { ledger } = this.budget;
    const known = predecessor === null ? null : readAccount(predecessor);
    const isOwn = known?.ledger === ledger;
    const left = predecessor?.state === 'silent' && !isOwn ? [known?.ledger ?? ''] : [];
    const silent = [...new Set([...(known?.silent ?? []), ...left])];
    return {
      ledger,
      reserved: this.#reserve(known?.reserved ?? {}),
      silent: silent.filter((one) => one !== ledger).slice(-PART),
      settling: isOwn ? known.settling : predecessor !== null,
    };
  }

  async #renew(): Promise<void> {
    if (this.#lease?.isHeld !== true || this.#account === null) return;
    const now = this.#clock.monotonic();
    const renewed: Account = {
      ...this.#account,
      reserved: this.#reserve(this.#account.reserved),
      silent: this.#silentNow(now),
      settling: this.#isSettling(now),
    };
    // What the lease does not say yet must not be booked.
    if (await this.#lease.publish(renewed)) this.#account = renewed;
  }
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
