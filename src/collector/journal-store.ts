/**
 * What the collectors of this machine did over time, in one SQLite file: the lake has it too, but
 * only every few minutes. Losing it costs what was not shared.
 */
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import { ACTIVITIES, type Activity, type Stretch } from '../model/outages.ts';
import { commit, openOrReplace, openSqliteFile } from '../sqlite.ts';

export interface JournalStore extends Disposable {
  /** Adds the stretch or brings it up to date. */
  put(stretch: Stretch): Promise<void>;
  /** In the order of their begin. */
  all(): Stretch[];
  /** Those that have changed since they were marked as shared. */
  unshared(): Stretch[];
  /** As they were read; one that went on since stays unshared. */
  markShared(stretches: readonly Stretch[]): Promise<void>;
  /** Removes what ended before `oldest` (ISO 8601), or is beyond the newest ones, and was shared. */
  forget(oldest: string, keepMax: number): Promise<void>;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS stretches (
    stretch_id TEXT PRIMARY KEY, began_at TEXT NOT NULL, ended_at TEXT NOT NULL,
    activity TEXT NOT NULL, reason TEXT NOT NULL, shared_to TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS stretches_by_time ON stretches (began_at)`;
const COLUMNS = 'stretch_id, began_at, ended_at, activity, reason';

/** A damaged file is thrown away with a warning. */
export function openJournalStore(folder: string, logger: Pick<Logger, 'warn'>): JournalStore {
  const path = join(folder, 'journal.sqlite');
  return openOrReplace(path, openStore, (problem) =>
    logger.warn(`recording what the collector does: beginning anew, ${problem}`),
  );
}

function openStore(path: string): JournalStore {
  const options = { path, synchronous: 'NORMAL', schema: SCHEMA, corrupt: 'INTERNAL' } as const;
  const db = openSqliteFile(options);
  const select = (where: string) =>
    db.prepare(`SELECT ${COLUMNS} FROM stretches ${where} ORDER BY began_at, stretch_id`);
  const selectAll = select('');
  const selectUnshared = select('WHERE shared_to <> ended_at');
  const upsert = db.prepare(
    `INSERT INTO stretches (${COLUMNS}) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (stretch_id) DO UPDATE SET ended_at = excluded.ended_at`,
  );
  const mark = db.prepare('UPDATE stretches SET shared_to = ? WHERE stretch_id = ?');
  const remove = db.prepare(
    `DELETE FROM stretches WHERE shared_to = ended_at AND (ended_at < ? OR began_at < (
       SELECT began_at FROM stretches ORDER BY began_at DESC LIMIT 1 OFFSET ?))`,
  );
  const write = <T>(work: () => T): Promise<T> => commit({ db, path, corrupt: 'INTERNAL' }, work);
  return {
    put: ({ stretch_id, began_at, ended_at, activity, reason }) =>
      write(() => void upsert.run(stretch_id, began_at, ended_at, activity, reason)),
    all: () => selectAll.all().map(parseRow),
    unshared: () => selectUnshared.all().map(parseRow),
    markShared: (stretches) =>
      write(() => {
        for (const { stretch_id, ended_at } of stretches) mark.run(ended_at, stretch_id);
      }),
    forget: (oldest, keepMax) => write(() => void remove.run(oldest, Math.max(0, keepMax - 1))),
    [Symbol.dispose]: () => db.close(),
  };
}

function parseRow(row: Readonly<Record<string, unknown>>): Stretch {
  const activity = ACTIVITIES.find((one) => one === row.activity) ?? 'isobar';
  return {
    stretch_id: String(row.stretch_id),
    began_at: String(row.began_at),
    ended_at: String(row.ended_at),
    activity: activity satisfies Activity,
    reason: String(row.reason),
  };
}
