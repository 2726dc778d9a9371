/**
 * A delegation token of our own. A NameNode that is asked by Kerberos makes a new token for every
 * redirect, and keeps it for a day; with a token of ours it makes none.
 *
 *     GETDELEGATIONTOKEN, RENEWDELEGATIONTOKEN    its first end is known from renewing it
 *     three quarters of its life are over         renewed; a new one where its longest life is reached
 *     refused                                     a new one, and the question again
 *     closed                                      CANCELDELEGATIONTOKEN
 */
import { orAborted } from '../../waiting.ts';
import { ANSWERS, parseAnswer } from './answers.ts';
import type { Answer, Question } from './namenodes.ts';
import { RemoteError } from './remote-error.ts';

export interface Delegation {
  /** The token to use now; rejects as asking does. */
  current(signal?: AbortSignal): Promise<string>;
  /** HDFS does not take this one any more. */
  drop(token: string): void;
  /** Cancels it, for a few seconds. */
  end(): Promise<void>;
}

interface Held {
  readonly token: string;
  /** Milliseconds between being had, or renewed, and its end. */
  readonly lifeMs: number;
  /** Milliseconds of `performance.now()`. */
  readonly renewAt: number;
  readonly endsAt: number;
}

const RENEWED_AT = 0.75;
/** A renewed token that lives for so much less is near its longest life. */
const SHORT_LIFE = 0.5;
const CANCEL_MS = 3_000;
const RETRY_MS = 1_000;

/** `ask` logs in by Kerberos: tokens make no tokens. */
export function openDelegation(ask: (question: Question) => Promise<Answer>): Delegation {
  let held: Held | null = null;
  let renewing: Promise<string> | null = null;

  async function make(): Promise<string> {
    const answer = await ask({ method: 'GET', path: '/', op: 'GETDELEGATIONTOKEN' });
    const token = parseAnswer(ANSWERS.token, answer.text).Token.urlString;
    held = await renew(token);
    return token;
  }

  async function renew(token: string): Promise<Held> {
    const op = 'RENEWDELEGATIONTOKEN';
    const answer = await ask({ method: 'PUT', path: '/', op, query: { token } });
    const ends = parseAnswer(ANSWERS.renewed, answer.text).long;
    const lifeMs = Math.max(RETRY_MS, ends - Date.now());
    const now = performance.now();
    return { token, lifeMs, renewAt: now + lifeMs * RENEWED_AT, endsAt: now + lifeMs };
  }

  async function prolong(old: Held): Promise<string> {
    try {
      const renewed = await renew(old.token);
      if (renewed.lifeMs < old.lifeMs * SHORT_LIFE) return await make();
      held = renewed;
      return old.token;
    } catch (error) {
      if (error instanceof RemoteError) return await make();
      const now = performance.now();
      // It is good until its end: meanwhile the KDC may come back.
      if (now < old.endsAt) held = { ...old, renewAt: now + RETRY_MS };
      else held = null;
      throw error;
    }
  }

  /** One at a time, for all who wait. */
  function once(work: () => Promise<string>): Promise<string> {
    renewing ??= work().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  return {
    async current(signal) {
      signal?.throwIfAborted();
      const had = held;
      if (had === null) return orAborted(once(make), signal);
      if (performance.now() < had.renewAt) return had.token;
      const renewed = once(() => prolong(had));
      if (performance.now() >= had.endsAt) return orAborted(renewed, signal);
      renewed.catch(() => {});
      return had.token;
    },
    drop(token) {
      if (held?.token === token) held = null;
    },
    async end() {
      const token = held?.token;
      held = null;
      if (token === undefined) return;
      const signal = AbortSignal.timeout(CANCEL_MS);
      const op = 'CANCELDELEGATIONTOKEN';
      // It ends by itself within a day.
      await ask({ method: 'PUT', path: '/', op, query: { token }, signal }).catch(() => {});
    },
  };
}

/** With a new token when HDFS refuses the one that there was. */
export async function withToken<T>(
  delegation: Delegation,
  signal: AbortSignal | undefined,
  ask: (token: string) => Promise<T>,
): Promise<T> {
  const token = await delegation.current(signal);
  try {
    return await ask(token);
  } catch (error) {
    if (!isTokenRefused(error)) throw error;
    delegation.drop(token);
  }
  return ask(await delegation.current(signal));
}

/** Whether HDFS refuses the token itself, and not what it permits. */
function isTokenRefused(error: unknown): boolean {
  if (!(error instanceof RemoteError)) return false;
  if (error.status === 401 || error.is('InvalidToken')) return true;
  return error.is('SecurityException') && /InvalidToken|token/i.test(error.message);
}
