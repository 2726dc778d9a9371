/**
 * The budget: how often the provider may still be called.
 *
 * Every call is booked on disk and synced before it is made, so that no crash, restart, retry or
 * second process on the same folder can exceed it; a call that was booked and never made counts.
 *
 *     any 60 s       measured by the machine's monotonic clock, which cannot be set
 *     day and month  of UTC, by the wall clock and also by the latest time that the ledger has
 *                    seen, going on from there: whether a clock that went back was wrong before
 *                    or is wrong now, the limit holds
 *
 * A call may leave up to a second after it was booked: a booking in the last second of a minute,
 * a day or a month counts in the next one too.
 *
 *     ledger.sqlite   seconds  second of the monotonic clock → calls
 *                     days     days since 1970 → calls
 *                     months   months since year 0 → calls
 *                     latest   wall_ms, monotonic_ms: the latest time seen
 *                     name     the ledger's id
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { reachFaultPoint } from '../fault.ts';
import type { CallCount } from '../model/status.ts';
import { openSqliteFile, retryBusy, transact, translateSqliteError } from '../sqlite.ts';
import { type Clock, systemClock } from './clock.ts';

export interface BudgetLimits {
  readonly per_minute: number;
  readonly per_day: number;
  readonly per_month: number;
}

/**
 * What this ledger may use of the budget when there are others, on other machines. Days count from
 * 1970, months from year 0, as in the ledger.
 */
export interface BudgetBounds {
  perMinute(): number;
  /** What its own calls of the day or month may come to. */
  reserved(period: 'day' | 'month', number: number): number;
  /** Calls that other ledgers have used, or may still use. */
  elsewhere(period: 'day' | 'month', number: number): number;
}

export type Period = 'minute' | 'day' | 'month';

/** `calls` were booked and may be made now; with 0, none may be made before `waitMs` are over. */
export type Booking =
  | { readonly calls: number; readonly refused: null }
  | { readonly calls: 0; readonly refused: Refusal };

export interface Refusal {
  /** What is used up; of several the one that lasts longest. */
  readonly period: Period;
  readonly until: Date;
  readonly waitMs: number;
}

export interface Budget extends Disposable {
  /** Names the ledger for ever; processes on one folder share it. */
  readonly ledger: string;
  /**
   * Books one call, or as many of `calls` as there is room for; when it resolves, they are on disk.
   * Rejects with DISK_FULL, DATA_UNWRITABLE, DATA_IN_USE or BUDGET_CORRUPT: then no call may be made.
   */
  book(calls?: number): Promise<Booking>;
  /** All that is used of the budget; of the minute what this ledger used. */
  counts(): { readonly minute: CallCount; readonly day: CallCount; readonly month: CallCount };
  /** Now: by the wall clock, and by the latest time that the ledger has seen. */
  times(): readonly number[];
  /** What this ledger has used in a day or a month, of itself. */
  used(period: 'day' | 'month', number: number): number;
}

