/** Logins, keys and roles: every address by every role, and what attackers send. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAudit } from '../access/audit.ts';
import { ACCESS_ROLES, type AccessRole, hasRole } from '../model/access.ts';
import { ROUTES, type Route } from './route-table.ts';
import { cookieOf, ORIGIN, openPlace, PASSWORD, post } from './testing/access-place.ts';
import { openTestApi } from './testing/api.ts';

/** What addresses need beside a login. */
const NEEDED: Readonly<Record<string, string>> = {
  '/api/anomalies': '?limit=1',
  '/api/series': '?variable=temperature_c',
  '/api/silence': '?for=1h',
  '/api/acknowledge': '?incident=0123456789abcdef',
  '/api/end-silence': '?silence=s1',
};

test('every address asks for its role, by session and by key, in every form', async () => {
  await using place = await openPlace();
  const { api, access } = place;
  type Credential = readonly [role: AccessRole | null, isKey: boolean, headers: object];
  const credentials: Credential[] = [[null, false, {}]];
  for (const role of ACCESS_ROLES) {
    credentials.push([role, false, { cookie: await place.login(`${role}-1`) }]);
    const key = await access.addKey(`key-${role}`, role, null);
    credentials.push([role, true, { authorization: `Bearer ${key}` }]);
  }
  let cells = 0;
  for (const { method, path, role: needed, query, sessionOnly } of ROUTES as readonly Route[]) {
    if (path === '/api/login' || path === '/api/logout' || path === '/api/events') continue;
    const forms = 'format' in query.properties ? ['json', 'csv', 'parquet'] : [''];
    const methods = method === 'GET' ? (['GET', 'HEAD'] as const) : (['POST'] as const);
    for (const [role, isKey, headers] of credentials) {
      for (const form of forms) {
        for (const one of methods) {
          const sign = NEEDED[path] === undefined ? '?' : '&';
          const url = `${path}${NEEDED[path] ?? ''}${form === '' ? '' : `${sign}format=${form}`}`;
          const answer = await api.app.inject({
            method: one,
            url,
            headers: { ...ORIGIN, ...headers },
          });
          const mayAsk = role !== null && needed !== null && hasRole({ role }, needed);
          const isAllowed = needed === null || (mayAsk && !(sessionOnly && isKey));
          const expected = isAllowed ? null : role === null ? 401 : 403;
          const { statusCode } = answer;
          const where = `${one} ${url} as ${role}: ${statusCode}`;
          if (expected === null) assert.ok(statusCode !== 401 && statusCode !== 403, where);
          else assert.equal(statusCode, expected, where);
          if (expected === 401) assert.match(String(answer.headers['www-authenticate']), /^Bearer/);
          cells += 1;
        }
      }
    }
  }
  assert.ok(cells > 500, `${cells} cells`);
});

test('a login sets a cookie that only this server gets, and a logout takes it away', async () => {
  await using place = await openPlace();
  const { api } = place;
  const answer = await post(api, '/api/login', { name: 'viewer-1', password: PASSWORD });
  assert.match(
    String(answer.headers['set-cookie']),
    /^__Host-isobar=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
  );
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['clear-site-data'], undefined);
  const cookie = cookieOf(answer.headers['set-cookie']);
  const who = async () =>
    (await api.app.inject({ url: '/api/session', headers: { cookie } })).json().data;
  const principal = { kind: 'user', name: 'viewer-1', role: 'viewer', cities: null };
  const page = { login: 'local', passwords: true, start: null, label: '', next: null };
  assert.deepEqual(await who(), { ...page, principal });
  const out = await post(api, '/api/logout', '', { ...ORIGIN, cookie });
  assert.match(String(out.headers['set-cookie']), /^__Host-isobar=; Max-Age=0;/);
  assert.equal(out.headers['clear-site-data'], '"cache"');
  assert.deepEqual(await who(), { ...page, principal: null });
});

test('a login replaces the session that the browser had', async () => {
  await using place = await openPlace();
  const { api } = place;
  const before = await place.login('viewer-1');
  const body = { name: 'admin-1', password: PASSWORD };
  const answer = await post(api, '/api/login', body, { ...ORIGIN, cookie: before });
  assert.notEqual(cookieOf(answer.headers['set-cookie']), before);
  const old = await api.app.inject({ url: '/api/cities', headers: { cookie: before } });
  assert.equal(old.statusCode, 401);
});

