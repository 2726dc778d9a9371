/**
 * What each city said last, so that an unchanged answer is not appended again and a restart goes
 * on where it was, without asking every city at once. Losing it is harmless: some cities are asked
 * too early once, and the landing finds duplicates by their identity.
 */
import { join } from 'node:path';
import { type Logger, silentLogger } from '../logger.ts';
import {
  CONTENT_COLUMNS,
  equalContent,
  type Measurements,
  type Observation,
} from '../model/observation.ts';
import { openOrReplace, openSqliteFile, transact } from '../sqlite.ts';

export interface CollectorMemory extends Disposable {
  /** Whether this answer, the same time and the same content, was remembered as appended. */
  knows(observation: Observation): boolean;
  /** What was appended, with how late its city's answers come; only after the append succeeded. */
  remember(observation: Observation, lagMs: number): void;
  /** The newest answer of a city, and how late its answers come; null when nothing is known. */
  newestOf(cityId: string): { readonly observedAt: string; readonly lagMs: number } | null;
}

/** Answers of a city that are kept: a provider's servers may send old ones again. */
const ANSWERS_KEPT = 4;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS answers (
    city_id TEXT NOT NULL, observed_at TEXT NOT NULL, content TEXT NOT NULL, lag_ms REAL NOT NULL,
    PRIMARY KEY (city_id, observed_at)) WITHOUT ROWID`;

/** A damaged file is thrown away with a warning. */
export function openCollectorMemory(
  folder: string,
  logger: Pick<Logger, 'warn'> = silentLogger,
): CollectorMemory {
  const path = join(folder, 'answers.sqlite');
  return openOrReplace(path, openMemory, (problem) =>
    logger.warn(`remembering what cities said last: beginning anew, ${problem}`),
  );
}

function openMemory(path: string): CollectorMemory {
  const options = { path, synchronous: 'NORMAL', schema: SCHEMA, corrupt: 'INTERNAL' } as const;
  const db = openSqliteFile(options);
  const find = db.prepare('SELECT content FROM answers WHERE city_id = ? AND observed_at = ?');
  const newest = db.prepare(
    `SELECT observed_at AS observedAt, lag_ms AS lagMs FROM answers
     WHERE city_id = ? ORDER BY observed_at DESC LIMIT 1`,
  );
  const put = db.prepare('INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)');
  const forget = db.prepare(
    `DELETE FROM answers WHERE city_id = ?1 AND observed_at < (
       SELECT observed_at FROM answers WHERE city_id = ?1
       ORDER BY observed_at DESC LIMIT 1 OFFSET ${ANSWERS_KEPT - 1})`,
  );
  return {
    knows(observation) {
      const row = find.get(observation.city_id, observation.observed_at);
      if (row === undefined) return false;
      return equalContent(JSON.parse(String(row.content)) as Measurements, observation);
    },
    remember(observation, lagMs) {
      const { city_id, observed_at } = observation;
      const content = CONTENT_COLUMNS.map((column) => [column, observation[column] ?? null]);
      transact(db, () => {
        put.run(city_id, observed_at, JSON.stringify(Object.fromEntries(content)), lagMs);
        forget.run(city_id);
      });
    },
    newestOf(cityId) {
      const row = newest.get(cityId);
      if (row === undefined) return null;
      return { observedAt: String(row.observedAt), lagMs: Number(row.lagMs) };
    },
    [Symbol.dispose]: () => db.close(),
  };
}
