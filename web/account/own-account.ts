/** What people do with their own account, and what went wrong with it, field by field. */
import { effect } from '@preact/signals';
import type { EndSessionsAnswer } from '../../src/api/access-schemas.ts';
import { formatPath, isLoginNeeded, post, type Trouble, troubleOf } from '../client/fetching.ts';

/** As long as an answer may take. */
const LATE_MS = 30_000;

/** Resolves with what went wrong; null when nothing did. */
export async function changePassword(
  oldPassword: string,
  newPassword: string,
): Promise<Trouble | null> {
  try {
    await post('api/password', { old_password: oldPassword, new_password: newPassword });
  } catch (error) {
    return troubleIn(error);
  }
  ignoreLateRefusals();
  return null;
}

/** Resolves with how many have ended, or with what went wrong. `session` null is all others. */
export async function endSessions(
  session: string | null,
  password: string | null,
): Promise<number | Trouble> {
  try {
    const path = formatPath('api/end-sessions', session === null ? {} : { session });
    const answer = await post(path, password === null ? {} : { password });
    return ((await answer.json()) as EndSessionsAnswer).data.ended;
  } catch (error) {
    return troubleIn(error);
  }
}

function troubleIn(error: unknown): Trouble {
  const trouble = troubleOf(error);
  if (trouble.code === 'LOGIN_REQUIRED') isLoginNeeded.value = true;
  return trouble;
}

/** What was asked with the session before is refused, and calls for no login. */
function ignoreLateRefusals(): void {
  const stop = effect(() => {
    if (isLoginNeeded.value) isLoginNeeded.value = false;
  });
  setTimeout(stop, LATE_MS);
}
