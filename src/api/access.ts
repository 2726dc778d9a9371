/**
 * Who asks, and whether they may: sessions in a cookie, keys and tokens in the header `Authorization`,
 * or the login that a proxy passes on.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '../access/access.ts';
import type { Audit } from '../access/audit.ts';
import type { SingleSignOn } from '../access/oidc.ts';
import type { ProxiedLogin } from '../access/proxied.ts';
import type { Tokens } from '../access/tokens.ts';
import { asIsobarError, IsobarError, isErrorCode, isRefusedInput } from '../errors.ts';
import { formatScope, hasRole, OPEN, type Principal } from '../model/access.ts';
import { pathOf } from './base-path.ts';
import { clientOf } from './client.ts';
import { ROUTES, type Route } from './route-table.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whoever asks; null where that is not known. */
    principal: Principal | null;
    /** What the answer failed with. */
    failure: unknown;
  }
}

/** What the server needs to ask for a login. */
export interface ApiAccess {
  readonly access: Access;
  readonly audit: Audit;
  /** Where people log in at a provider. */
  readonly oidc?: SingleSignOn | null;
  /** Where tokens of an issuer are accepted beside keys. */
  readonly tokens?: Tokens | null;
  /** Where a proxy passes logins on; then sessions do not count. */
  readonly proxied?: ProxiedLogin | null;
}

