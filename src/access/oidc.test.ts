/** What a provider may answer to a login, and what of it is refused. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { JWTPayload } from 'jose';
import { rejects } from '../../test/support/rejects.ts';
import { parseRoleMapping } from '../config/role-mapping.ts';
import { type OidcOptions, openSingleSignOn } from './oidc.ts';
import { issuerOfFile, makeKey, signToken } from './testing/issuer.ts';

const CALLBACK = 'https://weather.example/api/oidc/callback';
const EVENT = { 'http://schemas.openid.net/event/backchannel-logout': {} };

const {
  issuer,
  keys: [key],
} = await issuerOfFile('first');

function open(more: Partial<OidcOptions> = {}) {
  return openSingleSignOn({
    ...{ issuer: issuer.url, clientId: 'isobar', clientSecret: 'secret', scopes: 'openid' },
    ...{ nameClaim: 'preferred_username', roleClaim: 'groups', clockSkewS: 5, warn: () => {} },
    ...{ cityClaim: 'cities', requireLogoutType: false, authority: null },
    roles: parseRoleMapping('weather=operator'),
    ticketKey: randomBytes(32),
    ...more,
  });
}

/** Claims of an ID token that fits the login whose address this is. */
function claimsFor(url: string, more: JWTPayload = {}): JWTPayload {
  const now = Math.floor(Date.now() / 1_000);
  const nonce = new URL(url).searchParams.get('nonce');
  return {
    ...{ iss: issuer.url, aud: 'isobar', sub: 'user-1', iat: now, exp: now + 60, nonce },
    ...{ preferred_username: 'ann', groups: ['weather'], cities: ['oslo', 'tag:coast'] },
    ...more,
  };
}

/** The browser comes back with a code, and the provider answers with this ID token. */
async function come(
  single: ReturnType<typeof open>,
  answer: (url: string) => string | Promise<string>,
) {
  const { url, ticket } = await single.begin(CALLBACK, '/');
  issuer.idToken = await answer(url);
  const state = new URL(url).searchParams.get('state') ?? '';
  return single.finish(`?code=c&state=${state}`, ticket);
}

test('a login asks for a code by PKCE with a state and a nonce of its own', async () => {
  const single = open();
  const urls = await Promise.all([1, 2].map(async () => (await single.begin(CALLBACK, '/')).url));
  const seen = urls.map((url) => Object.fromEntries(new URL(url).searchParams));
  for (const parameters of seen) {
    assert.equal(parameters.response_type, 'code');
    assert.equal(parameters.code_challenge_method, 'S256');
    assert.equal(parameters.redirect_uri, CALLBACK);
    for (const name of ['state', 'nonce', 'code_challenge'] as const) {
      assert.match(parameters[name] ?? '', /^[\w-]{43}$/, name);
    }
  }
  for (const name of ['state', 'nonce', 'code_challenge'] as const) {
    assert.notEqual(seen[0]?.[name], seen[1]?.[name], name);
  }
});

test('an ID token that fits is taken, and no other', async () => {
  const single = open();
  const { identity } = await come(single, (url) => signToken(claimsFor(url), key));
  const { name, role, subject, cities } = identity;
  assert.deepEqual([name, role, subject], ['ann', 'operator', 'user-1']);
  assert.deepEqual(cities, ['oslo', 'tag:coast']);
  const now = Math.floor(Date.now() / 1_000);
  const own = await makeKey('first');
  const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = (url: string, header: object, sign: (text: string) => string) => {
    const text = `${base64url(header)}.${base64url(claimsFor(url))}`;
    return `${text}.${sign(text)}`;
  };
  const hmac = (text: string) =>
    createHmac('sha256', key.publicPem).update(text).digest('base64url');
  const by = (more: JWTPayload) => (url: string) => signToken(claimsFor(url, more), key);
  for (const [what, answer] of Object.entries({
    'another nonce': by({ nonce: 'x'.repeat(43) }),
    'no nonce': by({ nonce: undefined }),
    'another issuer': by({ iss: 'https://evil.example' }),
    'another audience': by({ aud: 'another' }),
    'several audiences, without azp': by({ aud: ['isobar', 'another'] }),
    'another authorized party': by({ aud: ['isobar', 'another'], azp: 'another' }),
    expired: by({ iat: now - 700, exp: now - 600 }),
    'not valid yet': by({ nbf: now + 600 }),
    'without a subject': by({ sub: undefined as never }),
    'a key of its own': (url: string) => signToken(claimsFor(url), own),
    'alg none': (url: string) => unsigned(url, { alg: 'none' }, () => ''),
    'HS256 with the public key': (url: string) => unsigned(url, { alg: 'HS256' }, hmac),
    'HS256 with the client secret': (url: string) =>
      unsigned(url, { alg: 'HS256' }, (text) =>
        createHmac('sha256', 'secret').update(text).digest('base64url'),
      ),
    nonsense: () => 'a.b.c',
    nothing: () => '',
  })) {
    const error = await rejects(come(single, answer), 'SIGN_ON_FAILED');
    assert.match(error.message, /^the answer of the provider is not valid/, what);
  }
  await come(single, (url) => signToken(claimsFor(url, { iat: now + 3, exp: now - 3 }), key));
});