/** 60 s, and one more since a call may leave a second after it was booked. */
const WINDOW_S = 61;
const LEAVES_WITHIN_MS = 1_000;
/** Up to this the wall clock is merely being adjusted. */
const SETBACK_MS = 1_000;
const DAY_MS = 86_400_000;
const DAYS_KEPT = 62;
const MONTHS_KEPT = 24;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS seconds (second INTEGER PRIMARY KEY, calls INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS days (day INTEGER PRIMARY KEY, calls INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS months (month INTEGER PRIMARY KEY, calls INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS name (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS latest (
    one INTEGER PRIMARY KEY CHECK (one = 1), wall_ms REAL NOT NULL, monotonic_ms REAL NOT NULL)`;

/** Now, by all that is known: `wall` by the clock, `latest` by what the ledger has seen. */
interface Moment {
  readonly wall: number;
  readonly latest: number;
  readonly monotonic: number;
}

/** This ledger is the only one. */
const UNBOUNDED: BudgetBounds = {
  perMinute: () => Number.POSITIVE_INFINITY,
  reserved: () => Number.POSITIVE_INFINITY,
  elsewhere: () => 0,
};

export function openBudget(
  folder: string,
  limits: BudgetLimits,
  clock: Clock = systemClock,
  bounds: BudgetBounds = UNBOUNDED,
): Budget {
  const path = join(folder, 'ledger.sqlite');
  const db = openSqliteFile({
    path,
    synchronous: 'FULL',
    schema: SCHEMA,
    corrupt: 'BUDGET_CORRUPT',
  });
  const ledger = prepareLedger(db);

  function attempt(calls: number): Booking {
    reachFaultPoint('budget.before-book');
    const booking = transact(db, () => {
      // The clock is read under the lock: another process may have held us up.
      const moment = momentOf(clock, ledger.latest());
      ledger.shiftAfterReboot(moment);
      const room = Math.min(
        calls,
        ...rooms(ledger, limits, bounds, moment).map(({ left }) => left),
      );
      ledger.keepLatest(moment);
      if (room <= 0) return refuse(rooms(ledger, limits, bounds, moment), moment);
      ledger.add(moment, room);
      return { calls: room, refused: null };
    });
    reachFaultPoint('budget.after-book');
    return booking;
  }

  const roomsNow = () => rooms(ledger, limits, bounds, momentOf(clock, ledger.latest()));

  return {
    ledger: ledger.name(),
    async book(calls = 1) {
      try {
        return await retryBusy(() => attempt(calls));
      } catch (error) {
        throw translateSqliteError(error, path, 'BUDGET_CORRUPT');
      }
    },
    counts() {
      const found = roomsNow();
      return {
        minute: most(found, 'minute', limits.per_minute),
        day: most(found, 'day', limits.per_day),
        month: most(found, 'month', limits.per_month),
      };
    },
    times() {
      const { wall, latest } = momentOf(clock, ledger.latest());
      return wall === latest ? [wall] : [wall, latest];
    },
    used: (period, number) =>
      period === 'day' ? ledger.usedInDay(number) : ledger.usedInMonth(number),
    [Symbol.dispose]: () => db.close(),
  };
}

/** The latest time seen goes on with the machine; a wall clock that is behind it was set back. */
function momentOf(clock: Clock, seen: { wall: number; monotonic: number } | null): Moment {
  const [wall, monotonic] = [clock.now(), clock.monotonic()];
  if (seen === null) return { wall, latest: wall, monotonic };
  // After a reboot the monotonic clock began anew: at least that much time has passed.
  const passed = monotonic < seen.monotonic ? monotonic : monotonic - seen.monotonic;
  const expected = seen.wall + passed;
  const latest = wall >= expected - SETBACK_MS ? Math.max(wall, seen.wall) : expected;
  return { wall, latest, monotonic };
}

interface Room {
  readonly period: Period;
  /** By all ledgers. */
  readonly used: number;
  /** For this ledger. */
  readonly left: number;
  /** How long until this period is over. */
  readonly waitMs: number;
}

/** The bounds may widen at any time. */
const BOUNDED_WAIT_MS = 1_000;

function rooms(ledger: Ledger, limits: BudgetLimits, bounds: BudgetBounds, moment: Moment): Room[] {
  const perMinute = Math.min(limits.per_minute, bounds.perMinute());
  const minute = ledger.usedInMinute(moment.monotonic, perMinute);
  const isBounded = perMinute <= 0 || minute.used < limits.per_minute;
  const found: Room[] = [
    {
      period: 'minute',
      used: minute.used,
      left: perMinute <= 0 ? 0 : perMinute - minute.used,
      waitMs: isBounded ? BOUNDED_WAIT_MS : minute.waitMs,
    },
  ];
  const room = (period: 'day' | 'month', number: number, own: number, endsMs: number): Room => {
    const limit = period === 'day' ? limits.per_day : limits.per_month;
    const used = own + bounds.elsewhere(period, number);
    const left = Math.min(limit - used, bounds.reserved(period, number) - own);
    const waitMs = used >= limit ? endsMs : Math.min(endsMs, BOUNDED_WAIT_MS);
    return { period, used, left, waitMs };
  };
  for (const now of new Set([moment.wall, moment.latest])) {
    for (const at of new Set([now, now + LEAVES_WITHIN_MS])) {
      const [day, month] = [dayOf(at), monthOf(at)];
      found.push(
        room('day', day, ledger.usedInDay(day), (day + 1) * DAY_MS - now),
        room('month', month, ledger.usedInMonth(month), startOfMonth(month + 1) - now),
      );
    }
  }
  return found;
}

function most(found: readonly Room[], period: Period, limit: number): CallCount {
  const all = found.filter((room) => room.period === period).map(({ used }) => used);
  return { used: Math.max(0, ...all), limit };
}

function refuse(found: readonly Room[], moment: Moment): Booking {
  const spent = found.filter((room) => room.left <= 0);
  const last = spent.reduce((a, b) => (b.waitMs > a.waitMs ? b : a));
  const waitMs = Math.max(1, Math.ceil(last.waitMs));
  const until = new Date(moment.wall + waitMs);
  return { calls: 0, refused: { period: last.period, until, waitMs } };
}

type Ledger = ReturnType<typeof prepareLedger>;

function number(row: unknown, column: string): number | null {
  const value = (row as Record<string, unknown> | undefined)?.[column];
  return typeof value === 'number' ? value : null;
}

function prepareLedger(db: DatabaseSync) {
  const upsert = (table: string, key: string) =>
    db.prepare(
      `INSERT INTO ${table} (${key}, calls) VALUES (?, ?)
       ON CONFLICT (${key}) DO UPDATE SET calls = calls + excluded.calls`,
    );
  const selectLatest = db.prepare('SELECT wall_ms, monotonic_ms FROM latest');
  const putLatest = db.prepare('INSERT OR REPLACE INTO latest VALUES (1, ?, ?)');
  const selectSeconds = db.prepare(
    'SELECT second, calls FROM seconds WHERE second >= ? ORDER BY 1',
  );
  const selectLater = db.prepare('SELECT sum(calls) AS calls FROM seconds WHERE second > ?');
  const deleteLater = db.prepare('DELETE FROM seconds WHERE second > ?');
  const deleteSeconds = db.prepare('DELETE FROM seconds WHERE second < ?');
  const deleteDays = db.prepare('DELETE FROM days WHERE day < ?');
  const deleteMonths = db.prepare('DELETE FROM months WHERE month < ?');
  const selectDay = db.prepare('SELECT calls FROM days WHERE day = ?');
  const selectMonth = db.prepare('SELECT calls FROM months WHERE month = ?');
  const addSecond = upsert('seconds', 'second');
  const addDay = upsert('days', 'day');
  const addMonth = upsert('months', 'month');

  const selectName = db.prepare('SELECT id FROM name');
  const putName = db.prepare('INSERT OR IGNORE INTO name VALUES (1, ?)');

  return {
    name() {
      const known = selectName.get()?.id;
      if (typeof known === 'string') return known;
      // Of several processes that open a new ledger at once, one names it.
      putName.run(randomUUID());
      return String(selectName.get()?.id);
    },
    latest() {
      const row = selectLatest.get();
      const [wall, monotonic] = [number(row, 'wall_ms'), number(row, 'monotonic_ms')];
      return wall === null || monotonic === null ? null : { wall, monotonic };
    },
    keepLatest({ latest, monotonic }: Moment) {
      putLatest.run(latest, monotonic);
    },
    usedInDay: (day: number) => number(selectDay.get(day), 'calls') ?? 0,
    usedInMonth: (month: number) => number(selectMonth.get(month), 'calls') ?? 0,

    /** `waitMs`: until enough of them are over for one more call. */
    usedInMinute(monotonic: number, limit: number) {
      const rows = selectSeconds.all(Math.floor(monotonic / 1_000) - WINDOW_S) as {
        second: number;
        calls: number;
      }[];
      const used = rows.reduce((sum, { calls }) => sum + calls, 0);
      let left = used;
      for (const { second, calls } of rows) {
        left -= calls;
        if (left < limit) return { used, waitMs: (second + WINDOW_S + 1) * 1_000 - monotonic };
      }
      return { used, waitMs: 0 };
    },

    /** Calls of an earlier boot that seem to be in the future count as made now. */
    shiftAfterReboot({ monotonic }: Moment) {
      const second = Math.floor(monotonic / 1_000);
      const calls = number(selectLater.get(second), 'calls') ?? 0;
      if (calls === 0) return;
      deleteLater.run(second);
      addSecond.run(second, calls);
    },

    add({ wall, latest, monotonic }: Moment, calls: number) {
      const times = [wall, latest].flatMap((at) => [at, at + LEAVES_WITHIN_MS]);
      const earliest = Math.min(wall, latest);
      addSecond.run(Math.floor(monotonic / 1_000), calls);
      for (const day of new Set(times.map(dayOf))) addDay.run(day, calls);
      for (const month of new Set(times.map(monthOf))) addMonth.run(month, calls);
      deleteSeconds.run(Math.floor(monotonic / 1_000) - 2 * WINDOW_S);
      deleteDays.run(dayOf(earliest) - DAYS_KEPT);
      deleteMonths.run(monthOf(earliest) - MONTHS_KEPT);
    },
  };
}

export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

export function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

export function startOfMonth(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12);
}
