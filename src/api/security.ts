/** Who may ask, and what a page from here may do. */
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
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

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'geolocation=(), camera=(), microphone=(), payment=()',
} as const;

export function setSecurityHeaders(reply: FastifyReply): void {
  reply.headers(HEADERS);
}

/**
 * On a loopback address only its own names are answered: a foreign page whose name was made to
 * point here (DNS rebinding) would otherwise read everything.
 */
export function refuseForeignHost(request: FastifyRequest, boundTo: string): void {
  const { host } = request.headers;
  if (host === undefined || !isLoopback(boundTo)) return;
  const name = nameOf(host);
  if (isLoopback(name) || name.endsWith('.localhost')) return;
  throw new IsobarError(
    'REQUEST_REFUSED',
    `this server does not answer as ${JSON.stringify(name)}`,
  );
}

/** What changes something is for our own page and for programs, not for other sites. */
export function refuseOtherSites(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') {
    throw new IsobarError('REQUEST_REFUSED', 'the request came from another site');
  }
  if (origin !== undefined && hostOf(origin) !== host) {
    throw new IsobarError('REQUEST_REFUSED', 'the request came from another origin');
  }
}

export function isLoopback(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === 'localhost' || bare === '::1';
}

/** `[::1]:5000` → `[::1]` */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
