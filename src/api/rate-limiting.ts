/**
 * How much each client may ask. Two rules: requests of an address, counted before anything is looked
 * up, so that a flood costs little; and points of a user, key or address, by what a question costs.
 * Answers say what is left in the headers of draft-ietf-httpapi-ratelimit-headers.
 */
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config/schema.ts';
import type { TrustedProxies } from '../config/trusted-proxies.ts';
import { IsobarError } from '../errors.ts';
import { networkOf } from '../model/network.ts';
import { clientOf } from './client.ts';
import { appendHeader } from './headers.ts';
import type { Route } from './route-table.ts';
import { openMemoryRateLimits } from './shared/memory-rate-limits.ts';
import type { Counted, RateLimits } from './shared/rate-limits.ts';

export interface RateLimiting extends AsyncDisposable {
  /** Closes the connection if its address has too many, or floods. */
  accept(socket: Socket): void;
  /** Whether a request is left unanswered, before anything is done for it: its address floods. */
  isFlood(socket: Socket): boolean;
  /** Rejects with RATE_LIMITED for the request with which an address begins to flood. */
  admit(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** Rejects with RATE_LIMITED for a client that has spent its points, or its files. */
  charge(request: FastifyRequest, reply: FastifyReply, route: Route): Promise<void>;
  /** Rejects with RATE_LIMITED for a client with too many streams; call the result when it ends. */
  openStream(request: FastifyRequest): () => void;
}

interface Policy {
  readonly name: string;
  readonly limit: number;
  readonly windowS: number;
}

export interface RateLimitingOptions {
  readonly limits: Config['api']['limits'];
  /** Where points and files are counted; one that does not count is passed over. */
  readonly counts: RateLimits;
  /** Addresses from which many visitors come. */
  readonly proxies: TrustedProxies;
  /** For so long an address that floods is left unanswered. */
  readonly floodMs?: number;
}

const POINTS_WINDOW_S = 10;
const EXPORTS_WINDOW_S = 60;
const FLOOD_MS = 10_000;
const FLOODING_MAX = 10_000;

export function openRateLimiting(options: RateLimitingOptions): RateLimiting {
  const { limits, counts, proxies, floodMs = FLOOD_MS } = options;
  const own = openMemoryRateLimits();
  const streams = openTally();
  const connections = openTally();
  const floods = openFloods(floodMs);
  const points: Policy = {
    ...{ name: 'points', windowS: POINTS_WINDOW_S },
    limit: limits.points_per_s * POINTS_WINDOW_S,
  };
  const exports: Policy = {
    ...{ name: 'exports', windowS: EXPORTS_WINDOW_S },
    limit: limits.exports_per_minute,
  };

  /** By this process alone while the engine that servers share does not count. */
  async function count(key: string, { windowS }: Policy, weight: number): Promise<Counted> {
    const windowMs = windowS * 1_000;
    return counts.count(key, windowMs, weight).catch(() => own.count(key, windowMs, weight));
  }

  async function spend(
    policy: Policy,
    weight: number,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    if (policy.limit === 0) return;
    const { name, limit, windowS } = policy;
    const { count: spent, leftMs } = await count(`${name}:${clientKey(request)}`, policy, weight);
    const leftS = Math.ceil(leftMs / 1_000);
    appendHeader(reply, 'ratelimit-policy', `"${name}";q=${limit};w=${windowS}`);
    appendHeader(reply, 'ratelimit', `"${name}";r=${Math.max(0, limit - spent)};t=${leftS}`);
    if (spent > limit) throw limited(`${limit} ${name} in ${windowS} s are spent`, leftS);
  }

  return {
    accept(socket) {
      const { remoteAddress: address = '' } = socket;
      if (proxies.has(address)) return;
      const network = networkOf(address);
      const limit = limits.address_connections || Number.POSITIVE_INFINITY;
      const release = floods.has(network) ? null : connections.take(network, limit);
      if (release === null) socket.destroy();
      else socket.once('close', release);
    },
    isFlood({ remoteAddress: address = '' }) {
      return floods.has(networkOf(address)) && !proxies.has(address);
    },
    async admit(request, reply) {
      const limit = limits.address_requests_per_s;
      if (limit === 0) return;
      const network = networkOf(clientOf(request));
      const counted = await own.count(`address:${network}`, 1_000);
      if (counted.count <= limit) return;
      floods.add(network);
      reply.header('connection', 'close');
      const text = `more than ${limit} requests per second from this address`;
      throw limited(text, Math.ceil(floodMs / 1_000));
    },
    async charge(request, reply, route) {
      const query = request.query as Readonly<Record<string, unknown>>;
      const isRanged = query.from !== undefined || query.to !== undefined;
      await spend(points, route.cost * (isRanged ? 2 : 1), request, reply);
      const { format = 'json' } = query;
      if (format !== 'json') await spend(exports, 1, request, reply);
    },
    openStream(request) {
      const limit = limits.streams === 0 ? Number.POSITIVE_INFINITY : limits.streams;
      const release = streams.take(clientKey(request), limit);
      if (release !== null) return release;
      throw limited(`${limit} event streams are open already`, 1);
    },
    async [Symbol.asyncDispose]() {
      await own[Symbol.asyncDispose]();
      await counts[Symbol.asyncDispose]();
    },
  };
}

/** Networks that flood, and until when. */
function openFloods(ms: number) {
  const until = new Map<string, number>();
  return {
    has(network: string): boolean {
      const end = until.get(network);
      if (end === undefined) return false;
      if (end > performance.now()) return true;
      until.delete(network);
      return false;
    },
    add(network: string): void {
      until.delete(network);
      until.set(network, performance.now() + ms);
      const [oldest = network] = until.keys();
      if (until.size > FLOODING_MAX) until.delete(oldest);
    },
  };
}

/** How many each has taken and not given back. */
function openTally() {
  const taken = new Map<string, number>();
  return {
    /** The way to give it back; null where `limit` are taken. */
    take(key: string, limit: number): (() => void) | null {
      const count = taken.get(key) ?? 0;
      if (count >= limit) return null;
      taken.set(key, count + 1);
      return () => {
        const left = (taken.get(key) ?? 1) - 1;
        if (left > 0) taken.set(key, left);
        else taken.delete(key);
      };
    },
  };
}

/** Users and keys count wherever they ask from. */
function clientKey(request: FastifyRequest): string {
  const { principal } = request;
  return principal === null || principal.kind === 'open'
    ? `address:${networkOf(clientOf(request))}`
    : `${principal.kind}:${principal.name}`;
}

function limited(text: string, retryAfterS: number): IsobarError {
  return new IsobarError('RATE_LIMITED', text, { details: { retryAfterS } });
}
