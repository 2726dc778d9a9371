/**
 * What each city said last, so that an unchanged answer is not appended again, also after a
 * restart. Losing it is harmless: the landing finds duplicates by identity.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { translateFileError } from '../errors.ts';
import { CONTENT_COLUMNS, type Observation } from '../model/observation.ts';

export interface CollectorMemory extends Disposable {
  /** Whether this very answer (same time, same content) was remembered as appended. */
  knows(observation: Observation): boolean;
  /** Call it after the append only. */
  remember(observation: Observation): void;
  /** `observed_at` of the newest remembered answer of the city, or null. */
  newestOf(city_id: string): string | null;
}

/** Answers of a city that are kept: a provider's servers may tell old ones again. */
const ANSWERS_KEPT = 4;

export function openCollectorMemory(folder: string): CollectorMemory {
  const file = join(folder, 'answers.sqlite');
  let database: DatabaseSync;
  try {
    mkdirSync(folder, { recursive: true });
    database = new DatabaseSync(file, { timeout: 10_000 });
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS answers (
        city_id TEXT NOT NULL, observed_at TEXT NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (city_id, observed_at)) WITHOUT ROWID`);
  } catch (error) {
    throw translateFileError(error, file, 'DATA_UNWRITABLE');
  }
  const find = database.prepare(
    'SELECT content FROM answers WHERE city_id = ? AND observed_at = ?',
  );
  const newest = database.prepare('SELECT max(observed_at) AS at FROM answers WHERE city_id = ?');
  const put = database.prepare('INSERT OR REPLACE INTO answers VALUES (?, ?, ?)');
  const forget = database.prepare(
    'DELETE FROM answers WHERE city_id = ? AND observed_at < (SELECT observed_at FROM answers ' +
      `WHERE city_id = ? ORDER BY observed_at DESC LIMIT 1 OFFSET ${ANSWERS_KEPT - 1})`,
  );
  return {
    knows(observation) {
      const row = find.get(observation.city_id, observation.observed_at);
      return row?.content === contentOf(observation);
    },
    remember(observation) {
      const { city_id, observed_at } = observation;
      put.run(city_id, observed_at, contentOf(observation));
      forget.run(city_id, city_id);
    },
    newestOf: (city_id) => (newest.get(city_id) as { at: string | null }).at,
    [Symbol.dispose]() {
      database.close();
    },
  };
}

function contentOf(observation: Observation): string {
  return JSON.stringify(CONTENT_COLUMNS.map((column) => observation[column] ?? null));
}
