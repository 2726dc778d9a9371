/** Who may ask, and what a page from here may do. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { splitList } from '../config/list.ts';
import { IsobarError } from '../errors.ts';

/** Only what this server serves itself: no other host, nothing inline, no frames. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const SECURITY_HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'geolocation=(), camera=(), microphone=(), payment=()',
} as const;

export function setSecurityHeaders(reply: FastifyReply): void {
  reply.headers(SECURITY_HEADERS);
}

export interface Names {
  /** Address that the server listens on. */
  readonly boundTo: string;
  readonly allowed: AllowedHosts;
}

export interface AllowedHosts {
  /** Whether none are named: then an address beyond loopback answers to every name. */
  readonly isEmpty: boolean;
  /** Whether this name is one of them. */
  has(name: string): boolean;
  /** The same, but `*` does not count: it names no site of ours. */
  names(name: string): boolean;
}

/** `weather.example.org, *.example.net` or `*`, as the setting `api.allowed_hosts` has it. */
export function parseAllowedHosts(text: string): AllowedHosts {
  const entries = splitList(text.toLowerCase());
  const suffixes = entries
    .filter((entry) => entry.startsWith('*.'))
    .map((entry) => `.${asAscii(entry.slice(2))}`);
  const exact = new Set(
    entries.map((entry) => (isIP(entry) === 6 ? `[${entry}]` : asAscii(entry))),
  );
  const names = (name: string) =>
    exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
  return {
    isEmpty: entries.length === 0,
    has: (name) => entries.includes('*') || names(name),
    names,
  };
}

/** As browsers write it: `münchen.example` → `xn--mnchen-3ya.example`. */
function asAscii(name: string): string {
  return domainToASCII(name) || name;
}

/**
 * A foreign page whose name was made to point here (DNS rebinding) would otherwise read everything.
 * So a loopback address answers to its own names and those that are allowed; another address
 * answers to every name until some are allowed, and always to addresses, which cannot be rebound.
 */
export function refuseForeignHost(request: FastifyRequest, names: Names): void {
  // Of a trusted proxy also the visitor's host counts; beside the own one, which a foreign page
  // cannot choose, since it may send X-Forwarded-Host itself.
  const { host, ':authority': authority } = request.headers;
  for (const one of new Set([host, authority as string | undefined, request.host || undefined])) {
    const problem = one === undefined ? null : hostProblem(one, names);
    if (problem !== null) throw problem;
  }
}

/** Why this server does not answer under this host; null when it does, or none is named. */
export function hostProblem(host: string, { boundTo, allowed }: Names): IsobarError | null {
  const name = nameOf(host);
  if (isLocalName(name) || allowed.has(name)) return null;
  if (!isLoopback(boundTo) && (allowed.isEmpty || isIP(bare(name)) !== 0)) return null;
  return foreign(`this server does not answer as ${JSON.stringify(name)}`, name);
}

/** Requests that change something: accepted from our own page and from programs. */
export function refuseOtherSites(request: FastifyRequest, allowed: AllowedHosts): void {
  const { origin, host: sentTo, ':authority': authority } = request.headers;
  const { host } = request;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') {
    throw new IsobarError('REQUEST_REFUSED', 'the request came from another site');
  }
  if (origin === undefined) return;
  const from = originOf(origin);
  // A reverse proxy may have put its own name into Host; then the visitor's is in Origin alone.
  const own = [host, sentTo, authority].map((one) => String(one).toLowerCase());
  if (from !== null && from.host !== '') {
    if (own.includes(from.host) || allowed.names(from.hostname)) return;
  }
  throw foreign(
    `the request came from the origin ${JSON.stringify(origin.slice(0, 256))}, ` +
      `and was sent to ${JSON.stringify(host)}`,
    from?.hostname ?? null,
  );
}

function foreign(text: string, name: string | null): IsobarError {
  const isName = name !== null && /^[a-z0-9._-]{1,253}$/.test(name);
  const remedy = isName ? `; if it is yours, add ${name} to the setting api.allowed_hosts` : '';
  return new IsobarError('REQUEST_REFUSED', `${text}${remedy}`);
}

/** A name or an address that means this machine to every visitor. */
export function isLocalName(name: string): boolean {
  return isLoopback(name) || name.endsWith('.localhost');
}

export function isLoopback(name: string): boolean {
  const address = bare(name).toLowerCase();
  if (isIP(address) === 4) return address.startsWith('127.');
  return address === 'localhost' || address === '::1';
}

/** `[::1]` → `::1` */
function bare(name: string): string {
  return name.replace(/^\[|\]$/g, '');
}

/** `[::1]:5000` → `[::1]`; `weather.example.org.` → `weather.example.org` */
export function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

function originOf(origin: string): URL | null {
  try {
    return new URL(origin);
  } catch {
    return null;
  }
}
