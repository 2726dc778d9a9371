import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import { isInScope } from '../model/access.ts';
import { openAccess } from './access.ts';
import type { Identity } from './oidc.ts';
import { parseScope } from './scope.ts';
import { HOUR_MS, openPlace, PASSWORD, VISITOR } from './testing/place.ts';

test('who has the password gets a session with the role of the user', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'operator');
  const { token, principal } = await place.access.login('ann', PASSWORD, VISITOR);
  assert.deepEqual(principal, { kind: 'user', name: 'ann', role: 'operator', cities: null });
  // Another process over the same file.
  assert.deepEqual(await place.open().session(token), principal);
  await place.access.setRole('ann', 'viewer');
  assert.equal((await place.access.session(token))?.role, 'viewer', 'at once');
  assert.equal(await place.access.session(`${token.slice(0, -1)}x`), null);
  assert.equal(await place.access.session(''), null);
});

test('a password in another composition of its characters is the same', async () => {
  using place = openPlace();
  await place.access.addUser('ann', 'grüße aus dem süden!', 'viewer');
  await place.access.login('ann', 'gru\u0308ße aus dem su\u0308den!', VISITOR);
});

test('a wrong password, an unknown name and a user that is switched off are answered alike', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'admin');
  await place.access.addUser('bob', PASSWORD, 'admin');
  await place.access.setEnabled('bob', false);
  const messages: string[] = [];
  for (const [name, password] of [
    ['ann', 'a heron stands in the reed'],
    ['nemo', PASSWORD],
    ['bob', PASSWORD],
    ["x' OR 1=1 --", PASSWORD],
    ['ann', ''],
  ] as const) {
    const error = await rejects(place.access.login(name, password, VISITOR), 'LOGIN_REFUSED');
    messages.push(error.message);
  }
  assert.equal(new Set(messages).size, 1);
});

test('a name that does not exist is hashed as well, in the same queue', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'viewer');
  for (const name of ['ann', 'nemo']) {
    const tries = Array.from({ length: 40 }, (_, at) => {
      const visitor = { ...VISITOR, address: `192.0.2.${at}` };
      return place.access.login(name, 'a wrong password', visitor).catch(({ code }) => code);
    });
    const codes = await Promise.all(tries);
    // Two run, thirty-two wait; all others found the queue full.
    assert.equal(codes.filter((code) => code === 'BUSY').length, 6, name);
    assert.equal(codes.filter((code) => code === 'LOGIN_REFUSED').length, 34, name);
  }
});

test('failures delay the one who makes them, and lock out no other', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'viewer');
  const guess = (address: string) =>
    place.access.login('ann', 'a wrong password', { address, agent: '' });
  for (let tries = 0; tries < 6; tries += 1) await rejects(guess('192.0.2.1'), 'LOGIN_REFUSED');
  const delayed = await rejects(guess('192.0.2.1'), 'LOGIN_DELAYED');
  assert.equal(delayed.details.retryAfterS, 1);
  await rejects(
    place.access.login('ann', PASSWORD, { address: '192.0.2.1', agent: '' }),
    'LOGIN_DELAYED',
  );
  await place.access.login('ann', PASSWORD, { address: '192.0.2.2', agent: '' });
  place.later(1_000);
  await rejects(guess('192.0.2.1'), 'LOGIN_REFUSED');
  assert.equal((await rejects(guess('192.0.2.1'), 'LOGIN_DELAYED')).details.retryAfterS, 2);
  place.later(2_000);
  await place.access.login('ann', PASSWORD, { address: '192.0.2.1', agent: '' });
  await rejects(guess('192.0.2.1'), 'LOGIN_REFUSED');
});

test('an address that tries many names is delayed, and so is its whole network of IPv6', async () => {
  using place = openPlace();
  const guess = (at: number, address: string) =>
    place.access.login(`name${at}`, 'a wrong password', { address, agent: '' });
  for (let at = 0; at <= 20; at += 1) {
    await rejects(guess(at, `2001:db8::${(at + 1).toString(16)}`), 'LOGIN_REFUSED');
  }
  await rejects(guess(99, '2001:db8:0:0:ffff::1'), 'LOGIN_DELAYED');
  await rejects(guess(99, '2001:db8:0:1::1'), 'LOGIN_REFUSED');
});