test('wrong logins, bodies, cookies and keys are refused as what they are', async () => {
  await using place = await openPlace();
  const { api } = place;
  const wrong = await post(api, '/api/login', { name: 'viewer-1', password: 'wrong' });
  assert.deepEqual([wrong.statusCode, wrong.json().code], [401, 'LOGIN_REFUSED']);
  for (const body of [
    '',
    'null',
    '[]',
    '{"name":1,"password":"x"}',
    '{"name":"a"}',
    '{',
    '{"__proto__":{}}',
  ]) {
    const answer = await post(api, '/api/login', body);
    assert.equal(answer.statusCode, 400, body);
  }
  const long = (characters: number) =>
    post(api, '/api/login', { name: 'a', password: 'x'.repeat(characters) });
  assert.equal((await long(5_000)).statusCode, 400);
  assert.equal((await long(20_000)).statusCode, 413);
  const form = { ...ORIGIN, 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await post(api, '/api/login', 'name=a&password=b', form)).statusCode, 400);
  for (const headers of [
    { cookie: '__Host-isobar=' },
    { cookie: `__Host-isobar=${'a'.repeat(43)}` },
    { cookie: `isobar=${'a'.repeat(43)}` },
    { cookie: `__Host-isobar=${"' OR 1=1 --".padEnd(43, 'x')}` },
    { authorization: 'Bearer ' },
    { authorization: `Bearer isobar_${'a'.repeat(11)}_${'b'.repeat(43)}` },
    { authorization: 'Basic YWRtaW4tMTpwYXNzd29yZA==' },
  ]) {
    const answer = await api.app.inject({ url: '/api/cities', headers });
    assert.equal(answer.statusCode, 401, JSON.stringify(headers));
  }
  // A wrong key is not made good by a right session.
  const cookie = await place.login('admin-1');
  const both = { cookie, authorization: 'Bearer wrong' };
  assert.equal((await api.app.inject({ url: '/api/cities', headers: both })).statusCode, 401);
});

test('many wrong logins have to wait, and are told for how long', async () => {
  await using place = await openPlace();
  const { api } = place;
  const guess = () => post(api, '/api/login', { name: 'viewer-1', password: 'wrong' });
  for (let tries = 0; tries < 6; tries += 1) assert.equal((await guess()).statusCode, 401);
  const delayed = await guess();
  assert.deepEqual([delayed.statusCode, delayed.headers['retry-after']], [429, '1']);
});

test('another site can neither log a browser in or out, nor change anything', async () => {
  await using place = await openPlace();
  const { api } = place;
  const cookie = await place.login('operator-1');
  for (const headers of [
    { origin: 'https://evil.example', host: 'localhost:5000' },
    { ...ORIGIN, 'sec-fetch-site': 'cross-site' },
    { ...ORIGIN, 'sec-fetch-site': 'same-site' },
    { origin: 'null', host: 'localhost:5000' },
  ]) {
    for (const url of ['/api/login', '/api/logout', '/api/silence?for=1h', '/api/pause']) {
      const body = url === '/api/login' ? { name: 'admin-1', password: PASSWORD } : '';
      const answer = await post(api, url, body, { ...headers, cookie });
      assert.equal(answer.statusCode, 403, `${url} ${JSON.stringify(headers)}`);
      assert.equal(answer.headers['set-cookie'], undefined);
    }
  }
  const unnamed = await post(api, '/api/silence?for=1h', '', { host: 'localhost:5000', cookie });
  assert.equal(unnamed.statusCode, 403, 'a session without an origin');
  const key = await place.access.addKey('script', 'operator', null);
  const script = { host: 'localhost:5000', authorization: `Bearer ${key}` };
  assert.equal((await post(api, '/api/silence?for=1h', '', script)).statusCode, 200);
});

test('logins and changes are noted with who, from where and the outcome', async () => {
  await using place = await openPlace();
  const { api, folder } = place;
  const cookie = await place.login('operator-1');
  await post(api, '/api/login', { name: 'operator-1', password: 'wrong' });
  await post(api, '/api/silence?for=1h&by=another', '', { ...ORIGIN, cookie });
  const viewer = await place.login('viewer-1');
  await post(api, '/api/silence?for=1h', '', { ...ORIGIN, cookie: viewer });
  await post(api, '/api/logout', '', { ...ORIGIN, cookie });
  await api.app.close();
  const { entries } = await readAudit(folder, 100);
  assert.deepEqual(
    entries.map(({ who, action, outcome }) => [who, action, outcome]),
    [
      ['operator-1', 'login', 'ok'],
      ['operator-1', 'login', 'LOGIN_REFUSED'],
      ['operator-1', 'POST /api/silence', 'ok'],
      ['viewer-1', 'login', 'ok'],
      ['viewer-1', 'POST /api/silence', 'ACCESS_DENIED'],
      ['operator-1', 'logout', 'ok'],
    ],
  );
  assert.ok(entries.every(({ from }) => from === '127.0.0.1'));
  assert.ok(!JSON.stringify(entries).includes(PASSWORD));
  const [silence] = api.alertStore.silences(api.now.getTime());
  assert.equal(silence?.by, 'operator-1', 'never a name that the request chose');
});

