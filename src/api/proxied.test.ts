/** A login that a proxy passes on: believed from its address alone, whatever others send. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { openAccess } from '../access/access.ts';
import { openAudit, readAudit } from '../access/audit.ts';
import { openProxiedLogin, type ProxyRules } from '../access/proxied.ts';
import { parseRoleMapping } from '../config/role-mapping.ts';
import { parseTrustedProxies } from '../config/trusted-proxies.ts';
import { openTestApi, waitFor } from './testing/api.ts';

const HOST = { host: 'localhost:5000' };
const ORIGIN = { ...HOST, origin: 'http://localhost:5000' };
const RULES: ProxyRules = {
  addresses: parseTrustedProxies('127.0.0.1, 10.1.0.0/16, ::1'),
  userHeader: 'X-Forwarded-User',
  roleHeader: 'x-forwarded-groups',
  role: 'viewer',
  cityHeader: null,
  roles: parseRoleMapping('admins=admin; ops=operator; staff=viewer'),
};

async function openPlace(rules: Partial<ProxyRules> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-proxied-'));
  const access = openAccess(folder, { idleMs: 3_600_000, longestMs: 36_000_000, passwords: false });
  const audit = openAudit(folder);
  const proxied = openProxiedLogin({ ...RULES, ...rules });
  const api = await openTestApi({
    observations: [],
    change: (context) => ({
      ...context,
      // What it says of the visitor is not what counts.
      config: { ...context.config, trusted_proxies: '127.0.0.1' },
      access: { access, audit, proxied },
    }),
  });
  const ask = (headers: object, more: object = {}) =>
    api.app.inject({ url: '/api/silences', headers: { ...HOST, ...headers }, ...more });
  return {
    ...{ api, access, folder, ask },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      access[Symbol.dispose]();
      await audit[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const ann = { 'x-forwarded-user': 'ann', 'x-forwarded-groups': 'other, ops' };

test('the header of a listed address is the login, with the role of the groups', async () => {
  await using place = await openPlace();
  assert.equal((await place.ask(ann)).statusCode, 200);
  const session = await place.ask(ann, { url: '/api/session' });
  assert.deepEqual(session.json().data, {
    ...{ login: 'proxy', passwords: false, start: '.', label: '', next: null },
    principal: { kind: 'user', name: 'ann', role: 'operator', cities: null },
  });
  for (const headers of [{}, { 'x-forwarded-user': '' }]) {
    assert.equal((await place.ask(headers)).json().code, 'LOGIN_REQUIRED');
  }
  const utf8 = Buffer.from('Jürgen', 'utf8').toString('latin1');
  const named = await place.ask({ ...ann, 'x-forwarded-user': utf8 }, { url: '/api/session' });
  assert.equal(named.json().data.principal.name, 'Jürgen');
  await using plain = await openPlace({ roleHeader: null, role: 'admin' });
  const all = await plain.ask({ 'x-forwarded-user': 'ben' }, { url: '/api/session' });
  assert.equal(all.json().data.principal.role, 'admin');
});

test('the cities are those of the header, and none are all unless it says so', async () => {
  await using place = await openPlace({ cityHeader: 'x-cities' });
  const ask = (cities: object) =>
    place.ask({ ...ann, ...cities }, { url: '/api/session' }).then((answer) => answer.json());
  const seen = async (cities: string) => (await ask({ 'x-cities': cities })).data.principal?.cities;
  assert.deepEqual(await seen('oslo, country:no'), ['country:NO', 'oslo']);
  assert.equal(await seen('all'), null);
  for (const cities of [{}, { 'x-cities': '' }, { 'x-cities': 'Oslo;' }]) {
    assert.equal((await ask(cities)).data.principal, null, JSON.stringify(cities));
    assert.equal((await place.ask({ ...ann, ...cities })).json().code, 'ROLE_MISSING');
  }
  const forged = await place.ask({ 'x-cities': 'all' }, { remoteAddress: '192.0.2.1' });
  assert.equal(forged.json().code, 'PROXY_UNTRUSTED');
});

test('the header of any other address is refused by name, never ignored', async () => {
  await using place = await openPlace();
  const key = await place.access.addKey('script', 'admin', null);
  for (const remoteAddress of ['192.0.2.1', '10.2.0.1', '::ffff:192.0.2.1', 'fe80::1']) {
    for (const headers of [
      ann,
      { 'x-forwarded-user': '' },
      { 'x-forwarded-groups': 'admins' },
      { ...ann, 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1' },
      { ...ann, authorization: `Bearer ${key}` },
    ]) {
      for (const url of ['/api/silences', '/api/session', '/livez']) {
        const answer = await place.ask(headers, { remoteAddress, url });
        assert.deepEqual([answer.statusCode, answer.json().code], [403, 'PROXY_UNTRUSTED']);
        assert.match(answer.json().detail, /x-forwarded-(user|groups) came from/);
      }
    }
    const script = { authorization: `Bearer ${key}` };
    assert.equal((await place.ask(script, { remoteAddress })).statusCode, 200, 'a key alone');
  }
  for (const remoteAddress of ['10.1.2.3', '::1', '::ffff:10.1.2.3']) {
    // Whoever the proxy says has asked it, is not the one at the other end.
    const answer = await place.ask({ ...ann, 'x-forwarded-for': '192.0.2.1' }, { remoteAddress });
    assert.equal(answer.statusCode, 200, remoteAddress);
  }
});

test('a name that the visitor added to that of the proxy is not believed', async () => {
  await using place = await openPlace();
  const url = new URL(await place.api.app.listen({ host: '127.0.0.1', port: 0 }));
  const lines = (...headers: readonly string[]) =>
    `GET /api/silences HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers.join('\r\n')}\r\n\r\n`;
  for (const [headers, status] of [
    [['X-Forwarded-User: ann', 'X-Forwarded-Groups: ops'], 200],
    [['X-Forwarded-User: root', 'X-Forwarded-User: ann', 'X-Forwarded-Groups: ops'], 403],
    [['X-Forwarded-User: root, ann', 'X-Forwarded-Groups: ops'], 403],
    [['X-Forwarded-User: ann', 'x-forwarded-groups: admins', 'X-Forwarded-Groups: ops'], 403],
    [['X-Forwarded-User: a\tb', 'X-Forwarded-Groups: ops'], 403],
    [['X_Forwarded_User: root', 'X-Forwarded-Groups: ops'], 401],
    [['X-Forwarded-User: ann'], 403],
    [['X-Forwarded-User: ann', 'X-Forwarded-Groups: nothing'], 403],
  ] as const) {
    const socket = connect(Number(url.port), '127.0.0.1');
    socket.end(lines(...headers));
    const answer = await text(socket);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), headers.join(' | '));
  }
});

test('changes need the origin of this page; keys and what the proxy asked for go on', async () => {
  await using place = await openPlace();
  const post = { method: 'POST', url: '/api/silence?for=1h' } as const;
  assert.equal((await place.ask(ann, post)).json().code, 'REQUEST_REFUSED');
  const foreign = { ...ann, origin: 'https://evil.example' };
  assert.equal((await place.ask(foreign, post)).json().code, 'REQUEST_REFUSED');
  assert.equal((await place.ask({ ...ORIGIN, ...ann }, post)).statusCode, 200);
  const viewer = { ...ann, 'x-forwarded-groups': 'staff' };
  assert.equal((await place.ask({ ...ORIGIN, ...viewer }, post)).json().code, 'ACCESS_DENIED');
  // nginx passes on what it has asked the browser for.
  const basic = { ...ann, authorization: 'Basic YW5uOnBhc3N3b3Jk' };
  assert.equal((await place.ask(basic)).statusCode, 200);
  const key = await place.access.addKey('script', 'viewer', null);
  const both = await place.ask({ ...ann, authorization: `Bearer ${key}` }, { url: '/api/session' });
  assert.equal(both.json().data.principal.name, 'script');
  const wrong = { ...ann, authorization: `Bearer isobar_${'a'.repeat(11)}_${'b'.repeat(43)}` };
  assert.equal((await place.ask(wrong)).statusCode, 401);
  const json = { 'content-type': 'application/json' };
  const login = { method: 'POST', url: '/api/login', payload: '{"name":"a","password":"b"}' };
  assert.equal((await place.ask({ ...ORIGIN, ...ann, ...json }, login)).statusCode, 404);
  // It is written after the answer.
  await waitFor('the entry', async () => {
    const { entries } = await readAudit(place.folder, 10);
    return entries.some(({ who, outcome }) => who === 'ann' && outcome === 'ok');
  });
});

test('a session from before does not count where a proxy says who asks', async () => {
  await using place = await openPlace();
  const visitor = { address: '192.0.2.1', agent: '' };
  await place.access.addUser('ben', 'a heron stands in the reeds', 'admin');
  const { token } = await place.access.login('ben', 'a heron stands in the reeds', visitor);
  const answer = await place.ask({ cookie: `__Host-isobar=${token}` });
  assert.equal(answer.json().code, 'LOGIN_REQUIRED');
});

test('headers of any form end in a role that is mapped, or in a refusal', () => {
  const login = openProxiedLogin(RULES);
  const value = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('ops', 'ann'));
  const name = fc.constantFrom('X-Forwarded-User', 'x-forwarded-groups', 'X-FORWARDED-USER', 'a');
  const headers = fc.array(fc.tuple(name, value), { maxLength: 4 }).map((pairs) => pairs.flat());
  const peer = fc.constantFrom(undefined, '127.0.0.1', '192.0.2.1', '', '127.0.0.1, 192.0.2.1');
  fc.assert(
    fc.property(peer, headers, (address, raw) => {
      try {
        const principal = login(address, raw);
        if (principal === null) return;
        assert.equal(address, '127.0.0.1');
        assert.match(principal.name, /^[^\p{C},]{1,128}$/u);
      } catch (error) {
        assert.match((error as { code: string }).code, /^(PROXY_UNTRUSTED|ROLE_MISSING)$/);
      }
    }),
    { numRuns: 500 },
  );
});
