/**
 * The room `access`: users with passwords, their sessions, and keys for programs.
 *
 * Of a session's token and of a key only the SHA-256 is kept: both are 256 random bits, which no
 * list of guesses holds. A session ends after `idleMs` without a request, after `longestMs` in any
 * case, with a new password, and when its user is switched off.
 */
import { randomBytes } from 'node:crypto';
import { IsobarError } from '../errors.ts';
import type { AccessRole, CityScope, Principal } from '../model/access.ts';
import { formatTime } from '../model/time-zone.ts';
import { type Account, openAccount } from './account.ts';
import { openIdToken } from './id-token.ts';
import { type LoginLimits, openLoginLimits } from './login-limits.ts';
import type { EndedSessions } from './logout-tokens.ts';
import type { Identity } from './oidc.ts';
import {
  hashNewPassword,
  hashPassword,
  isOutdatedHash,
  verifyNothing,
  verifyPassword,
} from './passwords.ts';
import { readScope, storedScope } from './scope.ts';
import {
  beginSession,
  countingNow,
  hashOf,
  nowOf,
  SESSIONS,
  type SessionRules,
  TOKEN,
  TOKEN_BYTES,
  type Visitor,
} from './sessions.ts';
import {
  type AccessFile,
  type Change,
  type KeyRow,
  openAccessFile,
  type SessionOfUser,
  type SessionRow,
  type Stored,
  type StoredUser,
  type UserRow,
} from './store.ts';

export interface AccessOptions extends SessionRules {
  /** Of the delays after failed logins, ms. */
  readonly monotonic?: () => number;
}

export interface LoggedIn {
  /** For the cookie; it cannot be had a second time. */
  readonly token: string;
  readonly principal: Principal;
}

const KEY = /^isobar_([\w-]{11})_([\w-]{43})$/;
const NAME = /^[a-z0-9][a-z0-9._@-]{0,63}$/;
const END_SESSIONS = 'DELETE FROM sessions WHERE user = ?1 OR session_id = ?1';
const END_OF_USER = 'DELETE FROM sessions WHERE local_user = ?1';
/** How exactly the last use is known: so seldom it is written. */
const SEEN_MS = 60_000;

export class Access implements Disposable {
  readonly #file: AccessFile;
  readonly #rules: SessionRules;
  readonly #limits: LoginLimits;
  /** What users do with their own. */
  readonly account: Account;

