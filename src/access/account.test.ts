import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import type { Access } from './access.ts';
import type { Identity } from './oidc.ts';
import { HOUR_MS, openPlace, PASSWORD, VISITOR } from './testing/place.ts';

const NEXT = 'four storks circle above a roof';
const ISSUER = 'https://login.example';
const CHANGE = { oldPassword: PASSWORD, newPassword: NEXT };
const ALL = { session: null, password: PASSWORD };

const loginAs = async (access: Access, name: string, visitor = VISITOR) =>
  (await access.login(name, PASSWORD, visitor)).token;

const identity = (name: string, subject: string): Identity => ({
  ...{ name, role: 'operator', cities: ['oslo'], issuer: ISSUER, subject },
  ...{ providerSession: null, idToken: '' },
});

test('a new password ends every session, begins another, and is the one that counts', async () => {
  using place = openPlace();
  const { access } = place;
  await access.addUser('ann', PASSWORD, 'operator', ['oslo']);
  await access.addUser('bob', PASSWORD, 'viewer');
  const [first, second] = [await loginAs(access, 'ann'), await loginAs(access, 'ann')];
  const foreign = await loginAs(access, 'bob');
  const { token, principal } = await access.account.changePassword(first, CHANGE, VISITOR);
  assert.deepEqual(principal, { kind: 'user', name: 'ann', role: 'operator', cities: ['oslo'] });
  assert.deepEqual(await access.session(token), principal);
  for (const ended of [first, second]) assert.equal(await access.session(ended), null);
  assert.notEqual(await access.session(foreign), null, 'those of others go on');
  await rejects(access.login('ann', PASSWORD, VISITOR), 'LOGIN_REFUSED');
  await access.login('ann', NEXT, VISITOR);
});

test('the old password is asked for, and the new one has to keep to the rules', async () => {
  using place = openPlace();
  const { access } = place;
  await access.addUser('ann', PASSWORD, 'viewer');
  const token = await loginAs(access, 'ann');
  const change = (oldPassword: string, newPassword: string) =>
    access.account.changePassword(token, { oldPassword, newPassword }, VISITOR);
  const wrong = await rejects(change('a wrong password', NEXT), 'PASSWORD_WRONG');
  assert.equal(wrong.details.field, 'old_password');
  for (const weak of ['short', 'password12345678', 'ann has a heron at home', PASSWORD]) {
    const error = await rejects(change(PASSWORD, weak), 'PASSWORD_WEAK');
    assert.equal(error.details.field, 'new_password');
    assert.match(error.message, /^new_password: expected /);
    assert.ok(!error.message.includes(weak));
  }
  // What is wrong with a new one says nothing to whoever lacks the old one.
  await rejects(change('a wrong password', 'short'), 'PASSWORD_WRONG');
  assert.notEqual(await access.session(token), null, 'nothing has changed');
  await access.login('ann', PASSWORD, VISITOR);
});

test('guesses at the old password count as logins do, and lock out no other', async () => {
  using place = openPlace();
  const { access, later } = place;
  await access.addUser('ann', PASSWORD, 'viewer');
  const token = await loginAs(access, 'ann');
  const guess = (address = VISITOR.address) =>
    access.account.changePassword(
      token,
      { oldPassword: 'a wrong password', newPassword: NEXT },
      { address, agent: '' },
    );
  const end = (password: string | null) =>
    access.account.endOthers(token, { session: null, password }, VISITOR);
  // In any order: it is one count.
  for (let round = 0; round < 2; round += 1) {
    await rejects(guess(), 'PASSWORD_WRONG');
    await rejects(end('a wrong password'), 'PASSWORD_WRONG');
    await rejects(access.login('ann', 'a wrong password', VISITOR), 'LOGIN_REFUSED');
  }
  await rejects(guess(), 'LOGIN_DELAYED');
  await rejects(end(PASSWORD), 'LOGIN_DELAYED');
  await rejects(access.login('ann', PASSWORD, VISITOR), 'LOGIN_DELAYED');
  const right = access.account.changePassword(token, CHANGE, VISITOR);
  assert.equal((await rejects(right, 'LOGIN_DELAYED')).details.retryAfterS, 1);
  await access.login('ann', PASSWORD, { address: '198.51.100.1', agent: '' });
  later(1_000);
  await rejects(end(null), 'PASSWORD_WRONG');
  assert.equal((await rejects(guess(), 'LOGIN_DELAYED')).details.retryAfterS, 2);
});