/** Only sent back over HTTPS, or to this machine itself, and to no other host of the domain. */
const COOKIE = '__Host-isobar';
const COOKIE_PATTERN = new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]{43})(?:;|$)`);
const BEARER = /^Bearer +(\S+)$/i;
/** What is wrong with whoever asks, which addresses for anyone need not know. */
const REFUSALS = ['TOKEN_REFUSED', 'ROLE_MISSING', 'ISSUER_UNAVAILABLE'] as const;
/** They are noted where their names are known. */
const NOTED_ELSEWHERE = ['/api/login', '/api/oidc/callback', '/api/oidc/logout'];

const KNOWN: ReadonlyMap<string, Route> = new Map(
  ROUTES.map((route) => [`${route.method} ${route.path}`, route]),
);

/** Null for files of the page, which anyone may have. */
export function routeOf({ method, url }: FastifyRequest): Route | null {
  return KNOWN.get(`${method === 'HEAD' ? 'GET' : method} ${pathOf(url)}`) ?? null;
}

/**
 * Rejects with LOGIN_REQUIRED, ACCESS_DENIED, or with REQUEST_REFUSED for a change that a browser may
 * have been made to send.
 */
export async function authorise(
  request: FastifyRequest,
  reply: FastifyReply,
  given: ApiAccess | null,
): Promise<void> {
  const path = pathOf(request.url);
  const { role, cities, sessionOnly = false } = routeOf(request) ?? { role: null, cities: 'none' };
  const principal = await identify(request, given).catch((error: unknown) => {
    if (role === null && isErrorCode(error, ...REFUSALS)) return null;
    if (isErrorCode(error, 'TOKEN_REFUSED')) {
      reply.header('www-authenticate', 'Bearer realm="isobar", error="invalid_token"');
    }
    throw error;
  });
  request.principal = principal;
  if (role === null) return;
  if (principal === null) {
    reply.header('www-authenticate', 'Bearer realm="isobar"');
    throw new IsobarError('LOGIN_REQUIRED', `${path} needs the role ${role}`);
  }
  if (!hasRole(principal, role)) {
    const text = `${path} needs the role ${role}; ${principal.name} has ${principal.role}`;
    throw new IsobarError('ACCESS_DENIED', text);
  }
  if (sessionOnly && (principal.kind === 'key' || principal.kind === 'token')) {
    const text = `${path} is for people who have logged in; ${principal.name} is a ${principal.kind}`;
    throw new IsobarError('ACCESS_DENIED', text);
  }
  if (cities === 'all' && principal.cities !== null) {
    const text = `${path} is about all cities; ${principal.name} may see some of them`;
    throw new IsobarError('ACCESS_DENIED', text);
  }
}

async function identify(
  request: FastifyRequest,
  given: ApiAccess | null,
): Promise<Principal | null> {
  if (given === null) return OPEN;
  const { access, tokens = null, proxied = null } = given;
  const { authorization } = request.headers;
  const [, bearer = ''] = BEARER.exec(authorization ?? '') ?? [];
  const isKey = bearer.startsWith('isobar_');
  // Looked at in any case: who may not send the header is refused, with a key as well.
  const user = proxied?.(peerOf(request), request.raw.rawHeaders) ?? null;
  // Proxies may pass on what they have asked the browser for.
  if (authorization !== undefined && (user === null || isKey)) {
    return tokens === null || isKey || bearer === '' ? access.key(bearer) : tokens.verify(bearer);
  }
  const token = proxied === null ? tokenOf(request) : null;
  const principal = token === null ? user : await access.session(token);
  if (principal !== null && request.method === 'POST') refuseUnknownOrigin(request);
  return principal;
}

/** The other end of the connection, whatever headers say. */
function peerOf({ raw }: FastifyRequest): string | undefined {
  try {
    return raw.socket.remoteAddress;
  } catch {
    // A connection of HTTP/2 that has ended has no socket to ask.
    return undefined;
  }
}

/** A browser names at least one of these with a change; whether it is ours is looked at later. */
function refuseUnknownOrigin({ headers }: FastifyRequest): void {
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) return;
  throw new IsobarError('REQUEST_REFUSED', 'a change from a browser has to name its origin');
}

export function tokenOf({ headers }: FastifyRequest): string | null {
  return COOKIE_PATTERN.exec(headers.cookie ?? '')?.[1] ?? null;
}

/** Without a token the browser forgets the one that it has, and the answers that it kept. */
export function setToken(reply: FastifyReply, token: string | null): void {
  if (token === null) reply.header('clear-site-data', '"cache"');
  setCookie(reply, COOKIE, token);
}

/** Without a value the browser forgets it; without an age it is kept until the browser ends. */
export function setCookie(
  reply: FastifyReply,
  name: string,
  value: string | null,
  maxAgeS: number | null = null,
): void {
  const seconds = value === null ? 0 : maxAgeS;
  const age = seconds === null ? '' : `Max-Age=${seconds}; `;
  const attributes = `${age}Path=/; Secure; HttpOnly; SameSite=Lax`;
  reply.header('set-cookie', `${name}=${value ?? ''}; ${attributes}`);
}

/** Whether whoever asked may still ask: for an answer that does not end. */
export async function isStillAllowed(
  request: FastifyRequest,
  given: ApiAccess | null,
): Promise<boolean> {
  if (given === null) return true;
  const principal = await identify(request, given).catch((error: unknown) => {
    if (isErrorCode(error, ...REFUSALS)) return null;
    throw error;
  });
  const role = routeOf(request)?.role ?? null;
  if (principal === null || (role !== null && !hasRole(principal, role))) return false;
  return formatScope(principal.cities) === formatScope(request.principal?.cities ?? null);
}

/**
 * Notes what was changed, or was refused: wrong keys, roles, hosts and parameters, other sites, floods.
 */
export async function recordChange(
  request: FastifyRequest,
  given: ApiAccess | null,
  error: unknown,
): Promise<void> {
  if (given === null || (request.method !== 'POST' && !isRefusal(request, error))) return;
  const path = pathOf(request.url);
  const isInput = isRefusedInput(error);
  if (NOTED_ELSEWHERE.includes(path) && !isInput) return;
  await given.audit.record({
    who: request.principal?.name ?? null,
    from: clientOf(request),
    action: path === '/api/logout' ? 'logout' : `${request.method} ${path.slice(0, 256)}`,
    target: isInput ? refusedName(request, error) : changedBy(request),
    error,
  });
}

/** Which parameter was refused: never its value, nor a name that the address does not have. */
function refusedName(request: FastifyRequest, error: unknown): string | null {
  const { field } = asIsobarError(error).details;
  if (typeof field !== 'string') return null;
  const isKnown = Object.hasOwn(routeOf(request)?.query.properties ?? {}, field);
  return isKnown ? field : 'an unknown parameter';
}

/** What was asked in vain may be a key in the wrong place. */
function changedBy({ method, url }: FastifyRequest): string | null {
  const [, query = ''] = url.split('?');
  return query === '' || method !== 'POST' ? null : query;
}

/** A page without a session is not one. */
function isRefusal({ headers }: FastifyRequest, error: unknown): boolean {
  if (isErrorCode(error, 'LOGIN_REQUIRED')) return headers.authorization !== undefined;
  if (isRefusedInput(error)) return true;
  return isErrorCode(
    error,
    ...REFUSALS,
    ...(['ACCESS_DENIED', 'PROXY_UNTRUSTED', 'REQUEST_REFUSED', 'RATE_LIMITED'] as const),
  );
}

/** Who does something: whoever is logged in, or the name that the request gives where the server is open. */
export function personOf({ principal }: FastifyRequest, given: string): string {
  return principal === null || principal.kind === 'open' ? given : principal.name;
}
