/**
 * Sessions: which of them count, and how one begins. Of its token only the SHA-256 is kept: it is 256
 * random bits, which no list of guesses holds.
 */
import { createHash, randomBytes } from 'node:crypto';
import { formatTime } from '../model/time-zone.ts';
import { sealIdToken } from './id-token.ts';
import type { Identity } from './oidc.ts';
import { storedScope } from './scope.ts';
import type { Change } from './store.ts';

/** Where a login comes from, as sessions show it. */
export interface Visitor {
  readonly address: string;
  /** The browser, as it calls itself. */
  readonly agent: string;
}

export interface SessionRules {
  readonly idleMs: number;
  readonly longestMs: number;
  /** Whether sessions by password count; they do by default. */
  readonly passwords?: boolean;
  /** Of the single sign-on; sessions by that of another do not count. */
  readonly issuer?: string;
  readonly clock?: () => Date;
}

export const TOKEN_BYTES = 32;
export const TOKEN = /^[\w-]{43}$/;
const AGENT_CHARACTERS_MAX = 200;
const SESSIONS_OF_USER_MAX = 20;

/** Those that count: not too old, of a user who may log in, by a way of logging in that is on. */
export const SESSIONS = `sessions s LEFT JOIN users u ON u.name = s.local_user
  WHERE s.created_at >= ?1 AND s.seen_at >= ?2
  AND (s.issuer = ?3 OR (s.issuer IS NULL AND u.enabled = 1 AND ?4 = 1))`;

/** The parameters of `SESSIONS`. */
export function countingNow(rules: SessionRules) {
  const { issuer = '', passwords = true } = rules;
  const [oldest, idle] = [timeBefore(rules, rules.longestMs), timeBefore(rules, rules.idleMs)];
  return [oldest, idle, issuer, Number(passwords)] as const;
}

export function nowOf({ clock = () => new Date() }: SessionRules): Date {
  return clock();
}

function timeBefore(rules: SessionRules, ms: number): string {
  return formatTime(new Date(nowOf(rules).getTime() - ms));
}

/** A new session of a user, with an identity where the provider has checked it: its token, and what to write. */
export function beginSession(
  rules: SessionRules,
  name: string,
  { address, agent }: Visitor,
  identity: Identity | null = null,
): { readonly token: string; readonly changes: readonly Change[] } {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const [now, id] = [formatTime(nowOf(rules)), randomBytes(8).toString('hex')];
  const cut = agent.slice(0, AGENT_CHARACTERS_MAX).toWellFormed();
  const { issuer = null, subject = null, providerSession = null } = identity ?? {};
  const { role = null, cities = null, idToken = '' } = identity ?? {};
  const sealed = idToken === '' ? null : sealIdToken(idToken, token);
  const changes: readonly Change[] = [
    [
      `INSERT INTO sessions (hash, session_id, user, created_at, seen_at, address, agent,
         local_user, issuer, subject, provider_session, role, cities, id_token)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...([hashOf(token), id, name, now, now, address, cut] as const),
      ...([identity === null ? name : null, issuer, subject, providerSession] as const),
      ...([role, storedScope(cities), sealed] as const),
    ],
    [
      'UPDATE users SET last_login_at = ? WHERE name = ? AND ? IS NULL',
      ...([now, name, issuer] as const),
    ],
    ['DELETE FROM sessions WHERE created_at < ?', timeBefore(rules, rules.longestMs)],
    [
      `DELETE FROM sessions WHERE (user, issuer, subject) IS (?1, ?3, ?4) AND hash NOT IN
       (SELECT hash FROM sessions WHERE (user, issuer, subject) IS (?1, ?3, ?4)
        ORDER BY seen_at DESC LIMIT ?2)`,
      ...([name, SESSIONS_OF_USER_MAX, issuer, subject] as const),
    ],
  ];
  return { token, changes };
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