test('wrong keys and what a role may not see are noted, and a page without a login is not', async () => {
  await using place = await openPlace();
  const { api, access, folder } = place;
  const key = await access.addKey('partner', 'viewer', null, ['oslo']);
  for (const headers of [
    {},
    { cookie: `__Host-isobar=${'a'.repeat(43)}` },
    { authorization: `Bearer isobar_${'a'.repeat(11)}_${'b'.repeat(43)}` },
    { authorization: `Bearer ${key}` },
    { host: 'evil.example' },
  ]) {
    const answer = await api.app.inject({ url: '/api/status?x=secret', headers });
    assert.ok(answer.statusCode >= 400);
  }
  await api.app.close();
  await place.audit[Symbol.asyncDispose]();
  const { entries } = await readAudit(folder, 100);
  assert.deepEqual(
    entries.map(({ who, action, outcome }) => [who, action, outcome]),
    [
      [null, 'GET /api/status', 'LOGIN_REQUIRED'],
      ['partner', 'GET /api/status', 'ACCESS_DENIED'],
      [null, 'GET /api/status', 'REQUEST_REFUSED'],
    ],
  );
  assert.ok(!JSON.stringify(entries).includes('secret'));
});

test('refused parameters are noted with who sent them: their names, and no value', async () => {
  await using place = await openPlace();
  const { api, access, folder } = place;
  const key = await access.addKey('partner', 'operator', null);
  const authorization = `Bearer ${key}`;
  for (const [method, url] of [
    ['GET', '/api/anomalies?city=oslo&from=a-secret'],
    ['GET', '/api/cities?a-secret=1'],
    ['GET', `/api/cities?${key}`],
    ['POST', '/api/silence?for=a-secret&city=oslo'],
    ['POST', `/api/silence?for=30m&${key}=a-secret`],
  ] as const) {
    const answer = await api.app.inject({ method, url, headers: { authorization } });
    assert.equal(answer.statusCode, 400, url);
  }
  const wrongBody = await post(api, '/api/login', { name: 'a-secret' }, ORIGIN);
  assert.equal(wrongBody.statusCode, 400);
  const anyone = await api.app.inject('/api/session?a-secret=1');
  assert.equal(anyone.statusCode, 400);
  await api.app.close();
  await place.audit[Symbol.asyncDispose]();
  const { entries } = await readAudit(folder, 100);
  const unknown = 'an unknown parameter';
  assert.deepEqual(
    entries.map(({ who, from, action, target, outcome }) => [who, from, action, target, outcome]),
    [
      ['partner', 'GET /api/anomalies', 'from', 'PARAMETER_INVALID'],
      ['partner', 'GET /api/cities', unknown, 'PARAMETER_INVALID'],
      ['partner', 'GET /api/cities', unknown, 'PARAMETER_INVALID'],
      ['partner', 'POST /api/silence', 'for', 'PARAMETER_INVALID'],
      ['partner', 'POST /api/silence', unknown, 'PARAMETER_INVALID'],
      [null, 'POST /api/login', null, 'REQUEST_INVALID'],
      [null, 'GET /api/session', unknown, 'PARAMETER_INVALID'],
    ].map(([who, ...rest]) => [who, '127.0.0.1', ...rest]),
  );
  assert.ok(!/a-secret|isobar_/.test(JSON.stringify(entries)));
});

test('checks of an orchestrator need no login and say no more than they have to', async () => {
  await using place = await openPlace();
  const { api } = place;
  const { body } = await api.app.inject('/readyz');
  assert.deepEqual([JSON.parse(body).checks, JSON.parse(body).problems], [[], []]);
  const cookie = await place.login('viewer-1');
  const full = await api.app.inject({ url: '/readyz', headers: { cookie } });
  assert.ok(full.json().checks.length > 0);
});

test('a server without a login is open, and has no login to offer', async () => {
  await using api = await openTestApi();
  const { data } = (await api.app.inject('/api/session')).json();
  assert.equal(data.login, 'none');
  assert.deepEqual(data.principal, { kind: 'open', name: '', role: 'admin', cities: null });
  const answer = await post(api, '/api/login', { name: 'a', password: 'b' });
  assert.equal(answer.statusCode, 404);
});
