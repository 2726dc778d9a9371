/** Tokens of an issuer: which are accepted, and what attackers send instead. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JWTPayload } from 'jose';
import { rejects } from '../../test/support/rejects.ts';
import { parseRoleMapping } from '../config/role-mapping.ts';
import type { KeyTimes } from './issuer-keys.ts';
import { issuerOfFile, makeKey, type SigningKey, signToken } from './testing/issuer.ts';
import { openTokens, TOKEN_CHARACTERS_MAX, type TokenOptions } from './tokens.ts';

const NOW = Date.UTC(2026, 10, 30) / 1_000;
const ROLES = parseRoleMapping('weather-admins=admin; weather=operator; staff=viewer');

const {
  issuer,
  keys: [key, other],
} = await issuerOfFile('first', 'second');

/** Each test has keys of its own, so that one does not cool down for another. */
function open(times: Partial<KeyTimes> = {}, more: Partial<TokenOptions> = {}) {
  return openTokens({
    ...{ issuer: issuer.url, audience: 'isobar', jwksUrl: '', algorithms: ['RS256', 'ES256'] },
    ...{ nameClaim: 'client_id', roleClaim: 'realm_access.roles', roles: ROLES },
    ...{ maxAgeS: 3_600, clockSkewS: 30, cityClaim: '', authority: null, warn: () => {} },
    clock: () => new Date(NOW * 1_000),
    times,
    ...more,
  });
}

const claims = (more: JWTPayload = {}): JWTPayload => ({
  ...{ iss: issuer.url, aud: 'isobar', sub: 'service-1', client_id: 'exporter' },
  ...{ iat: NOW - 60, exp: NOW + 240, realm_access: { roles: ['offline', 'weather', 'staff'] } },
  ...more,
});

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token of the issuer has the highest role of its groups, and the name it gives', async () => {
  const tokens = open();
  assert.deepEqual(await tokens.verify(await signToken(claims(), key)), {
    ...{ kind: 'token', name: 'exporter', role: 'operator', cities: null },
  });
  const { client_id: _, ...nameless } = claims();
  assert.equal((await tokens.verify(await signToken(nameless, key))).name, 'service-1');
  const scopes = open({}, { roleClaim: 'scope' });
  const scoped = await signToken(claims({ scope: 'openid weather-admins' }), key);
  assert.equal((await scopes.verify(scoped)).role, 'admin');
});

test('claims that do not fit are refused by their name', async () => {
  const tokens = open();
  const { exp: _, ...endless } = claims();
  const { iat: __, ...ageless } = claims();
  for (const [wrong, reason] of [
    [claims({ iss: 'https://evil.example' }), /claim iss/],
    [claims({ aud: 'another' }), /claim aud/],
    [claims({ aud: ['another', 'isobar2'] }), /claim aud/],
    [claims({ exp: NOW - 31 }), /expired/],
    [claims({ nbf: NOW + 31 }), /claim nbf/],
    [claims({ iat: NOW + 31 }), /claim iat/],
    [claims({ iat: NOW - 3_631, exp: NOW + 9_999_999 }), /expired|claim iat/],
    [claims({ exp: 'soon' as never }), /claim exp/],
    [endless, /claim exp/],
    [ageless, /claim iat/],
    [claims({ cnf: { jkt: 'x' } }), /bound to a key/],
    [claims({ client_id: 'a\nb', sub: '' }), /hold no name/],
  ] as const) {
    const error = await rejects(tokens.verify(await signToken(wrong, key)), 'TOKEN_REFUSED');
    assert.match(error.message, reason);
  }
  for (const right of [claims({ exp: NOW - 29 }), claims({ nbf: NOW + 29, iat: NOW + 29 })]) {
    await tokens.verify(await signToken(right, key));
  }
  for (const roles of [
    undefined,
    [],
    ['other'],
    'weather-admin',
    [['weather']],
    { weather: true },
  ]) {
    const unknown = claims({ realm_access: { roles } });
    await rejects(tokens.verify(await signToken(unknown, key)), 'ROLE_MISSING');
  }
});