test('a ticket is of no use later, on another server, changed, or with another state', async () => {
  let now = Date.now();
  const clock = () => new Date(now);
  const [single, other] = [open({ clock }), open({ clock })];
  const { url, ticket } = await single.begin(CALLBACK, '/');
  issuer.idToken = await signToken(claimsFor(url), key);
  const state = new URL(url).searchParams.get('state') ?? '';
  const right = `?code=c&state=${state}`;
  for (const [query, sealed, where] of [
    [right, '', single],
    [right, 'x', single],
    [right, `${ticket.slice(0, -2)}AA`, single],
    [right, 'x'.repeat(10_000), single],
    [right, ticket, other],
    ['?code=c', ticket, single],
    [`?code=c&state=${state}x`, ticket, single],
    [`?code=c&state=${state.toLowerCase()}`, ticket, single],
    [`?code=c&state=${state}&state=${state}`, ticket, single],
  ] as const) {
    const error = await rejects(where.finish(query, sealed), 'SIGN_ON_FAILED');
    assert.equal(error.details.begun, false);
  }
  now += 601_000;
  await rejects(single.finish(right, ticket), 'SIGN_ON_FAILED');
  now -= 601_000;
  assert.equal((await single.finish(right, ticket)).to, '/');
});

test('groups that the ID token lacks are asked of the provider, for the same user only', async () => {
  const warnings: string[] = [];
  const users = [
    { sub: 'user-1', groups: ['weather'] },
    { sub: 'user-2', groups: ['weather'] },
  ];
  try {
    for (const user of users) {
      issuer.answer = ({ url }, response) => {
        const json = { 'content-type': 'application/json' };
        if (url === '/me') {
          response.writeHead(200, json).end(JSON.stringify(user));
          return true;
        }
        if (url !== '/.well-known/openid-configuration') return false;
        const document = {
          ...{
            issuer: issuer.url,
            jwks_uri: `${issuer.url}/jwks`,
            userinfo_endpoint: `${issuer.url}/me`,
          },
          ...{
            authorization_endpoint: `${issuer.url}/auth`,
            token_endpoint: `${issuer.url}/token`,
          },
        };
        response.writeHead(200, json).end(JSON.stringify(document));
        return true;
      };
      const single = open({ warn: (text) => warnings.push(text) });
      const login = come(single, (url) => signToken(claimsFor(url, { groups: undefined }), key));
      if (user.sub === 'user-1') assert.equal((await login).identity.role, 'operator');
      else await rejects(login, 'SIGN_ON_FAILED');
    }
  } finally {
    issuer.answer = null;
  }
  assert.equal(warnings.length, 1);
});

