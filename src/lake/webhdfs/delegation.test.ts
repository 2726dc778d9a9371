import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { openDelegation, withToken } from './delegation.ts';
import type { Question } from './namenodes.ts';
import { NoReplyError, RemoteError } from './remote-error.ts';

/** A NameNode's tokens; `lifeMs` is how long each lives after it is made or renewed. */
function tokens(lifeMs: () => number) {
  const asked: string[] = [];
  const fails: { with: Error | null } = { with: null };
  const made: string[] = [];
  const ask = async ({ op, query }: Question) => {
    asked.push(op === 'GETDELEGATIONTOKEN' ? 'get' : `${op.slice(0, 3)} ${query?.token}`);
    if (fails.with !== null) throw fails.with;
    const answer =
      op === 'GETDELEGATIONTOKEN'
        ? { Token: { urlString: `T${made.push('')}` } }
        : { long: Date.now() + lifeMs() };
    const text = op === 'CANCELDELEGATIONTOKEN' ? '' : JSON.stringify(answer);
    return { text, nameNode: new URL('https://nn'), isUncertain: false };
  };
  return { delegation: openDelegation(ask), asked, fails };
}

const DAY_MS = 86_400_000;

test('one token serves all who ask at once, and is cancelled in the end', async () => {
  const { delegation, asked } = tokens(() => DAY_MS);
  const all = await Promise.all([1, 2, 3].map(() => delegation.current()));
  assert.deepEqual(all, ['T1', 'T1', 'T1']);
  assert.equal(await delegation.current(), 'T1');
  await delegation.end();
  await delegation.end();
  assert.deepEqual(asked, ['get', 'REN T1', 'CAN T1']);
});

test('a refused token is replaced once; what it does not permit is not its fault', async () => {
  const { delegation } = tokens(() => DAY_MS);
  const used: string[] = [];
  const refusing = (error: Error, times: number) => async (token: string) => {
    used.push(token);
    if (used.length <= times) throw error;
    return 'done';
  };
  const text = 'Failed to obtain user group information: …InvalidToken: token is expired';
  const refused = new RemoteError(403, 'SecurityException', text);
  assert.equal(await withToken(delegation, undefined, refusing(refused, 1)), 'done');
  assert.deepEqual(used, ['T1', 'T2']);
  await assert.rejects(withToken(delegation, undefined, refusing(refused, 9)), refused);
  assert.deepEqual(used, ['T1', 'T2', 'T2', 'T3']);
  const denied = new RemoteError(403, 'AccessControlException', 'Permission denied');
  await assert.rejects(withToken(delegation, undefined, refusing(denied, 99)), denied);
  assert.equal(used.length, 5);
});

test('it is good until its end while it cannot be renewed', async () => {
  // It is to be renewed after three quarters of a second.
  const { delegation, asked, fails } = tokens(() => 1);
  assert.equal(await delegation.current(), 'T1');
  fails.with = new NoReplyError('ECONNREFUSED', 'nn: away', false);
  let found = '';
  while (found === '') {
    await setImmediate();
    found = await delegation.current().then(
      () => '',
      (error) => error.message,
    );
  }
  assert.equal(found, 'nn: away');
  assert.ok(asked.includes('REN T1'));
  fails.with = null;
  assert.equal(await delegation.current(), 'T2');
});

test('waiting for a token ends with the signal', async () => {
  const delegation = openDelegation(() => new Promise(() => {}));
  const stop = new AbortController();
  const waiting = delegation.current(stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(waiting, /stopped/);
});
