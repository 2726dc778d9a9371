/** Who uses the page, where the server asks for a login. */
import { computed, signal } from '@preact/signals';
import type { SessionAnswer } from '../../src/api/access-schemas.ts';
import { isLoginNeeded, post, type Trouble, troubleOf } from '../client/fetching.ts';

type Session = SessionAnswer['data'];

/** Null until the server has said so. */
export const session = signal<Session | null>(null);

/** Whether changes are offered; the server refuses them in any case. */
export const mayOperate = computed(() => {
  const principal = session.value?.principal ?? null;
  return principal === null || principal.role !== 'viewer';
});

/** Where the server has not said: it refuses what may not be had in any case. */
const UNKNOWN: Session = {
  ...{ login: 'none', principal: null, passwords: false },
  ...{ start: null, label: '', next: null },
};

/** Whether what is about all cities is asked for, such as the status; null until that is known. */
export const seesAll = computed(() =>
  session.value === null ? null : (session.value.principal?.cities ?? null) === null,
);

export async function readSession(): Promise<void> {
  try {
    const answer = await fetch('api/session', { cache: 'no-store' });
    const { data } = (await answer.json()) as SessionAnswer;
    session.value = data;
    if (data.login !== 'none' && data.principal === null) isLoginNeeded.value = true;
  } catch {
    // A server that does not answer is shown as such elsewhere.
  }
  session.value ??= UNKNOWN;
}

/** Resolves with what went wrong; without it the page begins anew. */
export async function logIn(name: string, password: string): Promise<Trouble | null> {
  try {
    await post('api/login', { name, password });
  } catch (error) {
    return troubleOf(error);
  }
  location.reload();
  return null;
}

export async function logOut(): Promise<void> {
  const answer = await post('api/logout').catch(() => null);
  const next = ((await answer?.json()) as SessionAnswer | undefined)?.data.next;
  if (next) location.assign(next);
  else location.reload();
}
