/** Tokens of an issuer in the header `Authorization`, beside keys and sessions. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAccess } from '../access/access.ts';
import { openAudit, readAudit } from '../access/audit.ts';
import { makeKey, signToken, startIssuer } from '../access/testing/issuer.ts';
import { openTokens } from '../access/tokens.ts';
import { parseRoleMapping } from '../config/role-mapping.ts';
import { hasRole } from '../model/access.ts';
import { ROUTES, type Route } from './route-table.ts';
import { openTestApi, waitFor } from './testing/api.ts';

const HOST = { host: 'localhost:5000' };
const NEEDED: Readonly<Record<string, string>> = {
  '/api/silence': '?for=1h',
  '/api/acknowledge': '?incident=0123456789abcdef',
  '/api/end-silence': '?silence=s1',
};

async function openPlace() {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-tokens-'));
  const access = openAccess(folder, { idleMs: 3_600_000, longestMs: 36_000_000 });
  const audit = openAudit(folder);
  const key = await makeKey('first');
  const issuer = await startIssuer([key]);
  const tokens = openTokens({
    ...{ issuer: issuer.url, audience: 'isobar', jwksUrl: '', algorithms: ['RS256'] },
    ...{ nameClaim: 'sub', roleClaim: 'groups', maxAgeS: 3_600, clockSkewS: 0, warn: () => {} },
    cityClaim: '',
    authority: null,
    roles: parseRoleMapping('viewer=viewer; operator=operator; admin=admin'),
  });
  const api = await openTestApi({
    observations: [],
    change: (context) => ({ ...context, access: { access, audit, tokens } }),
  });
  const now = Math.floor(Date.now() / 1_000);
  const tokenFor = (group: string, more: object = {}) => {
    const times = { iat: now - 10, exp: now + 600 };
    const claims = { iss: issuer.url, aud: 'isobar', sub: `${group}-1`, groups: [group] };
    return signToken({ ...claims, ...times, ...more }, key);
  };
  const ask = (url: string, token: string, more: object = {}) =>
    api.app.inject({ url, headers: { ...HOST, authorization: `Bearer ${token}` }, ...more });
  return {
    ...{ api, access, issuer, folder, tokenFor, ask, now },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
      access[Symbol.dispose]();
      await audit[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test('every address takes the role of a token as that of a key', async () => {
  await using place = await openPlace();
  for (const role of ['viewer', 'operator', 'admin', 'stranger'] as const) {
    const token = await place.tokenFor(role);
    for (const { method, path, role: needed, sessionOnly } of ROUTES as readonly Route[]) {
      if (path === '/api/events' || needed === null) continue;
      const answer = await place.ask(`${path}${NEEDED[path] ?? ''}`, token, { method });
      const where = `${method} ${path} as ${role}: ${answer.statusCode}`;
      if (role === 'stranger') assert.equal(answer.json().code, 'ROLE_MISSING', where);
      else if (hasRole({ role }, needed) && !sessionOnly)
        assert.notEqual(answer.statusCode, 403, where);
      else assert.equal(answer.json().code, 'ACCESS_DENIED', where);
    }
  }
  const { data } = (await place.ask('/api/session', await place.tokenFor('admin'))).json();
  assert.deepEqual(data.principal, { kind: 'token', name: 'admin-1', role: 'admin', cities: null });
});

test('a token that is not accepted is answered with the reason, and never made good', async () => {
  await using place = await openPlace();
  const { access, ask, tokenFor, now } = place;
  await access.addUser('ann', 'a heron stands in the reeds', 'admin');
  const visitor = { address: '192.0.2.1', agent: '' };
  const { token: session } = await access.login('ann', 'a heron stands in the reeds', visitor);
  const expired = await tokenFor('admin', { exp: now - 1 });
  const headers = {
    ...{ ...HOST, authorization: `Bearer ${expired}` },
    cookie: `__Host-isobar=${session}`,
  };
  const answer = await ask('/api/silences', expired, { headers });
  assert.deepEqual([answer.statusCode, answer.json().code], [401, 'TOKEN_REFUSED']);
  assert.match(answer.json().detail, /expired/);
  assert.match(String(answer.headers['www-authenticate']), /^Bearer .*error="invalid_token"$/);
  assert.equal((await ask('/livez', expired)).statusCode, 200, 'needs none');
  assert.equal((await ask('/api/session', expired)).json().data.principal, null);
  const long = await ask('/api/silences', 'a'.repeat(9_000));
  assert.match(long.json().detail, /more than 8192 characters/);
  for (const wrong of ['a.b.c', 'x', '..', `${await tokenFor('admin')}x`]) {
    assert.equal((await ask('/api/silences', wrong)).json().code, 'TOKEN_REFUSED', wrong);
  }
  const key = await access.addKey('script', 'viewer', null);
  assert.equal((await ask('/api/silences', key)).statusCode, 200, 'keys go on');
  const wrongKey = `isobar_${'a'.repeat(11)}_${'b'.repeat(43)}`;
  assert.equal((await ask('/api/silences', wrongKey)).json().code, 'LOGIN_REQUIRED');
});

test('an issuer that does not answer holds up tokens alone', async () => {
  await using place = await openPlace();
  const { access, ask, issuer, tokenFor } = place;
  const held = Promise.withResolvers<void>();
  issuer.answer = (_, response) => {
    void held.promise.then(() => response.writeHead(500).end());
    return true;
  };
  const waiting = ask('/api/silences', await tokenFor('viewer'));
  const key = await access.addKey('script', 'viewer', null);
  assert.equal((await ask('/api/silences', key)).statusCode, 200);
  assert.equal((await ask('/livez', key)).statusCode, 200);
  held.resolve();
  const answer = await waiting;
  assert.deepEqual([answer.statusCode, answer.json().code], [503, 'ISSUER_UNAVAILABLE']);
  assert.ok(answer.headers['retry-after']);
  assert.ok(!answer.body.includes(issuer.url), 'where it is, is not for everyone');
});

test('what a token changes is noted with its name, and needs no origin', async () => {
  await using place = await openPlace();
  const post = { method: 'POST' };
  const token = await place.tokenFor('operator');
  assert.equal((await place.ask('/api/silence?for=1h&by=x', token, post)).statusCode, 200);
  await waitFor('the entry', async () => {
    const { entries } = await readAudit(place.folder, 10);
    return entries.some(({ who, outcome }) => who === 'operator-1' && outcome === 'ok');
  });
  const [silence] = place.api.alertStore.silences(place.api.now.getTime());
  assert.equal(silence?.by, 'operator-1');
});
