/** Who asks: the visitor's own address, scheme and host, as far as they can be believed. */
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Visitor } from '../access/sessions.ts';
import type { Config } from '../config/schema.ts';
import type { Logger } from '../logger.ts';
import { pathOf } from './base-path.ts';
import { isLocalName, nameOf } from './security.ts';

/**
 * The visitor's address: what trusted proxies say it is (`api.trusted_proxies`), else that of the
 * connection. What a proxy says is ignored unless it is an address.
 */
export function clientOf(request: FastifyRequest): string {
  const known = clients.get(request);
  if (known !== undefined) return known;
  try {
    const { ip, socket } = request;
    const client = isIP(ip) === 0 ? (socket.remoteAddress ?? GONE) : ip;
    clients.set(request, client);
    return client;
  } catch {
    // A connection of HTTP/2 that has ended has no socket to ask.
    return GONE;
  }
}

/** Where a login comes from, as sessions show it. */
export function visitorOf(request: FastifyRequest): Visitor {
  return { address: clientOf(request), agent: request.headers['user-agent'] ?? '' };
}

/** Asked for when the request comes, so that who leaves early is known afterwards, too. */
const clients = new WeakMap<FastifyRequest, string>();
const GONE = 'unknown';

/** Has browsers come by https from now on, where they came so and under a name that may last. */
export function setTransportSecurity(
  request: FastifyRequest,
  reply: FastifyReply,
  { hsts_days: days, hsts_subdomains }: Config['api']['tls'],
): void {
  const isEncrypted = 'encrypted' in request.socket && request.socket.encrypted === true;
  if (!isEncrypted || days === 0 || isLocalName(nameOf(request.host))) return;
  const scope = hsts_subdomains ? '; includeSubDomains' : '';
  reply.header('strict-transport-security', `max-age=${days * 86_400}${scope}`);
}

/** A line for each request, for those who look closely (`log_level: debug`). */
export function logRequest(request: FastifyRequest, reply: FastifyReply, logger: Logger): void {
  const details = {
    client: clientOf(request),
    method: request.method,
    path: pathOf(request.originalUrl).slice(0, 256),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime),
    http: request.raw.httpVersion,
  };
  logger.debug(details, 'answered a request');
}