test('a signature by another means than a key of the issuer is refused', async () => {
  const tokens = open();
  const right = await signToken(claims(), key);
  const [head = '', body = '', signature = ''] = right.split('.');
  const hmac = (secret: string) => {
    const text = `${base64url({ alg: 'HS256', kid: 'first' })}.${body}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const own = await makeKey('first');
  const crooked = { jwk: own.jwk, jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/' };
  for (const [name, token] of [
    ['none', `${base64url({ alg: 'none' })}.${body}.`],
    ['none with a signature', `${base64url({ alg: 'none', kid: 'first' })}.${body}.${signature}`],
    ['nOnE', `${base64url({ alg: 'nOnE' })}.${body}.${signature}`],
    ['HS256 with the public key', hmac(key.publicPem)],
    ['HS256 with the JWK', hmac(JSON.stringify(key.jwk))],
    ['a key of its own under that name', await signToken(claims(), own)],
    ['a key that the token brings', await signToken(claims(), own, crooked as never)],
    ['a key that is not there', await signToken(claims(), other)],
    [
      'an algorithm that is not listed',
      `${base64url({ alg: 'RS512', kid: 'first' })}.${body}.${signature}`,
    ],
    ['other claims', `${head}.${base64url(claims({ client_id: 'admin' }))}.${signature}`],
    ['an ID token of logout', await signToken(claims(), key, { typ: 'logout+jwt' })],
    [
      'an unknown critical header',
      `${base64url({ alg: 'RS256', crit: ['x'], x: 1 })}.${body}.${signature}`,
    ],
    ['five parts', `${head}.${body}.${signature}.${body}.${head}`],
    ['two parts', `${head}.${body}`],
  ] as const) {
    const error = await rejects(tokens.verify(token), 'TOKEN_REFUSED');
    assert.ok(!error.message.includes(body), name);
  }
  for (const kid of [
    '../../etc/passwd',
    "x' OR 1=1 --",
    'http://127.0.0.1/',
    '',
    'x'.repeat(2_000),
  ]) {
    await rejects(tokens.verify(await signToken(claims(), key, { kid })), 'TOKEN_REFUSED');
  }
  assert.deepEqual((await tokens.verify(right)).name, 'exporter', 'and it is still accepted');
});

test('an algorithm counts when it is listed, whatever keys the issuer has', async () => {
  const curve = await makeKey('curve', 'ES384');
  try {
    issuer.keys = [key, curve];
    const token = await signToken(claims(), curve);
    const error = await rejects(open().verify(token), 'TOKEN_REFUSED');
    assert.match(error.message, /algorithm/);
    const listed = open({}, { algorithms: ['ES384'] });
    assert.equal((await listed.verify(token)).name, 'exporter');
    await rejects(listed.verify(await signToken(claims(), key)), 'TOKEN_REFUSED');
  } finally {
    issuer.keys = [key];
  }
});

test('a token of any size and form ends with its own error, soon', async () => {
  const tokens = open();
  const long = await signToken(claims({ more: 'x'.repeat(TOKEN_CHARACTERS_MAX) }), key);
  const error = await rejects(tokens.verify(long), 'TOKEN_REFUSED');
  assert.match(error.message, /more than 8192 characters/);
  const right = await signToken(claims(), key);
  const part = fc.oneof(
    fc.string({ unit: 'grapheme-ascii' }),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc.constantFrom(...right.split('.')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
      const token = parts.join('.');
      if (token !== right) await rejects(tokens.verify(token), 'TOKEN_REFUSED');
    }),
    { numRuns: 200 },
  );
});

test('a new key of the issuer is accepted, and a removed one refused', async () => {
  const tokens = open({ coolDownMs: 0, freshMs: 0 });
  const by = (which: SigningKey) => signToken(claims(), which);
  try {
    await tokens.verify(await by(key));
    issuer.keys = [other];
    assert.equal((await tokens.verify(await by(other))).name, 'exporter');
    await rejects(tokens.verify(await by(key)), 'TOKEN_REFUSED');
  } finally {
    issuer.keys = [key];
  }
});

test('a flood of unknown keys makes one fetch, and does not hold up who has a known one', async () => {
  const tokens = open();
  const right = await signToken(claims(), key);
  const before = issuer.fetches;
  await tokens.verify(right);
  const stranger = await makeKey('stranger');
  const wrong = await Promise.all(
    Array.from({ length: 50 }, (_, at) => signToken(claims(), stranger, { kid: `kid-${at}` })),
  );
  const asked = wrong.map((token) => rejects(tokens.verify(token), 'TOKEN_REFUSED'));
  await Promise.all([...asked, tokens.verify(right)]);
  assert.equal(issuer.fetches - before, 1);
});

test('an issuer that is away, slow to answer, too large or nonsense is named, and asked seldom', async () => {
  const right = await signToken(claims(), key);
  let calls = 0;
  try {
    for (const [reply, reason] of [
      [{ status: 500, body: '{}' }, /answered 500/],
      [{ status: 302, body: '{}' }, /answered 302/],
      [{ status: 200, body: 'x'.repeat(300_000) }, /more than/],
      [{ status: 200, body: '{"keys": 1}' }, /damaged/],
      [{ status: 200, body: '<html>' }, /damaged/],
    ] as const) {
      const warnings: string[] = [];
      const tokens = open(
        {},
        { jwksUrl: `${issuer.url}/jwks`, warn: (text) => warnings.push(text) },
      );
      calls = 0;
      issuer.answer = (_, response) => {
        calls += 1;
        response.writeHead(reply.status, { location: 'http://127.0.0.1:1/' }).end(reply.body);
        return true;
      };
      for (let at = 0; at < 3; at += 1) {
        const error = await rejects(tokens.verify(right), 'ISSUER_UNAVAILABLE');
        assert.match(error.message, reason);
      }
      assert.deepEqual([calls, warnings.length], [1, 1], String(reason));
    }
    const away = open({}, { jwksUrl: 'http://127.0.0.1:1/jwks' });
    const error = await rejects(away.verify(right), 'ISSUER_UNAVAILABLE');
    assert.match(error.message, /ECONNREFUSED|connection failed/);
  } finally {
    issuer.answer = null;
  }
});

test('known keys are good while the issuer is away, but not for ever', async () => {
  const right = await signToken(claims(), key);
  const [lasting, ending] = [{}, { staleMs: 0 }].map((more) =>
    open({ coolDownMs: 0, freshMs: 0, ...more }),
  );
  assert.ok(lasting && ending);
  for (const tokens of [lasting, ending]) await tokens.verify(right);
  try {
    issuer.answer = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    assert.equal((await lasting.verify(right)).name, 'exporter');
    await rejects(ending.verify(right), 'ISSUER_UNAVAILABLE');
  } finally {
    issuer.answer = null;
  }
});

test('a discovery document of another issuer, or with keys elsewhere in the clear, is refused', async () => {
  const right = await signToken(claims(), key);
  try {
    for (const document of [
      { issuer: 'https://evil.example', jwks_uri: `${issuer.url}/jwks` },
      { issuer: issuer.url },
      { issuer: issuer.url, jwks_uri: 'file:///etc/passwd' },
    ]) {
      issuer.answer = ({ url }, response) => {
        if (url !== '/.well-known/openid-configuration') return false;
        response.end(JSON.stringify(document));
        return true;
      };
      await rejects(open().verify(right), 'ISSUER_UNAVAILABLE');
    }
  } finally {
    issuer.answer = null;
  }
});
