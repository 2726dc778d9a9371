/** What settings of `api.auth` need of each other. */
import { isLoopbackHost } from './channel-url.ts';
import { splitList } from './list.ts';
import { roleMappingProblem } from './role-mapping.ts';
import type { Config } from './schema.ts';
import { trustedProxiesProblem } from './trusted-proxies.ts';

type Auth = Config['api']['auth'];

/** Signatures by a private key; with a shared secret, or without any, all who check could sign. */
export const SIGNATURE_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519'],
];
const HEADER_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** Headers that mean something else. */
const OTHER_HEADERS = /^(authorization|cookie|host|origin|forwarded|x-forwarded-(for|host|proto))$/;
const CLAIM = /^[\x21-\x7e]{1,256}$/;

export function authProblems({ auth }: Config['api']): string[] {
  const roles = roleMappingProblem(auth.roles);
  return [
    ...(roles === null ? [] : [`api.auth.roles: ${roles}`]),
    ...oidcProblems(auth),
    ...proxyProblems(auth),
    ...tokenProblems(auth),
  ];
}

function oidcProblems({ mode, roles, oidc }: Auth): string[] {
  const found: (readonly [setting: string, problem: string | null])[] = [
    ['issuer', oidc.issuer === '' ? null : issuerProblem(oidc.issuer)],
    ['page_url', oidc.page_url === '' ? null : addressProblem(oidc.page_url)],
    ['name_claim', claimProblem(oidc.name_claim)],
    ['role_claim', claimProblem(oidc.role_claim)],
    ['city_claim', oidc.city_claim === '' ? null : claimProblem(oidc.city_claim)],
    ['label', labelProblem(oidc.label)],
  ];
  if (!oidc.scopes.split(/\s+/).includes('openid')) {
    found.push(['scopes', 'expected openid among them, which asks for a login']);
  }
  if (mode === 'oidc') {
    // The secret is needed where it is used; commands may run without it.
    for (const name of ['issuer', 'client_id'] as const) {
      if (oidc[name] === '') found.push([name, 'expected a value, since api.auth.mode is oidc']);
    }
  }
  const problems = named('oidc', found);
  if (mode === 'oidc' && roles === '') problems.push(needsRoles('api.auth.mode is oidc'));
  return problems;
}

function proxyProblems({ mode, roles, proxy }: Auth): string[] {
  const { addresses, user_header, role_header, city_header, logout_url } = proxy;
  const found: (readonly [setting: string, problem: string | null])[] = [
    ['addresses', trustedProxiesProblem(addresses)],
    ['user_header', headerProblem(user_header)],
    ['role_header', role_header === '' ? null : headerProblem(role_header)],
    ['city_header', city_header === '' ? null : headerProblem(city_header)],
    ['logout_url', logout_url === '' ? null : addressProblem(logout_url)],
  ];
  const isSame = (one: string, other: string) =>
    one !== '' && one.toLowerCase() === other.toLowerCase();
  for (const [name, header] of Object.entries({ role_header, city_header })) {
    if (isSame(header, user_header)) found.push([name, 'expected another header than user_header']);
  }
  if (isSame(city_header, role_header)) {
    found.push(['city_header', 'expected another header than role_header']);
  }
  if (mode === 'proxy' && splitList(addresses).length === 0) {
    found.push(['addresses', 'expected at least one address, since api.auth.mode is proxy']);
  }
  const problems = named('proxy', found);
  if (mode === 'proxy' && role_header !== '' && roles === '') {
    problems.push(needsRoles('api.auth.proxy.role_header is set'));
  }
  return problems;
}

function tokenProblems({ mode, roles, tokens, oidc }: Auth): string[] {
  const { issuer, audience, jwks_url, algorithms } = tokens;
  const others = splitList(algorithms).filter((one) => !SIGNATURE_ALGORITHMS.includes(one));
  const expected = `expected one or more of ${SIGNATURE_ALGORITHMS.join(', ')}`;
  const found: (readonly [setting: string, problem: string | null])[] = [
    ['issuer', issuer === '' ? null : issuerProblem(issuer)],
    ['jwks_url', jwks_url === '' ? null : addressProblem(jwks_url)],
    ['name_claim', claimProblem(tokens.name_claim)],
    ['role_claim', claimProblem(tokens.role_claim)],
    ['city_claim', tokens.city_claim === '' ? null : claimProblem(tokens.city_claim)],
  ];
  if (others.length > 0) {
    found.push(['algorithms', `${expected}; got ${JSON.stringify(others[0])}`]);
  } else if (splitList(algorithms).length === 0) {
    found.push(['algorithms', `${expected}; got none`]);
  }
  if (issuer === '') return named('tokens', found);
  if (audience === '') found.push(['audience', 'expected a value, since issuer is set']);
  else if (mode === 'oidc' && issuer === oidc.issuer && audience === oidc.client_id) {
    found.push(['audience', 'expected another one than oidc.client_id, which ID tokens have']);
  }
  if (mode === 'none' || mode === 'proxy') {
    found.push(['issuer', `expected api.auth.mode local or oidc with it; got ${mode}`]);
  }
  const problems = named('tokens', found);
  if (roles === '') problems.push(needsRoles('api.auth.tokens.issuer is set'));
  return problems;
}

function named(
  part: string,
  found: readonly (readonly [setting: string, problem: string | null])[],
): string[] {
  return found.flatMap(([setting, problem]) =>
    problem === null ? [] : [`api.auth.${part}.${setting}: ${problem}`],
  );
}

function needsRoles(reason: string): string {
  return `api.auth.roles: expected entries such as weather-admins=admin, since ${reason}`;
}

function issuerProblem(text: string): string | null {
  if (text.includes('/.well-known/')) {
    return 'expected the issuer alone, without /.well-known/ and what follows it';
  }
  return addressProblem(text);
}

/** An address that is called, or that browsers are sent to. */
function addressProblem(text: string): string | null {
  const url = URL.parse(text);
  const expected = 'expected an address such as https://login.example.org/realms/weather';
  if (url === null || !/^https?:$/.test(url.protocol) || /[\s\p{C}]/u.test(text)) {
    return `${expected}; got something else`;
  }
  if (url.username !== '' || url.password !== '') return `${expected}, without user and password`;
  if (url.search !== '' || url.hash !== '') return `${expected}, without ? and #`;
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname)) return null;
  return `${expected}; got http, which is for this machine alone`;
}

function claimProblem(text: string): string | null {
  return CLAIM.test(text) ? null : 'expected the name of a claim, such as realm_access.roles';
}

function headerProblem(text: string): string | null {
  const name = text.toLowerCase();
  if (HEADER_NAME.test(name) && !OTHER_HEADERS.test(name)) return null;
  const shown = JSON.stringify(text.slice(0, 64));
  return `expected the name of a header of its own, such as x-forwarded-user; got ${shown}`;
}

function labelProblem(text: string): string | null {
  return /^[^\p{C}]{1,64}$/u.test(text) ? null : 'expected 1 to 64 characters';
}