test('right passwords delay none who share the address, and bring no more guesses', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'viewer');
  const at = (name: string, password: string) =>
    place.access.login(name, password, { address: '192.0.2.1', agent: '' });
  for (let tries = 0; tries < 20; tries += 1) {
    await rejects(at(`name${tries}`, 'a wrong password'), 'LOGIN_REFUSED');
    await at('ann', PASSWORD);
  }
  await rejects(at('name20', 'a wrong password'), 'LOGIN_REFUSED');
  await rejects(at('ann', PASSWORD), 'LOGIN_DELAYED');
});

test('sessions end without a request, after their longest time, and by hand', async () => {
  using place = openPlace();
  const { access, later } = place;
  await access.addUser('ann', PASSWORD, 'viewer');
  const login = async () => (await access.login('ann', PASSWORD, VISITOR)).token;
  const idle = await login();
  later(HOUR_MS + 1_000);
  assert.equal(await access.session(idle), null);
  const busy = await login();
  for (let minutes = 0; minutes < 12 * 60; minutes += 30) {
    assert.notEqual(await access.session(busy), null, `after ${minutes} minutes`);
    later(HOUR_MS / 2);
  }
  later(1_000);
  assert.equal(await access.session(busy), null, 'longer than twelve hours');
  const left = await login();
  await access.logout(left);
  assert.equal(await access.session(left), null);
  const ended = [await login(), await login()];
  const [row] = access.sessions();
  assert.equal(await access.endSessions(row?.session_id ?? ''), 1);
  assert.equal(await access.endSessions('ann'), 1);
  for (const token of ended) assert.equal(await access.session(token), null);
  const old = await login();
  await access.setPassword('ann', 'another heron in other reeds');
  assert.equal(await access.session(old), null, 'with a new password');
  await rejects(access.login('ann', PASSWORD, VISITOR), 'LOGIN_REFUSED');
});

test('a user has twenty sessions at most', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'viewer');
  const first = (await place.access.login('ann', PASSWORD, VISITOR)).token;
  for (let at = 0; at < 20; at += 1) {
    place.later(1_000);
    await place.access.login('ann', PASSWORD, VISITOR);
  }
  assert.equal(place.access.sessions().length, 20);
  assert.equal(await place.access.session(first), null);
});

test('a removed user leaves no session', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'viewer');
  const { token } = await place.access.login('ann', PASSWORD, VISITOR);
  await place.access.removeUser('ann');
  assert.equal(await place.access.session(token), null);
  assert.deepEqual(place.access.sessions(), []);
  await rejects(place.access.removeUser('ann'), 'USER_UNKNOWN');
});

test('keys are shown once, have a role and an end, and can be taken away', async () => {
  using place = openPlace();
  const { access, later } = place;
  const key = await access.addKey('prometheus', 'viewer', null);
  assert.match(key, /^isobar_[\w-]{11}_[\w-]{43}$/);
  const principal = { kind: 'key', name: 'prometheus', role: 'viewer', cities: null };
  assert.deepEqual(await access.key(key), principal);
  await rejects(access.addKey('prometheus', 'admin', null), 'KEY_EXISTS');
  const short = await access.addKey('day', 'operator', new Date(Date.UTC(2026, 11, 1)));
  assert.notEqual(await access.key(short), null);
  later(24 * HOUR_MS);
  assert.equal(await access.key(short), null);
  const [, id] = key.split('_');
  for (const wrong of [
    '',
    'isobar_',
    `isobar_${id}_${'a'.repeat(43)}`,
    `${key}x`,
    key.toUpperCase(),
  ]) {
    assert.equal(await access.key(wrong), null, wrong);
  }
  await access.removeKey('prometheus');
  assert.equal(await access.key(key), null);
});

