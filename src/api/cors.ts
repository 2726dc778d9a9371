/**
 * Pages of other sites, where they are allowed to read (`api.cors_origins`): with a key, never with a
 * session, and without changing anything.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { appendHeader } from './headers.ts';

const EXPOSED = [
  ...['etag', 'retry-after', 'ratelimit', 'ratelimit-policy', 'content-disposition'],
  ...['x-isobar-meta', 'x-isobar-age', 'x-isobar-next-cursor'],
].join(', ');
const PREFLIGHT_KEPT_S = 600;

export function setCorsHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  origins: ReadonlySet<string>,
): void {
  if (origins.size === 0) return;
  appendHeader(reply, 'vary', 'origin');
  const { origin } = request.headers;
  if (origin === undefined || !origins.has(origin)) return;
  reply.headers({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED,
    'cross-origin-resource-policy': 'cross-origin',
  });
  if (request.method !== 'OPTIONS') return;
  reply.headers({
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': 'authorization, if-none-match, last-event-id',
    'access-control-max-age': String(PREFLIGHT_KEPT_S),
  });
}