  constructor(file: AccessFile, options: AccessOptions) {
    this.#file = file;
    this.#rules = options;
    this.#limits = openLoginLimits(options.monotonic);
    this.account = openAccount(file, options, this.#limits);
  }

  /** `cities` null for all. Rejects with USER_EXISTS, or PASSWORD_WEAK. */
  async addUser(
    name: string,
    password: string,
    role: AccessRole,
    cities: CityScope | null = null,
  ): Promise<void> {
    assertName(name);
    if (this.#user(name) !== null) throw new IsobarError('USER_EXISTS', name);
    const hash = await hashNewPassword(name, password);
    const sql = `INSERT INTO users (name, hash, role, cities, created_at) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING`;
    const added = await this.#file.change(sql, name, hash, role, storedScope(cities), this.#now());
    if (added === 0) throw new IsobarError('USER_EXISTS', name);
  }

  /** Ends the sessions of the user as well. Rejects with USER_UNKNOWN, or PASSWORD_WEAK. */
  async setPassword(name: string, password: string): Promise<void> {
    const hash = await hashNewPassword(name, password);
    await this.#changeUser(
      name,
      ['UPDATE users SET hash = ? WHERE name = ?', hash, name],
      [END_OF_USER, name],
    );
  }

  async setRole(name: string, role: AccessRole): Promise<void> {
    await this.#changeUser(name, ['UPDATE users SET role = ? WHERE name = ?', role, name]);
  }

  /** Null for all cities. */
  async setCities(name: string, cities: CityScope | null): Promise<void> {
    const sql = 'UPDATE users SET cities = ? WHERE name = ?';
    await this.#changeUser(name, [sql, storedScope(cities), name]);
  }

  /** Who is switched off cannot log in, and is logged out. */
  async setEnabled(name: string, enabled: boolean): Promise<void> {
    const change = ['UPDATE users SET enabled = ? WHERE name = ?', Number(enabled), name] as const;
    await this.#changeUser(name, change, ...(enabled ? [] : [[END_OF_USER, name] as const]));
  }

  async removeUser(name: string): Promise<void> {
    await this.#changeUser(name, ['DELETE FROM users WHERE name = ?', name]);
  }

  hasUser(name: string): boolean {
    return this.#user(name) !== null;
  }

  users(): readonly UserRow[] {
    const sql = `SELECT name, role, cities, enabled, created_at, last_login_at FROM users
      ORDER BY name`;
    const rows = this.#file.all<Omit<Stored<UserRow>, 'enabled'> & { enabled: number }>(sql);
    return rows.map(({ cities, enabled, ...row }) => {
      return { ...row, cities: readScope(cities), enabled: enabled === 1 };
    });
  }

  /**
   * A new session. Rejects with LOGIN_REFUSED, which does not say what was wrong and takes as long
   * for a name that does not exist; with LOGIN_DELAYED after several failures; with BUSY.
   */
  async login(name: string, password: string, visitor: Visitor): Promise<LoggedIn> {
    const { address } = visitor;
    this.#limits.admit(name, address);
    const user = NAME.test(name) ? this.#user(name) : null;
    const isRight =
      user === null ? await verifyNothing(password) : await verifyPassword(password, user.hash);
    if (user === null || !isRight || user.enabled !== 1) {
      throw new IsobarError('LOGIN_REFUSED', 'the name or the password is wrong');
    }
    this.#limits.succeeded(name, address);
    if (isOutdatedHash(user.hash)) {
      const sql = 'UPDATE users SET hash = ? WHERE name = ? AND hash = ?';
      await this.#file.change(sql, await hashPassword(password), name, user.hash);
    }
    const token = await this.#openSession(name, visitor, null);
    const cities = readScope(user.cities);
    return { token, principal: { kind: 'user', name, role: user.role, cities } };
  }

  /** A new session of a user that the provider has checked. */
  async admit(identity: Identity, visitor: Visitor): Promise<LoggedIn> {
    const { name, role, cities } = identity;
    const token = await this.#openSession(name, visitor, identity);
    return { token, principal: { kind: 'user', name, role, cities } };
  }

  async #openSession(name: string, visitor: Visitor, identity: Identity | null): Promise<string> {
    const { token, changes } = beginSession(this.#rules, name, visitor, identity);
    await this.#file.changeAll(...changes);
    return token;
  }

  /** Whose session this is; null for one that does not exist or has ended. */
  async session(token: string): Promise<Principal | null> {
    if (!TOKEN.test(token)) return null;
    const [found] = this.#file.all<SessionOfUser>(
      `SELECT s.user, coalesce(s.role, u.role) AS role, s.seen_at,
         iif(s.local_user IS NULL, s.cities, u.cities) AS cities
       FROM ${SESSIONS} AND s.hash = ?5`,
      ...countingNow(this.#rules),
      hashOf(token),
    );
    if (found === undefined) return null;
    const { user, role, cities, seen_at } = found;
    if (nowOf(this.#rules).getTime() - Date.parse(seen_at) > SEEN_MS) {
      const sql = 'UPDATE sessions SET seen_at = ? WHERE hash = ?';
      await this.#file.change(sql, this.#now(), hashOf(token));
    }
    return { kind: 'user', name: user, role, cities: readScope(cities) };
  }

  async logout(token: string): Promise<void> {
    await this.#file.change('DELETE FROM sessions WHERE hash = ?', hashOf(token));
  }

  /**
   * The ID token of this session, which only its own token opens: empty when none was kept, null when
   * it is not one of a single sign-on.
   */
  idToken(token: string): string | null {
    if (!TOKEN.test(token)) return null;
    const sql = 'SELECT id_token FROM sessions WHERE hash = ? AND issuer IS NOT NULL';
    const [found] = this.#file.all<{ id_token: string | null }>(sql, hashOf(token));
    if (found === undefined) return null;
    return found.id_token === null ? '' : (openIdToken(found.id_token, token) ?? '');
  }

  sessions(): readonly SessionRow[] {
    return this.#file.all<SessionRow>(
      `SELECT s.session_id, s.user, iif(s.issuer IS NULL, 'local', 'oidc') AS login,
         s.created_at, s.seen_at, s.address, s.agent FROM ${SESSIONS} ORDER BY s.seen_at DESC`,
      ...countingNow(this.#rules),
    );
  }

  /** Those that a provider has ended; resolves with their number. */
  endProviderSessions(
    issuer: string,
    { subject, providerSession }: EndedSessions,
  ): Promise<number> {
    const sql = `DELETE FROM sessions WHERE issuer = ?1 AND (?2 IS NULL OR subject = ?2)
      AND (?3 IS NULL OR provider_session = ?3) AND coalesce(?2, ?3) IS NOT NULL`;
    return this.#file.change(sql, issuer, subject, providerSession);
  }

  /** A key of 32 bytes that the processes over this file share; made when it is first asked for. */
  async secret(name: string): Promise<Uint8Array> {
    const sql = 'INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING';
    await this.#file.change(sql, name, randomBytes(32));
    const read = 'SELECT value FROM secrets WHERE name = ?';
    const [found] = this.#file.all<{ value: Uint8Array }>(read, name);
    if (found === undefined) throw new IsobarError('INTERNAL', `the secret ${name} is not there`);
    return found.value;
  }

  /** Those of a user, or the one of this id; resolves with their number. */
  endSessions(userOrId: string): Promise<number> {
    return this.#file.change(END_SESSIONS, userOrId);
  }

  /** A key for a program, which cannot be had a second time. Rejects with KEY_EXISTS. */
  async addKey(
    name: string,
    role: AccessRole,
    expiresAt: Date | null,
    cities: CityScope | null = null,
  ): Promise<string> {
    assertName(name);
    const id = randomBytes(8).toString('base64url');
    const secret = randomBytes(TOKEN_BYTES).toString('base64url');
    const added = await this.#file.change(
      `INSERT INTO keys (key_id, hash, name, role, cities, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ...([id, hashOf(secret), name, role, storedScope(cities), this.#now()] as const),
      expiresAt === null ? null : formatTime(expiresAt),
    );
    if (added === 0) throw new IsobarError('KEY_EXISTS', name);
    return `isobar_${id}_${secret}`;
  }

  /** Whose key this is; null for one that does not exist or has expired. */
  async key(text: string): Promise<Principal | null> {
    const [, id, secret = ''] = KEY.exec(text) ?? [];
    if (id === undefined) return null;
    const [found] = this.#file.all<Stored<KeyRow> & { readonly hash: string }>(
      'SELECT * FROM keys WHERE key_id = ? AND (expires_at IS NULL OR expires_at > ?)',
      id,
      this.#now(),
    );
    // Hashes are compared, so that the time says nothing of the secret.
    if (found === undefined || found.hash !== hashOf(secret)) return null;
    const used = found.last_used_at;
    if (used === null || nowOf(this.#rules).getTime() - Date.parse(used) > SEEN_MS) {
      const sql = 'UPDATE keys SET last_used_at = ? WHERE key_id = ?';
      await this.#file.change(sql, this.#now(), id);
    }
    const { name, role, cities } = found;
    return { kind: 'key', name, role, cities: readScope(cities) };
  }

  keys(): readonly KeyRow[] {
    const rows = this.#file.all<Stored<KeyRow>>(
      `SELECT key_id, name, role, cities, created_at, expires_at, last_used_at FROM keys
       ORDER BY name`,
    );
    return rows.map((row) => ({ ...row, cities: readScope(row.cities) }));
  }

  async removeKey(name: string): Promise<void> {
    const removed = await this.#file.change('DELETE FROM keys WHERE name = ?', name);
    if (removed === 0) throw new IsobarError('KEY_UNKNOWN', name);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #user(name: string): StoredUser | null {
    const sql = 'SELECT hash, role, cities, enabled FROM users WHERE name = ?';
    return this.#file.all<StoredUser>(sql, name)[0] ?? null;
  }

  /** All of it or nothing; rejects with USER_UNKNOWN when the first changes nothing. */
  async #changeUser(name: string, ...changes: readonly Change[]): Promise<void> {
    if ((await this.#file.changeAll(...changes)) > 0) return;
    throw new IsobarError('USER_UNKNOWN', name);
  }

  #now(): string {
    return formatTime(nowOf(this.#rules));
  }
}

/** Keeps its file in this folder. */
export function openAccess(folder: string, options: AccessOptions): Access {
  return new Access(openAccessFile(folder), options);
}

function assertName(name: string): void {
  if (NAME.test(name)) return;
  const shown = JSON.stringify(name.slice(0, 64));
  const expected = 'expected 1 to 64 of a-z, 0-9, ".", "_", "@" and "-", beginning with a-z or 0-9';
  throw new IsobarError('PARAMETER_INVALID', `name ${shown}: ${expected}`);
}