test('users and keys see the cities that they were given, at once', async () => {
  using place = openPlace();
  const { access } = place;
  await access.addUser('ann', PASSWORD, 'viewer', parseScope('oslo, country:no,tag:coast,oslo'));
  const { token, principal } = await access.login('ann', PASSWORD, VISITOR);
  assert.deepEqual(principal.cities, ['country:NO', 'oslo', 'tag:coast']);
  await access.setCities('ann', ['lima']);
  assert.deepEqual((await access.session(token))?.cities, ['lima']);
  await access.setCities('ann', null);
  assert.equal((await access.session(token))?.cities, null);
  const key = await access.addKey('program', 'viewer', null, ['lima']);
  assert.deepEqual((await access.key(key))?.cities, ['lima']);
  await rejects(access.setCities('bob', null), 'USER_UNKNOWN');
  using provided = place.open({ issuer: 'https://login.example' });
  const identity: Identity = {
    ...{ name: 'eve', role: 'viewer' as const, cities: ['oslo'], issuer: 'https://login.example' },
    ...{ subject: 's-1', providerSession: null, idToken: '' },
  };
  const session = await provided.admit(identity, VISITOR);
  assert.deepEqual((await provided.session(session.token))?.cities, ['oslo'], 'by single sign-on');
});

test('a scope that cannot be read is refused, and never taken for all cities', () => {
  for (const text of [
    '',
    ' ',
    'Oslo',
    'oslo,',
    'country:',
    'tag:a b',
    'all,oslo,',
    'country:a,:b',
  ]) {
    assert.throws(() => parseScope(text), { code: 'PARAMETER_INVALID' }, text);
  }
  assert.deepEqual(parseScope('all,oslo'), ['all', 'oslo'], 'a city may be called all');
  const city = { city_id: 'oslo', country: 'no', tags: ['coast'] };
  for (const [scope, isIn] of [
    [['oslo'], true],
    [['country:NO'], true],
    [['tag:coast'], true],
    [['tag:oslo', 'country:oslo', 'coast', 'NO', 'all'], false],
    [[], false],
  ] as const) {
    assert.equal(isInScope(scope, city), isIn, scope.join());
  }
});

test('the file holds no password, token or key, and only its owner reads it', async () => {
  using place = openPlace();
  await place.access.addUser('ann', PASSWORD, 'admin');
  const { token } = await place.access.login('ann', PASSWORD, VISITOR);
  const key = await place.access.addKey('program', 'viewer', null);
  const secrets = [PASSWORD, token, key.slice(-43)];
  for (const name of readdirSync(place.folder)) {
    const path = join(place.folder, name);
    assert.equal(statSync(path).mode & 0o077, 0, name);
    const text = readFileSync(path, 'latin1');
    for (const secret of secrets) assert.ok(!text.includes(secret), name);
  }
});

test('weak passwords and names of another form are refused, in words', async () => {
  using place = openPlace();
  for (const [password, message] of [
    ['short', /at least 15 characters; got 5/],
    ['aaaaaaaaaaaaaaaaaaaa', /different characters/],
    ['12345678901234567', /in a row/],
    ['qwertyuiopasdfgh', /in a row/],
    ['my name is ann, hello', /contain the name/],
    ['x'.repeat(300), /at most 256/],
    ['IsobarAdministrator1', /beside words/],
    ['OpenWeatherMap-password!', /beside words/],
    ['Dragon Baseball!!', /frequent password/],
  ] as const) {
    const error = await rejects(place.access.addUser('ann', password, 'viewer'), 'PASSWORD_WEAK');
    assert.match(error.message, message);
    assert.ok(!error.message.includes(password));
  }
  for (const name of ['', 'Ann', 'a b', '-a', 'ä', 'a'.repeat(65)]) {
    await rejects(place.access.addUser(name, PASSWORD, 'viewer'), 'PARAMETER_INVALID');
  }
  await place.access.addUser('bob', 'the weather of next week', 'viewer');
  await place.access.addUser('ann', PASSWORD, 'viewer');
  await rejects(place.access.addUser('ann', PASSWORD, 'viewer'), 'USER_EXISTS');
});

test('a damaged file is refused, and never replaced', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-access-'));
  try {
    writeFileSync(join(folder, 'access.sqlite'), 'nonsense '.repeat(1_000));
    const open = () => openAccess(folder, { idleMs: HOUR_MS, longestMs: HOUR_MS });
    assert.throws(open, { code: 'ACCESS_CORRUPT' });
    assert.equal(readFileSync(join(folder, 'access.sqlite'), 'utf8').slice(0, 8), 'nonsense');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