test('a provider that fails is named without its words, and asked again after a while', async () => {
  let calls = 0;
  const warnings: string[] = [];
  const single = open({ warn: (text) => warnings.push(text) });
  try {
    issuer.answer = (_, response) => {
      calls += 1;
      response.writeHead(500).end('<b>stack trace</b>');
      return true;
    };
    for (let at = 0; at < 5; at += 1)
      await rejects(single.begin(CALLBACK, '/'), 'ISSUER_UNAVAILABLE');
    assert.deepEqual([calls, warnings.length], [1, 1]);
    issuer.answer = null;
    const { url, ticket } = await open({ ...{ ticketKey: Buffer.alloc(32) } }).begin(CALLBACK, '/');
    const state = new URL(url).searchParams.get('state');
    for (const [reply, code, message] of [
      [
        { status: 400, body: '{"error":"invalid_grant","error_description":"<i>"}' },
        'SIGN_ON_FAILED',
        /answered invalid_grant$/,
      ],
      [
        { status: 401, body: '{"error":"invalid_client"}' },
        'SIGN_ON_FAILED',
        /answered invalid_client$/,
      ],
      [{ status: 500, body: 'stack trace' }, 'ISSUER_UNAVAILABLE', /cannot be used/],
      [{ status: 200, body: 'x'.repeat(300_000) }, 'ISSUER_UNAVAILABLE', /more than/],
    ] as const) {
      issuer.answer = ({ url: path }, response) => {
        if (path !== '/token') return false;
        response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.body);
        return true;
      };
      const again = open({ ticketKey: Buffer.alloc(32) });
      const error = await rejects(again.finish(`?code=c&state=${state}`, ticket), code);
      assert.match(error.message, message);
    }
  } finally {
    issuer.answer = null;
  }
});

test('only a logout token of the provider ends sessions, once', async () => {
  const single = open();
  const now = Math.floor(Date.now() / 1_000);
  const made = (more: JWTPayload = {}, by = key) => {
    const claims = { iss: issuer.url, aud: 'isobar', iat: now, exp: now + 60, events: EVENT };
    const jti = randomBytes(8).toString('hex');
    return signToken({ ...claims, jti, sub: 'user-1', sid: 's-1', ...more }, by);
  };
  const right = await made();
  assert.deepEqual(await single.ended(right), { subject: 'user-1', providerSession: 's-1' });
  await rejects(single.ended(right), 'TOKEN_REFUSED');
  for (const wrong of [
    { aud: 'another' },
    { iss: 'https://evil.example' },
    { nonce: 'x' },
    { events: {} },
    { events: undefined },
    { jti: undefined as never },
    { iat: now - 400, exp: now + 60 },
    { sub: undefined as never, sid: undefined },
  ]) {
    await rejects(single.ended(await made(wrong)), 'TOKEN_REFUSED');
  }
  await rejects(single.ended(await made({}, await makeKey('first'))), 'TOKEN_REFUSED');
  await rejects(single.ended(''), 'TOKEN_REFUSED');
  await rejects(single.ended('x'.repeat(20_000)), 'TOKEN_REFUSED');
});

test('a logout token of another type is refused, and one without where a type is asked for', async () => {
  const [lenient, strict] = [open(), open({ requireLogoutType: true })];
  const now = Math.floor(Date.now() / 1_000);
  const made = (typ: string | undefined) => {
    const claims = { iss: issuer.url, aud: 'isobar', iat: now, exp: now + 60, events: EVENT };
    const jti = randomBytes(8).toString('hex');
    const header = typ === undefined ? {} : { typ };
    return signToken({ ...claims, jti, sub: 'user-1' }, key, header);
  };
  const ended = { subject: 'user-1', providerSession: null };
  for (const typ of ['logout+jwt', 'Logout+JWT', 'application/logout+jwt']) {
    assert.deepEqual(await lenient.ended(await made(typ)), ended, typ);
    assert.deepEqual(await strict.ended(await made(typ)), ended, typ);
  }
  for (const typ of [undefined, 'JWT', 'jwt']) {
    assert.deepEqual(await lenient.ended(await made(typ)), ended, typ);
    const error = await rejects(strict.ended(await made(typ)), 'TOKEN_REFUSED');
    assert.match(error.message, /its header typ is not that of a logout token/);
  }
  for (const typ of ['at+jwt', 'secevent+jwt', '', 'logout']) {
    await rejects(lenient.ended(await made(typ)), 'TOKEN_REFUSED');
    await rejects(strict.ended(await made(typ)), 'TOKEN_REFUSED');
  }
});