test('a session that is ended while the new password is hashed does not set it', async () => {
  using place = openPlace();
  const { access } = place;
  await access.addUser('ann', PASSWORD, 'viewer');
  for (const act of [
    // As a new password that an administrator sets does, in the same transaction.
    () => access.endSessions('ann'),
    () => access.setEnabled('ann', false),
    () => access.removeUser('ann'),
  ]) {
    const token = await loginAs(access, 'ann');
    const refused = rejects(
      access.account.changePassword(token, CHANGE, VISITOR),
      'LOGIN_REQUIRED',
    );
    // Hashing needs a thread, and cannot have come to its end.
    await act();
    await refused;
    if (access.users().length > 0) await access.setEnabled('ann', true);
  }
});

test('sessions are seen by their user, with ids that open nothing', async () => {
  using place = openPlace();
  const { access, later } = place;
  await access.addUser('ann', PASSWORD, 'viewer');
  await access.addUser('bob', PASSWORD, 'viewer');
  const old = await loginAs(access, 'ann');
  later(HOUR_MS / 2);
  const phone = { address: '198.51.100.1', agent: 'phone' };
  const token = await loginAs(access, 'ann', phone);
  const foreign = await loginAs(access, 'bob');
  const seen = access.account.sessions(token);
  assert.deepEqual(
    seen.map(({ current, login, address, agent }) => ({ current, login, address, agent })),
    [
      { current: true, login: 'local', ...phone },
      { current: false, login: 'local', ...VISITOR },
    ],
  );
  for (const { session_id } of seen) {
    assert.match(session_id, /^[0-9a-f]{16}$/);
    assert.equal(await access.session(session_id), null);
    assert.ok(!token.includes(session_id));
  }
  assert.equal(access.account.sessions(foreign).length, 1);
  later(HOUR_MS / 2 + 1_000);
  await access.session(token);
  assert.equal(access.account.sessions(token).length, 1, 'one has ended by itself');
  assert.throws(() => access.account.sessions(old), { code: 'LOGIN_REQUIRED' });
  assert.throws(() => access.account.sessions('x'), { code: 'LOGIN_REQUIRED' });
});

test('users end their other sessions, by the password, and never those of others', async () => {
  using place = openPlace();
  const { access } = place;
  await access.addUser('ann', PASSWORD, 'viewer');
  await access.addUser('bob', PASSWORD, 'viewer');
  const tokens = [];
  for (let count = 0; count < 4; count += 1) tokens.push(await loginAs(access, 'ann'));
  const [own = '', ...others] = tokens;
  const foreign = await loginAs(access, 'bob');
  const { account } = access;
  const idOf = (token: string) =>
    account.sessions(token).find(({ current }) => current)?.session_id ?? '';
  const end = (session: string) => account.endOthers(own, { session, password: PASSWORD }, VISITOR);
  for (const unknown of [idOf(foreign), idOf(own), '0'.repeat(16), 'ann', '', "' OR 1=1 --"]) {
    await rejects(end(unknown), 'SESSION_UNKNOWN');
  }
  assert.equal(await end(idOf(others[0] ?? '')), 1);
  assert.equal(await access.session(others[0] ?? ''), null);
  await rejects(
    account.endOthers(own, { session: null, password: null }, VISITOR),
    'PASSWORD_WRONG',
  );
  assert.equal(await account.endOthers(own, ALL, VISITOR), 2);
  for (const token of others) assert.equal(await access.session(token), null);
  for (const token of [own, foreign]) assert.notEqual(await access.session(token), null);
  assert.equal(await account.endOthers(own, ALL, VISITOR), 0);
});

test('with a single sign-on a late login is proof, and the password is that of the provider', async () => {
  using place = openPlace();
  const access = place.open({ issuer: ISSUER });
  await access.addUser('ann', PASSWORD, 'viewer');
  const admit = async (name: string, subject: string) =>
    (await access.admit(identity(name, subject), VISITOR)).token;
  const [own, other] = [await admit('ann', 's-1'), await admit('ann', 's-1')];
  const namesake = await admit('ann', 's-2');
  const local = await loginAs(access, 'ann');
  const { account } = access;
  assert.deepEqual(
    account.sessions(own).map(({ login }) => login),
    ['oidc', 'oidc'],
    'another subject, and a local user of the same name, are others',
  );
  assert.equal(account.sessions(local).length, 1);
  await rejects(account.changePassword(own, CHANGE, VISITOR), 'NOT_FOUND');
  const none = { session: null, password: null };
  assert.equal(await account.endOthers(own, none, VISITOR), 1);
  assert.equal(await access.session(other), null);
  for (const token of [namesake, local]) assert.notEqual(await access.session(token), null);
  await admit('ann', 's-1');
  place.later(10 * 60_000 + 1_000);
  await rejects(account.endOthers(own, none, VISITOR), 'LOGIN_STALE');
  assert.equal(account.sessions(own).length, 2, 'they can be seen all the same');
});
