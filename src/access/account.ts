/**
 * What users do with their own account, by the token of their session: a new password, and a look at
 * their sessions, which they can end. Both ask for proof beside the session, which may be one that was
 * left open: a user with a password gives it, under the limits of logins; one of a single sign-on has
 * logged in lately.
 */
import { IsobarError } from '../errors.ts';
import type { AccessRole } from '../model/access.ts';
import type { LoggedIn } from './access.ts';
import type { LoginLimits } from './login-limits.ts';
import { hashNewPassword, verifyPassword } from './passwords.ts';
import { readScope } from './scope.ts';
import {
  beginSession,
  countingNow,
  hashOf,
  nowOf,
  SESSIONS,
  type SessionRules,
  type Visitor,
} from './sessions.ts';
import type { AccessFile, SessionRow } from './store.ts';

export interface OwnSession extends Omit<SessionRow, 'user'> {
  /** Whether it is the one that asks. */
  readonly current: boolean;
}

export interface Account {
  /** Those of whoever has this one, newest use first. Rejects with LOGIN_REQUIRED when it has ended. */
  sessions(token: string): readonly OwnSession[];
  /**
   * Ends all sessions of the user, and begins the one that is returned. Rejects with PASSWORD_WRONG,
   * LOGIN_DELAYED after several failures, of logins as well, PASSWORD_WEAK, BUSY, LOGIN_REQUIRED, and
   * NOT_FOUND for a session of a single sign-on, whose provider keeps the password.
   */
  changePassword(token: string, change: PasswordChange, visitor: Visitor): Promise<LoggedIn>;
  /**
   * Ends one other session, or all others; resolves with their number. Rejects with PASSWORD_WRONG,
   * LOGIN_DELAYED and BUSY; with LOGIN_STALE for a session of a single sign-on that began too long ago;
   * with SESSION_UNKNOWN, and LOGIN_REQUIRED.
   */
  endOthers(token: string, what: Ending, visitor: Visitor): Promise<number>;
}

export interface PasswordChange {
  readonly oldPassword: string;
  readonly newPassword: string;
}

export interface Ending {
  /** Id of the session; null for all others. */
  readonly session: string | null;
  /** Null where none was given. */
  readonly password: string | null;
}

/** So long a login by single sign-on proves who one is. */
const LATELY_MS = 10 * 60_000;
/** Those of whoever has the one whose hash this is. */
const OWN = `(s.user, s.issuer, s.subject) IS
  (SELECT user, issuer, subject FROM sessions WHERE hash = ?5)`;

interface Own {
  readonly user: string;
  /** Null for a session of a single sign-on. */
  readonly passwordHash: string | null;
  readonly role: AccessRole;
  readonly cities: string | null;
  readonly created_at: string;
}

export function openAccount(file: AccessFile, rules: SessionRules, limits: LoginLimits): Account {
  function own(token: string): Own {
    const [found] = file.all<Own>(
      `SELECT s.user, u.hash AS passwordHash, coalesce(s.role, u.role) AS role, u.cities, s.created_at
       FROM ${SESSIONS} AND s.hash = ?5`,
      ...countingNow(rules),
      hashOf(token),
    );
    if (found === undefined) throw new IsobarError('LOGIN_REQUIRED', 'the session has ended');
    return found;
  }

  /** As a login: counted with those of this name and address, and delayed like them. */
  async function confirm(user: string, hash: string, given: Given, address: string): Promise<void> {
    limits.admit(user, address);
    if (given.password === null || !(await verifyPassword(given.password, hash))) {
      const text = `${given.field}: it is not the password with which ${user} logs in`;
      throw new IsobarError('PASSWORD_WRONG', text, { details: { field: given.field } });
    }
    limits.succeeded(user, address);
  }

  return {
    sessions(token) {
      own(token);
      const rows = file.all<Omit<OwnSession, 'current'> & { readonly current: number }>(
        `SELECT s.session_id, iif(s.issuer IS NULL, 'local', 'oidc') AS login, s.created_at,
           s.seen_at, s.address, s.agent, s.hash = ?5 AS current
         FROM ${SESSIONS} AND ${OWN} ORDER BY s.seen_at DESC, s.created_at DESC`,
        ...countingNow(rules),
        hashOf(token),
      );
      return rows.map((row) => ({ ...row, current: row.current === 1 }));
    },
    async changePassword(token, { oldPassword, newPassword }, visitor) {
      const { user, passwordHash, role, cities } = own(token);
      if (passwordHash === null) {
        const text = `the provider of the single sign-on keeps the password of ${user}`;
        throw new IsobarError('NOT_FOUND', text);
      }
      const given = { field: 'old_password', password: oldPassword } as const;
      await confirm(user, passwordHash, given, visitor.address);
      if (newPassword.normalize('NFC') === oldPassword.normalize('NFC')) {
        const text = 'new_password: expected another one than the old one';
        throw new IsobarError('PASSWORD_WEAK', text, { details: { field: 'new_password' } });
      }
      const hash = await hashNewPassword(user, newPassword, 'new_password');
      // Whatever was decided about the user meanwhile has ended this session.
      const changed = await file.changeAll(
        [
          `UPDATE users SET hash = ?1 WHERE name = ?2
           AND EXISTS (SELECT 1 FROM sessions WHERE hash = ?3)`,
          ...([hash, user, hashOf(token)] as const),
        ],
        [
          `DELETE FROM sessions WHERE local_user = ?1
           AND EXISTS (SELECT 1 FROM users WHERE name = ?1 AND hash = ?2)`,
          ...([user, hash] as const),
        ],
      );
      if (changed === 0) {
        throw new IsobarError('LOGIN_REQUIRED', 'the session has ended meanwhile');
      }
      const begun = beginSession(rules, user, visitor);
      await file.changeAll(...begun.changes);
      const principal = { kind: 'user', name: user, role, cities: readScope(cities) } as const;
      return { token: begun.token, principal };
    },
    async endOthers(token, { session, password }, visitor) {
      const { user, passwordHash, created_at } = own(token);
      if (passwordHash !== null) {
        await confirm(user, passwordHash, { field: 'password', password }, visitor.address);
      } else if (nowOf(rules).getTime() - Date.parse(created_at) > LATELY_MS) {
        throw new IsobarError('LOGIN_STALE', `${user} logged in at ${created_at}`);
      }
      const ended = await file.change(
        `DELETE FROM sessions WHERE session_id IN
           (SELECT s.session_id FROM ${SESSIONS} AND ${OWN} AND s.hash <> ?5
            AND (?6 IS NULL OR s.session_id = ?6))`,
        ...([...countingNow(rules), hashOf(token), session] as const),
      );
      if (session === null || ended > 0) return ended;
      throw new IsobarError('SESSION_UNKNOWN', `session: ${user} has no other one of this id`, {
        details: { field: 'session' },
      });
    },
  };
}

interface Given {
  readonly field: 'old_password' | 'password';
  readonly password: string | null;
}
