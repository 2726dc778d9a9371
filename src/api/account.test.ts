/** What users do with their own account over HTTP, and what attackers with half of what they need try. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Schema from 'typebox/schema';
import { readAudit } from '../access/audit.ts';
import {
  EndSessionsAnswerSchema,
  SessionAnswerSchema,
  SessionsAnswerSchema,
} from './access-schemas.ts';
import { cookieOf, ORIGIN, openPlace, PASSWORD, type Place, post } from './testing/access-place.ts';
import { openTestApi } from './testing/api.ts';

const NEXT = 'four storks circle above a roof';
const CHANGE = { old_password: PASSWORD, new_password: NEXT };
const ADDRESSES = ['/api/password', '/api/end-sessions'];

const bodyOf = (url: string) => (url === '/api/password' ? CHANGE : { password: PASSWORD });
const as = (cookie: string) => ({ ...ORIGIN, cookie });

async function sessionsOf({ api }: Place, cookie: string) {
  const answer = await api.app.inject({ url: '/api/sessions', headers: { cookie } });
  assert.equal(answer.statusCode, 200, answer.body);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.deepEqual(Schema.Compile(SessionsAnswerSchema).Errors(answer.json())[1], []);
  return answer.json().data as { session_id: string; current: boolean; agent: string }[];
}

test('each role changes its own password, which rotates the session and ends the others', async () => {
  await using place = await openPlace();
  const { api } = place;
  for (const name of ['viewer-1', 'operator-1', 'admin-1']) {
    const [cookie, other] = [await place.login(name), await place.login(name)];
    const answer = await post(api, '/api/password', CHANGE, as(cookie));
    assert.equal(answer.statusCode, 200, answer.body);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(Schema.Compile(SessionAnswerSchema).Errors(answer.json())[1], []);
    assert.equal(answer.json().data.principal.name, name);
    const header = String(answer.headers['set-cookie']);
    assert.match(header, /^__Host-isobar=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    const next = cookieOf(header);
    const [own] = await sessionsOf(place, next);
    assert.equal(own?.current, true);
    for (const old of [cookie, other]) {
      assert.notEqual(old, next);
      const refused = await api.app.inject({ url: '/api/cities', headers: { cookie: old } });
      assert.equal(refused.statusCode, 401);
    }
    const login = (password: string) => post(api, '/api/login', { name, password });
    assert.equal((await login(PASSWORD)).statusCode, 401);
    assert.equal((await login(NEXT)).statusCode, 200);
  }
});

test('what is wrong is said with the field that it is about', async () => {
  await using place = await openPlace();
  const { api } = place;
  const cookie = await place.login('viewer-1');
  for (const [url, body, status, code, field] of [
    ['/api/password', { ...CHANGE, old_password: 'x' }, 403, 'PASSWORD_WRONG', 'old_password'],
    ['/api/password', { ...CHANGE, new_password: 'x' }, 400, 'PASSWORD_WEAK', 'new_password'],
    ['/api/password', { old_password: 'x' }, 400, 'REQUEST_INVALID', undefined],
    ['/api/password', { ...CHANGE, name: 'admin-1' }, 400, 'REQUEST_INVALID', undefined],
    ['/api/password', '', 400, 'REQUEST_INVALID', undefined],
    ['/api/end-sessions', { password: 'x' }, 403, 'PASSWORD_WRONG', 'password'],
    ['/api/end-sessions', {}, 403, 'PASSWORD_WRONG', 'password'],
    ['/api/end-sessions', 'null', 400, 'REQUEST_INVALID', undefined],
    ['/api/end-sessions?session=0', { password: PASSWORD }, 404, 'SESSION_UNKNOWN', 'session'],
    ['/api/end-sessions?user=admin-1', bodyOf('x'), 400, 'PARAMETER_INVALID', 'user'],
  ] as const) {
    const answer = await post(api, url, body, as(cookie));
    const problem = answer.json();
    const seen = [answer.statusCode, problem.code, problem.field];
    assert.deepEqual(seen, [status, code, field], `${url} ${JSON.stringify(body)}`);
    assert.equal(answer.headers['set-cookie'], undefined);
  }
});

test('guesses at the old password share the limits of logins', async () => {
  await using place = await openPlace();
  const { api } = place;
  const cookie = await place.login('viewer-1');
  const guess = () => post(api, '/api/password', { ...CHANGE, old_password: 'wrong' }, as(cookie));
  for (let tries = 0; tries < 6; tries += 1) assert.equal((await guess()).statusCode, 403);
  const delayed = await guess();
  assert.deepEqual([delayed.statusCode, delayed.headers['retry-after']], [429, '1']);
  const login = await post(api, '/api/login', { name: 'viewer-1', password: PASSWORD });
  assert.equal(login.statusCode, 429, 'no way around them');
  await place.login('operator-1');
});

test('programs, visitors and other sites change no password and end no session', async () => {
  await using place = await openPlace();
  const { api, access } = place;
  const cookie = await place.login('admin-1');
  await place.login('admin-1');
  const key = await access.addKey('script', 'admin', null);
  const bearer = { authorization: `Bearer ${key}` };
  for (const [headers, status] of [
    [ORIGIN, 401],
    [{ ...ORIGIN, ...bearer }, 403],
    [{ host: 'localhost:5000', ...bearer }, 403],
    // A key beside a session is what counts.
    [{ ...as(cookie), ...bearer }, 403],
    [{ cookie, host: 'localhost:5000' }, 403],
    [{ ...as(cookie), origin: 'https://evil.example' }, 403],
    [{ ...as(cookie), origin: 'null' }, 403],
    [{ ...as(cookie), 'sec-fetch-site': 'same-site' }, 403],
  ] as const) {
    for (const url of ADDRESSES) {
      const answer = await post(api, url, bodyOf(url), headers);
      assert.equal(answer.statusCode, status, `${url} ${JSON.stringify(headers)}`);
    }
  }
  for (const headers of [bearer, { cookie, ...bearer }]) {
    const answer = await api.app.inject({ url: '/api/sessions', headers });
    assert.equal(answer.statusCode, 403);
  }
  assert.equal((await sessionsOf(place, cookie)).length, 2);
});

test('users see their own sessions alone, and end one or all others', async () => {
  await using place = await openPlace();
  const { api } = place;
  const cookies = [];
  for (let count = 0; count < 4; count += 1) cookies.push(await place.login('viewer-1'));
  const [cookie = '', ...others] = cookies;
  const foreign = await place.login('operator-1');
  const sessions = await sessionsOf(place, cookie);
  assert.equal(sessions.length, 4);
  assert.equal(sessions.filter(({ current }) => current).length, 1);
  for (const one of cookies) assert.ok(!JSON.stringify(sessions).includes(one.slice(-43)));
  const [strange] = await sessionsOf(place, foreign);
  const body = { password: PASSWORD };
  const end = (query: string) => post(api, `/api/end-sessions${query}`, body, as(cookie));
  assert.equal((await end(`?session=${strange?.session_id}`)).statusCode, 404);
  const other = sessions.find(({ current }) => !current)?.session_id;
  const one = await end(`?session=${other}`);
  assert.deepEqual(Schema.Compile(EndSessionsAnswerSchema).Errors(one.json())[1], []);
  assert.deepEqual(one.json(), { data: { ended: 1 } });
  assert.deepEqual((await end('')).json(), { data: { ended: 2 } });
  for (const [headers, status] of [
    ...others.map((ended) => [{ cookie: ended }, 401] as const),
    ...[cookie, foreign].map((left) => [{ cookie: left }, 200] as const),
  ]) {
    assert.equal((await api.app.inject({ url: '/api/sessions', headers })).statusCode, status);
  }
});

test('it is noted who changed what, and never a password', async () => {
  await using place = await openPlace();
  const { api, folder } = place;
  const cookie = await place.login('viewer-1');
  await place.login('viewer-1');
  const other = (await sessionsOf(place, cookie)).find(({ current }) => !current)?.session_id;
  await post(api, '/api/password', { ...CHANGE, old_password: 'a wrong one' }, as(cookie));
  await post(api, `/api/end-sessions?session=${other}`, { password: PASSWORD }, as(cookie));
  await post(api, `/api/password?new_password=${encodeURIComponent(NEXT)}`, CHANGE, as(cookie));
  await post(api, '/api/password', CHANGE, as(cookie));
  await api.app.close();
  const { entries } = await readAudit(folder, 100);
  assert.deepEqual(
    entries.slice(2).map(({ who, action, target, outcome }) => [who, action, target, outcome]),
    [
      ['viewer-1', 'POST /api/password', null, 'PASSWORD_WRONG'],
      ['viewer-1', 'POST /api/end-sessions', `session=${other}`, 'ok'],
      ['viewer-1', 'POST /api/password', 'an unknown parameter', 'PARAMETER_INVALID'],
      ['viewer-1', 'POST /api/password', null, 'ok'],
    ],
  );
  const file = readFileSync(join(folder, 'audit.jsonl'), 'utf8');
  for (const secret of [PASSWORD, NEXT, 'wrong one']) {
    for (const form of [secret, encodeURIComponent(secret)]) assert.ok(!file.includes(form));
  }
});

test('a server without a login, or behind a proxy that logs in, keeps no sessions', async () => {
  const proxied = () => ({ kind: 'user', name: 'ann', role: 'viewer', cities: null }) as const;
  await using place = await openPlace({ passwords: false }, { proxied });
  await using open = await openTestApi();
  const cookie = `__Host-isobar=${'a'.repeat(43)}`;
  for (const api of [place.api, open]) {
    const seen = await api.app.inject({ url: '/api/sessions', headers: as(cookie) });
    assert.deepEqual([seen.statusCode, seen.json().code], [404, 'NOT_FOUND']);
    for (const url of ADDRESSES) {
      const answer = await post(api, url, bodyOf(url), as(cookie));
      assert.deepEqual([answer.statusCode, answer.json().code], [404, 'NOT_FOUND']);
    }
  }
});
