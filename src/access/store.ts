/** The file that holds users, sessions and keys: never a password, a session's token or a key. */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { ACCESS_ROLES, type AccessRole, type CityScope } from '../model/access.ts';
import { commit, openSqliteFile, translateSqliteError } from '../sqlite.ts';

export interface UserRow {
  readonly name: string;
  readonly role: AccessRole;
  /** Null for all cities. */
  readonly cities: CityScope | null;
  readonly enabled: boolean;
  readonly created_at: string;
  readonly last_login_at: string | null;
}

export interface SessionRow {
  readonly session_id: string;
  readonly user: string;
  /** `local`: by password, `oidc`: by single sign-on. */
  readonly login: 'local' | 'oidc';
  readonly created_at: string;
  readonly seen_at: string;
  readonly address: string;
  readonly agent: string;
}

export interface KeyRow {
  readonly key_id: string;
  readonly name: string;
  readonly role: AccessRole;
  readonly cities: CityScope | null;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

/** A row as the file has it: the scope as text. */
export type Stored<Row> = Omit<Row, 'cities'> & { readonly cities: string | null };

export interface StoredUser {
  readonly hash: string;
  readonly role: AccessRole;
  readonly cities: string | null;
  readonly enabled: number;
}

export interface SessionOfUser {
  readonly user: string;
  readonly role: AccessRole;
  readonly cities: string | null;
  readonly seen_at: string;
}

const ROLE_CHECK = `CHECK (role IN (${ACCESS_ROLES.map((role) => `'${role}'`).join(', ')}))`;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, hash TEXT NOT NULL, role TEXT NOT NULL ${ROLE_CHECK},
    cities TEXT, enabled INTEGER NOT NULL DEFAULT 1, created_at TEXT NOT NULL, last_login_at TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL, created_at TEXT NOT NULL, seen_at TEXT NOT NULL,
    address TEXT NOT NULL, agent TEXT NOT NULL,
    -- By password: the user, whose role counts. By single sign-on: what was decided at the login.
    local_user TEXT REFERENCES users (name) ON DELETE CASCADE,
    issuer TEXT, subject TEXT, provider_session TEXT, role TEXT ${ROLE_CHECK}, cities TEXT,
    id_token TEXT, CHECK ((local_user IS NULL) <> (issuer IS NULL)),
    CHECK (issuer IS NULL OR (subject IS NOT NULL AND role IS NOT NULL))
  ) STRICT;
  CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS keys (
    key_id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL ${ROLE_CHECK}, cities TEXT, created_at TEXT NOT NULL, expires_at TEXT,
    last_used_at TEXT
  ) STRICT;
  PRAGMA user_version = 1`;

export type Change = readonly [sql: string, ...values: readonly SQLInputValue[]];

export interface AccessFile extends Disposable {
  readonly path: string;
  all<T>(sql: string, ...values: readonly SQLInputValue[]): T[];
  /** Rows that were changed. Rejects with ACCESS_CORRUPT, DISK_FULL, DATA_UNWRITABLE. */
  change(sql: string, ...values: readonly SQLInputValue[]): Promise<number>;
  /** As `change`, all of them or none; resolves with what the first has changed. */
  changeAll(...changes: readonly Change[]): Promise<number>;
}

/** Opens `access.sqlite`, which only its owner can read; several processes may use it. */
export function openAccessFile(folder: string): AccessFile {
  const path = join(folder, 'access.sqlite');
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const options = { path, synchronous: 'FULL', corrupt: 'ACCESS_CORRUPT' } as const;
  const db = openSqliteFile({ ...options, schema: SCHEMA });
  for (const end of ['', '-wal', '-shm']) restrict(`${path}${end}`);
  db.exec('PRAGMA foreign_keys = ON');
  const changeAll = (...changes: readonly Change[]) =>
    commit({ db, ...options }, () => {
      const counts = changes.map(([sql, ...values]) => db.prepare(sql).run(...values).changes);
      return Number(counts[0] ?? 0);
    });
  return {
    path,
    all: <T>(sql: string, ...values: readonly SQLInputValue[]) =>
      guard(path, () => db.prepare(sql).all(...values)) as T[],
    change: (...one) => changeAll(one),
    changeAll,
    [Symbol.dispose]: () => close(db),
  };
}

function guard<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw translateSqliteError(error, path, 'ACCESS_CORRUPT');
  }
}

/** Where the system has such rights. */
function restrict(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch {
    // It is not there, or another user's.
  }
}

function close(db: DatabaseSync): void {
  if (db.isOpen) db.close();
}
