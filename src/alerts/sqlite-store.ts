/** The store of alerts in one SQLite file of the data folder; several processes may share it. */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { Value } from 'typebox/value';
import { IsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import {
  type Incident,
  type IncidentCounts,
  IncidentSchema,
  type IncidentState,
  type MessageKind,
  type Notified,
} from '../model/alerts.ts';
import { commit, openSqliteFile, translateSqliteError } from '../sqlite.ts';
import { joinIncidents, messageKey, timeText } from './incidents.ts';
import type { Silence } from './messages.ts';
import type { OutboxEntry } from './outbox-store.ts';
import type {
  AlertChange,
  AlertStore,
  IncidentFilter,
  StoredTrack,
  WaitingMessages,
} from './store.ts';
import type { Track } from './track.ts';

const CORRUPT = 'ALERTS_CORRUPT';
const OF_JSON = 'SELECT value FROM json_each(?)';
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS incidents (
    incident_id TEXT PRIMARY KEY, rule TEXT NOT NULL, city_id TEXT, state TEXT NOT NULL,
    opened_at TEXT NOT NULL, document TEXT NOT NULL, revision INTEGER NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS incidents_by_time ON incidents (opened_at, incident_id);
  CREATE INDEX IF NOT EXISTS incidents_active ON incidents (state) WHERE state <> 'resolved';
  CREATE TABLE IF NOT EXISTS messages (
    key TEXT PRIMARY KEY, incident_id TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL,
    number INTEGER NOT NULL, made_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', ended_at INTEGER,
    problem TEXT) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS messages_by_incident ON messages (incident_id);
  CREATE INDEX IF NOT EXISTS messages_waiting ON messages (channel, next_at, made_at)
    WHERE state = 'waiting';
  CREATE TABLE IF NOT EXISTS tracks (
    rule TEXT NOT NULL, version TEXT NOT NULL, subject TEXT NOT NULL, track TEXT NOT NULL,
    PRIMARY KEY (rule, subject)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS silences (
    silence_id TEXT PRIMARY KEY, from_at INTEGER NOT NULL, until_at INTEGER NOT NULL,
    document TEXT NOT NULL) WITHOUT ROWID`;

/** Rejects with DATA_UNWRITABLE, DISK_FULL, DATA_IN_USE, or ALERTS_CORRUPT for a damaged file. */
export function openAlertStore(folder: string): AlertStore {
  const path = join(folder, 'alerts.sqlite');
  const options = { path, synchronous: 'FULL', schema: SCHEMA, corrupt: CORRUPT } as const;
  return new SqliteAlertStore(openSqliteFile(options), path);
}

class SqliteAlertStore implements AlertStore {
  readonly #db: DatabaseSync;
  readonly #path: string;

  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
  }

  incidents(filter: IncidentFilter): Incident[] {
    const wanted: string[] = [];
    const values: (string | number)[] = [];
    const add = (sql: string, ...given: (string | number)[]) => {
      wanted.push(sql);
      values.push(...given);
    };
    const marks = (list: readonly unknown[]) => list.map(() => '?').join(', ');
    const { states, rule, cities, from, to, after, limit } = filter;
    if (states !== undefined) add(`state IN (${marks(states)})`, ...states);
    if (rule !== undefined) add('rule = ?', rule);
    if (cities !== undefined) add(`city_id IN (${OF_JSON})`, JSON.stringify(cities));
    if (from !== undefined) add('opened_at >= ?', from);
    if (to !== undefined) add('opened_at < ?', to);
    if (after !== undefined) {
      add('(opened_at, incident_id) < (?, ?)', after.openedAt, after.incidentId);
    }
    const where = wanted.length === 0 ? '' : `WHERE ${wanted.join(' AND ')}`;
    return this.#incidents(
      `${where} ORDER BY opened_at DESC, incident_id DESC LIMIT ?`,
      ...values,
      limit,
    );
  }

  incident(id: string): Incident | null {
    return this.#incidents('WHERE incident_id = ?', id)[0] ?? null;
  }

  active(): Incident[] {
    return this.#incidents("WHERE state <> 'resolved' ORDER BY opened_at, incident_id");
  }

  counts(cities?: readonly string[]): IncidentCounts {
    const counts = { open: 0, acknowledged: 0, resolved: 0, critical: 0 };
    const where = cities === undefined ? 'true' : `city_id IN (${OF_JSON})`;
    const values = cities === undefined ? [] : [JSON.stringify(cities)];
    const rows = this.#all(
      `SELECT state, count(*) AS number FROM incidents WHERE ${where} GROUP BY state`,
      ...values,
    );
    for (const { state, number } of rows) counts[state as IncidentState] = Number(number);
    const [critical] = this.#all(
      `SELECT count(*) AS number FROM incidents
       WHERE ${where} AND state = 'open' AND json_extract(document, '$.severity') = 'critical'`,
      ...values,
    );
    counts.critical = Number(critical?.number ?? 0);
    return counts;
  }

  tracks(): StoredTrack[] {
    return this.#all('SELECT rule, version, subject, track FROM tracks').map((row) => ({
      rule: String(row.rule),
      version: String(row.version),
      subject: String(row.subject),
      track: JSON.parse(String(row.track)) as Track,
    }));
  }

  async apply({ incidents, messages, tracks, at }: AlertChange): Promise<void> {
    await this.#write(() => {
      reachFaultPoint('alerts.before-commit');
      for (const incident of incidents) this.#put(incident);
      for (const { key, incidentId, channel, kind, number } of messages) {
        this.#run(
          `INSERT INTO messages (key, incident_id, channel, kind, number, made_at, next_at)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
           ON CONFLICT (key) DO UPDATE SET made_at = ?6, next_at = ?6, state = 'waiting',
             attempts = 0, ended_at = NULL WHERE number = 0 AND state <> 'waiting'`,
          ...[key, incidentId, channel, kind, number, at],
        );
      }
      // A message shows in its incident; one that is sent every minute makes no change.
      const news = messages.filter(({ number }) => number > 0);
      for (const id of new Set(news.map(({ incidentId }) => incidentId))) this.#touch(id);
      if (tracks === null) return;
      this.#run('DELETE FROM tracks');
      for (const { rule, version, subject, track } of tracks) {
        this.#run(
          'INSERT INTO tracks VALUES (?, ?, ?, ?)',
          ...[rule, version, subject, JSON.stringify(track)],
        );
      }
    });
    reachFaultPoint('alerts.after-commit');
  }

  async join(incidents: readonly Incident[]): Promise<void> {
    await this.#write(() => {
      for (const theirs of incidents) {
        const ours = this.incident(theirs.incident_id);
        const joined = ours === null ? theirs : joinIncidents(ours, theirs);
        if (ours !== null && isDeepStrictEqual(ours, joined)) continue;
        this.#put(joined);
        for (const notified of joined.notified) this.#putNotified(joined.incident_id, notified);
      }
    });
  }

  unshared(limit: number): { readonly incident: Incident; readonly revision: number }[] {
    const rows = this.#all(
      'SELECT incident_id, revision FROM incidents WHERE shared < revision ORDER BY opened_at LIMIT ?',
      limit,
    );
    return rows.flatMap(({ incident_id, revision }) => {
      const incident = this.incident(String(incident_id));
      return incident === null ? [] : [{ incident, revision: Number(revision) }];
    });
  }

  async markShared(
    shared: readonly { readonly id: string; readonly revision: number }[],
  ): Promise<void> {
    await this.#write(() => {
      for (const { id, revision } of shared) {
        this.#run('UPDATE incidents SET shared = ? WHERE incident_id = ?', revision, id);
      }
    });
  }

  silences(now: number): Silence[] {
    return this.#all('SELECT document FROM silences WHERE until_at > ? ORDER BY from_at', now).map(
      ({ document }) => JSON.parse(String(document)) as Silence,
    );
  }

  async silence(silence: Silence): Promise<void> {
    const { silence_id, from, until } = silence;
    await this.#write(() =>
      this.#run(
        'INSERT OR REPLACE INTO silences VALUES (?, ?, ?, ?)',
        ...[silence_id, from, until, JSON.stringify(silence)],
      ),
    );
  }

  async endSilence(id: string, at: number): Promise<boolean> {
    const found = this.silences(at).find(({ silence_id }) => silence_id === id);
    if (found === undefined) return false;
    await this.silence({ ...found, until: at });
    return true;
  }

  due(channel: string, now: number, limit: number): readonly OutboxEntry[] {
    return this.#all(
      `SELECT * FROM messages WHERE state = 'waiting' AND channel = ? AND next_at <= ?
       ORDER BY made_at, key LIMIT ?`,
      ...[channel, now, limit],
    ).flatMap((row) => {
      const incident = this.incident(String(row.incident_id));
      if (incident === null) return [];
      return [
        {
          key: String(row.key),
          channel,
          kind: row.kind as MessageKind,
          incident,
          madeAt: Number(row.made_at),
          attempts: Number(row.attempts),
          nextAt: Number(row.next_at),
        },
      ];
    });
  }

  async sent(key: string, at: number): Promise<void> {
    await this.#write(() => this.#end(key, 'sent', at, null));
  }

  async failed(key: string, nextAt: number, problem: string): Promise<void> {
    await this.#write(() =>
      this.#run(
        `UPDATE messages SET attempts = attempts + 1, next_at = ?, problem = ?
         WHERE key = ? AND state = 'waiting'`,
        ...[nextAt, problem, key],
      ),
    );
  }

  async givenUp(key: string, at: number, problem: string, fallback: string | null): Promise<void> {
    await this.#write(() => {
      this.#end(key, 'given_up', at, problem);
      if (fallback === null) return;
      const [row] = this.#all('SELECT * FROM messages WHERE key = ?', key);
      if (row === undefined) return;
      const [id, number] = [String(row.incident_id), Number(row.number)];
      const kind = row.kind as MessageKind;
      this.#run(
        `INSERT OR IGNORE INTO messages (key, incident_id, channel, kind, number, made_at, next_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        messageKey(id, { channel: fallback, kind, number }),
        ...[id, fallback, kind, number, at, at],
      );
    });
  }

  waiting(): WaitingMessages[] {
    return this.#all(
      `SELECT channel, count(*) AS waiting, max(problem) AS problem FROM messages
       WHERE state = 'waiting' GROUP BY channel ORDER BY channel`,
    ).map(({ channel, waiting, problem }) => ({
      channel: String(channel),
      waiting: Number(waiting),
      problem: problem === null ? null : String(problem),
    }));
  }

  async forget(before: string): Promise<number> {
    return this.#write(() => {
      const old = "SELECT incident_id FROM incidents WHERE state = 'resolved' AND opened_at < ?";
      this.#run(`DELETE FROM messages WHERE incident_id IN (${old})`, before);
      this.#run('DELETE FROM silences WHERE until_at < ?', Date.parse(before));
      return this.#run(`DELETE FROM incidents WHERE incident_id IN (${old})`, before);
    });
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #incidents(clause: string, ...values: readonly (string | number)[]): Incident[] {
    const rows = this.#all(`SELECT incident_id, document FROM incidents ${clause}`, ...values);
    return rows.map(({ incident_id, document }) => {
      const incident: unknown = JSON.parse(String(document));
      const complete = { ...(incident as Incident), notified: this.#notified(String(incident_id)) };
      if (!Value.Check(IncidentSchema, complete)) {
        throw new IsobarError(CORRUPT, `${this.#path}: incident ${incident_id}`);
      }
      return complete;
    });
  }

  #notified(id: string): Notified[] {
    return this.#all('SELECT * FROM messages WHERE incident_id = ? ORDER BY made_at, key', id).map(
      ({ channel, kind, number, state, made_at, ended_at }) => ({
        channel: String(channel),
        kind: kind as MessageKind,
        number: Number(number),
        state: state as Notified['state'],
        at: timeText(Number(ended_at ?? made_at)),
      }),
    );
  }

  #put(incident: Incident): void {
    const { notified: _, ...document } = incident;
    const { incident_id, rule, city_id, state, opened_at } = incident;
    this.#run(
      `INSERT INTO incidents (incident_id, rule, city_id, state, opened_at, document, revision)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
       ON CONFLICT (incident_id) DO UPDATE SET rule = ?2, city_id = ?3, state = ?4, opened_at = ?5,
         document = ?6, revision = revision + 1`,
      ...[incident_id, rule, city_id, state, opened_at, JSON.stringify(document)],
    );
  }

  /** One that another process sent counts as sent here too; one that waits there does not. */
  #putNotified(id: string, notified: Notified): void {
    const { channel, kind, number, state, at } = notified;
    if (state === 'waiting') return;
    const time = Date.parse(at);
    this.#run(
      `INSERT INTO messages (key, incident_id, channel, kind, number, made_at, next_at, state, ended_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?6)
       ON CONFLICT (key) DO UPDATE SET state = ?7, ended_at = ?6 WHERE state = 'waiting'`,
      ...[messageKey(id, notified), id, channel, kind, number, time, state],
    );
  }

  #end(key: string, state: 'sent' | 'given_up', at: number, problem: string | null): void {
    this.#run(
      `UPDATE messages SET state = ?, ended_at = ?, problem = ?, attempts = attempts + 1
       WHERE key = ? AND state = 'waiting'`,
      ...[state, at, problem, key],
    );
    this.#run(
      `UPDATE incidents SET revision = revision + 1
       WHERE incident_id = (SELECT incident_id FROM messages WHERE key = ? AND number > 0)`,
      key,
    );
  }

  #touch(id: string): void {
    this.#run('UPDATE incidents SET revision = revision + 1 WHERE incident_id = ?', id);
  }

  #all(sql: string, ...values: readonly (string | number | null)[]) {
    return this.#guard(() => this.#db.prepare(sql).all(...values));
  }

  #run(sql: string, ...values: readonly (string | number | null)[]): number {
    return this.#guard(() => Number(this.#db.prepare(sql).run(...values).changes));
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw translateSqliteError(error, this.#path, CORRUPT);
    }
  }

  #write<T>(work: () => T): Promise<T> {
    return commit({ db: this.#db, path: this.#path, corrupt: CORRUPT }, work);
  }
}
