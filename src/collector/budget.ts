/**
 * The budget: how many calls may still be made. Every call is booked in a file and synced before
 * it is made, so no restart, retry or second process forgets one.
 *
 * Counted are the calls of any 60 s, of the day and of the month (UTC). A clock that was set back
 * finds the counts of that day and month as they were; calls booked in what is now the future
 * count as made now.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { translateFileError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { CallCount } from '../model/status.ts';

export interface BudgetLimits {
  readonly per_minute: number;
  readonly per_day: number;
  readonly per_month: number;
}

export type Booking =
  | { readonly booked: true }
  | { readonly booked: false; readonly period: 'minute' | 'day' | 'month'; readonly until: Date };

export interface Budget extends Disposable {
  /** Books one call, durably, or says until when none may be made. */
  book(): Booking;
  counts(): { readonly minute: CallCount; readonly day: CallCount; readonly month: CallCount };
}

const MINUTE_MS = 60_000;
const BUSY_MS = 10_000;

export function openBudget(
  folder: string,
  limits: BudgetLimits,
  clock: () => Date = () => new Date(),
): Budget {
  const file = join(folder, 'budget.sqlite');
  const database = openDatabase(folder, file);
  const forget = database.prepare('DELETE FROM calls WHERE at <= ?');
  const bringBack = database.prepare('UPDATE calls SET at = ? WHERE at > ?');
  const inMinute = database.prepare('SELECT count(*) AS used, min(at) AS oldest FROM calls');
  const usedIn = database.prepare('SELECT used FROM periods WHERE period = ?');
  const addCall = database.prepare('INSERT INTO calls (at) VALUES (?)');
  const addUse = database.prepare(
    'INSERT INTO periods (period, used) VALUES (?, 1) ' +
      'ON CONFLICT (period) DO UPDATE SET used = used + 1',
  );

  function book(): Booking {
    // The lock before the clock: another process may hold us up.
    database.exec('BEGIN IMMEDIATE');
    try {
      const now = clock();
      const refusal = refuse(now);
      if (refusal === null) {
        addCall.run(now.getTime());
        addUse.run(dayOf(now));
        addUse.run(monthOf(now));
      }
      reachFaultPoint('budget.before-book');
      database.exec('COMMIT');
      reachFaultPoint('budget.after-book');
      return refusal ?? { booked: true };
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw translateFileError(error, file, 'DATA_UNWRITABLE');
    }
  }

  function refuse(now: Date): Booking | null {
    const at = now.getTime();
    forget.run(at - MINUTE_MS);
    bringBack.run(at, at);
    if (used(monthOf(now)) >= limits.per_month) {
      const until = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
      return { booked: false, period: 'month', until };
    }
    if (used(dayOf(now)) >= limits.per_day) {
      const until = new Date(
        Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1),
      );
      return { booked: false, period: 'day', until };
    }
    const minute = inMinute.get() as { used: number; oldest: number | null };
    if (minute.used < limits.per_minute) return null;
    const until = new Date((minute.oldest ?? at) + MINUTE_MS);
    return { booked: false, period: 'minute', until };
  }

  function used(period: string): number {
    return (usedIn.get(period) as { used: number } | undefined)?.used ?? 0;
  }

  return {
    book,
    counts() {
      const now = clock();
      const minute = database
        .prepare('SELECT count(*) AS used FROM calls WHERE at > ?')
        .get(now.getTime() - MINUTE_MS) as { used: number };
      return {
        minute: { used: minute.used, limit: limits.per_minute },
        day: { used: used(dayOf(now)), limit: limits.per_day },
        month: { used: used(monthOf(now)), limit: limits.per_month },
      };
    },
    [Symbol.dispose]() {
      database.close();
    },
  };
}

function openDatabase(folder: string, file: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true });
    const database = new DatabaseSync(file, { timeout: BUSY_MS });
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS calls (at INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS periods (period TEXT PRIMARY KEY, used INTEGER NOT NULL);
    `);
    return database;
  } catch (error) {
    throw translateFileError(error, file, 'DATA_UNWRITABLE');
  }
}

/** `2024-10-31` */
function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** `2024-10` */
function monthOf(at: Date): string {
  return at.toISOString().slice(0, 7);
}
