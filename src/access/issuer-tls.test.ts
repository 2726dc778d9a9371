/** Providers and issuers over https: whose certificates are trusted, and where secrets may go. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { rejects } from '../../test/support/rejects.ts';
import { makeTrust } from '../../test/support/trust.ts';
import { parseRoleMapping } from '../config/role-mapping.ts';
import { openSingleSignOn } from './oidc.ts';
import { makeKey, signToken, startIssuer } from './testing/issuer.ts';
import { openTokens } from './tokens.ts';

const trust = makeTrust();
after(() => trust[Symbol.dispose]());
const key = await makeKey('first');
const AUTHORITIES = [readFileSync(trust.other), null];
const COMMON = {
  ...{ nameClaim: 'sub', roleClaim: 'groups', roles: parseRoleMapping('weather=operator') },
  ...{ cityClaim: '', clockSkewS: 5, warn: () => {} },
};
const now = () => Math.floor(Date.now() / 1_000);

const tokensOf = (issuer: string, authority: Buffer | null) =>
  openTokens({
    ...COMMON,
    ...{ issuer, authority, audience: 'isobar', jwksUrl: '', algorithms: ['RS256'] },
    maxAgeS: 3_600,
  });
const singleOf = (issuer: string, authority: Buffer | null) =>
  openSingleSignOn({
    ...COMMON,
    ...{ issuer, authority, clientId: 'isobar', clientSecret: 'secret', scopes: 'openid' },
    ...{ requireLogoutType: false, ticketKey: randomBytes(32) },
  });

test('keys of an issuer are had with its authority, and with no other', async () => {
  await using issuer = await startIssuer([key], trust.pair);
  const claims = { iss: issuer.url, aud: 'isobar', sub: 'a', groups: ['weather'], iat: now() };
  const token = await signToken({ ...claims, exp: now() + 60 }, key);
  const right = tokensOf(issuer.url, readFileSync(trust.authority));
  assert.equal((await right.verify(token)).role, 'operator');
  for (const authority of AUTHORITIES) {
    const warnings: string[] = [];
    const tokens = openTokens({
      ...COMMON,
      ...{ issuer: issuer.url, authority, audience: 'isobar', jwksUrl: '', algorithms: ['RS256'] },
      ...{ maxAgeS: 3_600, warn: (text: string) => void warnings.push(text) },
    });
    await rejects(tokens.verify(token), 'ISSUER_UNAVAILABLE');
    assert.match(warnings[0] ?? '', /its certificate is not of an authority that is trusted/);
  }
});

test('a login goes through with the authority of the provider, and with no other', async () => {
  await using issuer = await startIssuer([key], trust.pair);
  const single = singleOf(issuer.url, readFileSync(trust.authority));
  const { url, ticket } = await single.begin('https://weather.example/api/oidc/callback', '/');
  const { state, nonce } = Object.fromEntries(new URL(url).searchParams);
  const claims = { iss: issuer.url, aud: 'isobar', sub: 'ann', nonce, groups: ['weather'] };
  issuer.idToken = await signToken({ ...claims, iat: now(), exp: now() + 60 }, key);
  const { identity } = await single.finish(`?code=c&state=${state}`, ticket);
  assert.equal(identity.name, 'ann');
  for (const authority of AUTHORITIES) {
    const begun = singleOf(issuer.url, authority).begin('https://weather.example/', '/');
    await rejects(begun, 'ISSUER_UNAVAILABLE');
  }
});

test('an issuer on this machine cannot name plain addresses elsewhere', async () => {
  await using issuer = await startIssuer([key]);
  const elsewhere = 'http://login.example.org';
  issuer.answer = (request, response) => {
    if (request.url?.startsWith('/.well-known') !== true) return false;
    const plain = { jwks_uri: `${elsewhere}/jwks`, token_endpoint: `${elsewhere}/token` };
    const more = { authorization_endpoint: `${elsewhere}/auth`, issuer: issuer.url };
    const kinds = { response_types_supported: ['code'], subject_types_supported: ['public'] };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...plain, ...more, ...kinds }));
    return true;
  };
  const claims = { iss: issuer.url, aud: 'isobar', sub: 'a', groups: ['weather'], iat: now() };
  const token = await signToken({ ...claims, exp: now() + 60 }, key);
  const refused = await rejects(tokensOf(issuer.url, null).verify(token), 'ISSUER_UNAVAILABLE');
  assert.match(refused.message, /names an address that is not encrypted/);
  const single = singleOf(issuer.url, null);
  const { url, ticket } = await single.begin('https://weather.example/', '/');
  const state = new URL(url).searchParams.get('state');
  const finished = single.finish(`?code=c&state=${state}`, ticket);
  const error = await rejects(finished, 'ISSUER_UNAVAILABLE');
  assert.match(error.message, /names an address that is not encrypted/);
});
