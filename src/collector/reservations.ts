/**
 * What each ledger has set apart for itself of the calls per day and month, when there are several.
 *
 * A register in the lake says it for all: `_leases/budget/<sequence>.json`, of which the highest
 * counts. Taking more is making the next one, which the storage allows to one of all; so the sum
 * never exceeds the limit, whoever comes, goes or dies. A ledger takes a good part of what is left
 * in advance and for the next day too, so that polling outlasts an outage of the lake. A machine
 * that is gone for good takes no more than that with it.
 */
import { IsobarError, isErrorCode } from '../errors.ts';
import { budgetPath, LEASES_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { type Budget, type BudgetLimits, dayOf, monthOf } from './budget.ts';

export interface Reservations {
  /** What is set apart for this ledger, as far as it knows. */
  of(period: 'day' | 'month', number: number): number;
  /** What is set apart for all others. */
  elsewhere(period: 'day' | 'month', number: number): number;
  /**
   * What all others have used, by what each had when it last took more; of those that are not
   * `there` all that they have.
   */
  usedElsewhere(period: 'day' | 'month', number: number, there: ReadonlySet<string>): number;
  /** Takes what will be needed, when so many ledgers share. */
  keepAhead(ledgers: number): Promise<void>;
  /** Reads again what the others have. */
  refresh(): Promise<void>;
}

/** `day-20415` or `month-24322` → calls */
type Counts = Readonly<Record<string, number>>;

interface Register {
  readonly sequence: number;
  /** What is set apart, by ledger. */
  readonly ledgers: Readonly<Record<string, Counts>>;
  /** What it had used of that when it last took more. */
  readonly used?: Readonly<Record<string, Counts>>;
}

/** The part of its share that a ledger has in hand, in advance. */
const AHEAD_PART = 4;
const DAY_MS = 86_400_000;
const RACES_MAX = 20;
const FOLDER = `${LEASES_FOLDER}/budget`;

export async function openReservations(options: {
  readonly storage: Storage;
  readonly budget: Pick<Budget, 'ledger' | 'used' | 'times'>;
  readonly limits: BudgetLimits;
}): Promise<Reservations> {
  const { storage, budget, limits } = options;
  const { ledger, used } = budget;
  let register = await readRegister(storage);

  const of = (period: string, number: number) =>
    register.ledgers[ledger]?.[`${period}-${number}`] ?? 0;
  const elsewhere = (period: string, number: number) => usedElsewhere(period, number, new Set());

  function usedElsewhere(period: string, number: number, there: ReadonlySet<string>): number {
    const key = `${period}-${number}`;
    let sum = 0;
    for (const [name, counts] of Object.entries(register.ledgers)) {
      if (name === ledger) continue;
      const all = counts[key] ?? 0;
      const told = there.has(name) ? register.used?.[name]?.[key] : undefined;
      sum += Math.min(all, told ?? all);
    }
    return sum;
  }

  /** This day and month, and those of tomorrow. */
  function periods(): { period: 'day' | 'month'; number: number; limit: number }[] {
    const times = budget.times().flatMap((time) => [time, time + DAY_MS]);
    const days = [...new Set(times.map(dayOf))];
    const months = [...new Set(times.map(monthOf))];
    return [
      ...days.map((number) => ({ period: 'day', number, limit: limits.per_day }) as const),
      ...months.map((number) => ({ period: 'month', number, limit: limits.per_month }) as const),
    ];
  }

  /** What is to be set apart; null when it is well as it is. */
  function wanted(ledgers: number): Counts | null {
    const ahead = Math.max(1, Math.ceil(limits.per_day / (AHEAD_PART * ledgers)));
    const counts: Record<string, number> = {};
    let isShort = false;
    for (const { period, number, limit } of periods()) {
      const has = of(period, number);
      const inHand = has - used(period, number);
      const most = Math.max(has, limit - elsewhere(period, number));
      const want = Math.min(most, Math.max(has, used(period, number) + ahead));
      counts[`${period}-${number}`] = want;
      if (inHand < ahead / 2 && want > has) isShort = true;
    }
    return isShort ? counts : null;
  }

  function usedNow(): Counts {
    const counts = periods().map(({ period, number }) => [
      `${period}-${number}`,
      used(period, number),
    ]);
    return Object.fromEntries(counts);
  }

  /** Makes the next register until one of this ledger's stands; null changes nothing. */
  async function write(change: () => Counts | null): Promise<void> {
    for (let races = 0; races < RACES_MAX; races++) {
      const counts = change();
      if (counts === null) return;
      const kept = recent(register.ledgers);
      const keptUsed = recent(register.used ?? {});
      const next: Register = {
        sequence: register.sequence + 1,
        ledgers: { ...kept, [ledger]: { ...kept[ledger], ...counts } },
        used: { ...keptUsed, [ledger]: usedNow() },
      };
      const path = budgetPath(next.sequence);
      const stands = await putNext(path, next);
      register = await readRegister(storage);
      // A register that was overtaken and cleaned before it was made does not count.
      if (stands && includes(register, counts)) {
        await clean();
        return;
      }
      if (stands && register.sequence > next.sequence) await storage.delete(path);
    }
    throw new IsobarError('COMMIT_CONFLICT', `${FOLDER}: always overtaken`);
  }

  async function putNext(path: string, next: Register): Promise<boolean> {
    try {
      await storage.putIfAbsent(path, Buffer.from(`${JSON.stringify(next)}\n`));
      return true;
    } catch (error) {
      if (isErrorCode(error, 'LAKE_EXISTS')) return false;
      throw error;
    }
  }

  /** Whether the register says at least this; another process on the ledger may have taken more. */
  function includes(found: Register, counts: Counts): boolean {
    const mine = found.ledgers[ledger] ?? {};
    return Object.entries(counts).every(([key, calls]) => (mine[key] ?? 0) >= calls);
  }

  function recent(ledgers: Register['ledgers']): Record<string, Counts> {
    const now = Math.min(...budget.times());
    const [day, month] = [dayOf(now) - 2, monthOf(now) - 1];
    const kept = Object.entries(ledgers).map(([name, counts]) => {
      const isRecent = ([key]: [string, number]) => {
        const [period, number] = key.split('-');
        return Number(number) >= (period === 'day' ? day : month);
      };
      return [name, Object.fromEntries(Object.entries(counts).filter(isRecent))] as const;
    });
    return Object.fromEntries(kept.filter(([, counts]) => Object.keys(counts).length > 0));
  }

  async function clean(): Promise<void> {
    for await (const { path } of storage.list(FOLDER)) {
      if (path < budgetPath(register.sequence - 1)) await storage.delete(path);
    }
  }

  return {
    of,
    elsewhere,
    usedElsewhere,
    async keepAhead(ledgers) {
      if (wanted(ledgers) === null) return;
      register = await readRegister(storage, register);
      await write(() => wanted(ledgers));
    },
    async refresh() {
      register = await readRegister(storage, register);
    },
  };
}

const EMPTY: Register = { sequence: 0, ledgers: {} };

async function readRegister(storage: Storage, known: Register = EMPTY): Promise<Register> {
  let newest = '';
  for await (const { path } of storage.list(FOLDER)) newest = path;
  if (newest === '' || newest === budgetPath(known.sequence)) return known;
  try {
    const text = new TextDecoder().decode(await storage.read(newest));
    return JSON.parse(text) as Register;
  } catch (error) {
    // It was overtaken and cleaned meanwhile.
    if (isErrorCode(error, 'LAKE_MISSING')) return readRegister(storage, known);
    throw error;
  }
}
