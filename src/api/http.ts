/** The HTTP server itself: its limits, who is let in, and how errors and wrong methods are answered. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import Fastify, {
  type ConnectionError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify';
import type { TObject } from 'typebox';
import { parseCorsOrigins } from '../config/cors-origins.ts';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { authorise, recordChange, routeOf } from './access.ts';
import { pathOf, queryOf, withoutBase } from './base-path.ts';
import { clientOf, logRequest, setTransportSecurity } from './client.ts';
import { closeWithin } from './closing.ts';
import type { ApiContext } from './context.ts';
import { setCorsHeaders } from './cors.ts';
import { formatProblem, PROBLEM_TYPE, sendProblem } from './problem.ts';
import { parseQuery } from './query.ts';
import type { RateLimiting } from './rate-limiting.ts';
import { ROUTES } from './route-table.ts';
import {
  parseAllowedHosts,
  refuseForeignHost,
  SECURITY_HEADERS,
  setSecurityHeaders,
} from './security.ts';
import type { Server } from './server.ts';
import { openSecureServer } from './tls/secure-server.ts';

const URL_CHARACTERS_MAX = 8_192;
const CONNECTIONS_SPARE = 1_000;
const LIMITS = {
  maxHeaderSize: 24 * 1_024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
};
/** What is being answered when the server closes has so long. */
const CLOSE_MS = 5_000;

export function openHttp({
  context,
  limiting,
  proxies,
}: Pick<Server, 'context' | 'limiting' | 'proxies'>): FastifyInstance {
  const { config } = context;
  const names = parseAllowedHosts(config.allowed_hosts);
  const origins = parseCorsOrigins(config.cors_origins);
  const app = Fastify({
    bodyLimit: 16 * 1_024,
    requestTimeout: LIMITS.requestTimeout,
    keepAliveTimeout: LIMITS.keepAliveTimeout,
    forceCloseConnections: 'idle',
    serverFactory: serverOf(context, limiting),
    trustProxy: config.trusted_proxies !== '' && ((address) => proxies.has(address)),
    // A malformed address never reaches the hooks.
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(reply);
      setTransportSecurity(request, reply, config.tls);
      return sendProblem(error, request, reply, context);
    },
    clientErrorHandler: (error, socket) => answerNonsense(error, socket, config.base_path),
    rewriteUrl: ({ url = '/' }) => withoutBase(url, config.base_path),
  });
  app.server.maxConnections = config.events_max + CONNECTIONS_SPARE;
  app.server.on('connection', (socket: Socket) => limiting?.accept(socket));
  app.server.on('connect', ({ url = '' }: IncomingMessage, socket: Duplex) => {
    refuseMethod(url, socket, config.base_path);
  });
  closeWithin(app, CLOSE_MS);
  app.setValidatorCompiler<TObject>(({ schema }) => checkQuery(schema));
  // Answers are serialised where they are made.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, __, done) => done(null, undefined));
  app.decorateRequest('principal', null);
  app.decorateRequest('failure', null);
  app.addHook('onRequest', async (request, reply) => {
    // While the connection is there.
    clientOf(request);
    setSecurityHeaders(reply);
    setTransportSecurity(request, reply, config.tls);
    setCorsHeaders(request, reply, origins);
    await limiting?.admit(request, reply);
    refuseForeignHost(request, { boundTo: config.host, allowed: names });
    if (config.base_path !== '' && pathOf(request.originalUrl) === config.base_path) {
      // Addresses on the page are relative to the path with its slash.
      return reply.redirect(`${config.base_path}/${queryOf(request.originalUrl)}`, 308);
    }
    // Before the body is looked at, which some methods must have and others must not.
    if (request.is404) {
      const error = refuse(request, reply);
      if (error !== null) throw error;
    }
    const { length } = request.originalUrl;
    if (length > URL_CHARACTERS_MAX) {
      throw new IsobarError('REQUEST_TOO_LARGE', `the address has ${length} characters`);
    }
    await authorise(request, reply, context.access);
  });
  app.addHook('preHandler', async (request, reply) => {
    const route = routeOf(request);
    if (route !== null) await limiting?.charge(request, reply, route);
  });
  app.addHook('onResponse', async (request, reply) => {
    logRequest(request, reply, context.logger);
    const failed = reply.statusCode >= 400 ? request.failure : null;
    await recordChange(request, context.access, failed).catch((error: unknown) => {
      context.logger.error({ err: error }, 'writing the audit log: it failed');
    });
  });
  app.setErrorHandler((error, request, reply) => {
    request.failure = error;
    return sendProblem(error, request, reply, context);
  });
  app.setNotFoundHandler((request, reply) => {
    const error = refuse(request, reply);
    return error === null ? reply.code(204).send() : sendProblem(error, request, reply, context);
  });
  return app;
}

/** HTTP or HTTPS, which leaves those unanswered that flood. */
function serverOf(
  { certificate, config }: ApiContext,
  limiting: RateLimiting | null,
): FastifyServerFactory {
  return (handler) => {
    // Before anything is made of the request: thousands of them have to cost little.
    const guarded: RequestListener = (request, response) => {
      if (limiting?.isFlood(request.socket)) request.socket.destroy();
      else handler(request, response);
    };
    return certificate === null
      ? createServer(LIMITS, guarded)
      : openSecureServer(guarded, certificate, config.tls.minimum, LIMITS);
  };
}

function checkQuery(schema: TObject) {
  return (query: Parameters<typeof parseQuery>[1]) => {
    try {
      return { value: parseQuery(schema, query) };
    } catch (error) {
      return { error: error as Error };
    }
  };
}

/** For input that is not HTTP, or has a method that Node.js does not know. */
function answerNonsense(error: ConnectionError, socket: Socket, basePath: string): void {
  // What failed before TLS was there has no one who could read an answer.
  if (error.rawPacket === undefined && !error.code.startsWith('HPE_') && 'encrypted' in socket) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const line = '431 Request Header Fields Too Large';
    answerPlainly(socket, basePath, { line, code: 'REQUEST_TOO_LARGE' });
    return;
  }
  // What came last: the beginning of the request when that is what is wrong.
  const isMethod = error.code === 'HPE_INVALID_METHOD';
  const [, url = ''] = (isMethod && REQUEST_LINE.exec(String(error.rawPacket))) || [];
  refuseMethod(url, socket, basePath);
}

const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]+ (\/\S*) HTTP\/1\.[01]\r\n/;

function refuseMethod(url: string, socket: Duplex, basePath: string): void {
  const allowed = allowedMethods(pathOf(withoutBase(url, basePath)));
  answerPlainly(
    socket,
    basePath,
    allowed === null
      ? { line: '400 Bad Request', code: 'REQUEST_INVALID' }
      : { line: '405 Method Not Allowed', code: 'METHOD_NOT_ALLOWED', url, allowed },
  );
}

interface PlainAnswer {
  readonly line: string;
  readonly code: ErrorCode;
  readonly url?: string;
  readonly allowed?: string;
}

/** Where Node.js has made no response. */
function answerPlainly(socket: Duplex, basePath: string, answer: PlainAnswer): void {
  if (!socket.writable) return;
  const { line, code, url = '/', allowed } = answer;
  const text = allowed === undefined ? 'this is not an HTTP request' : `it takes ${allowed}`;
  const body = JSON.stringify(formatProblem(new IsobarError(code, text), url, basePath));
  const headers = {
    ...SECURITY_HEADERS,
    ...(allowed === undefined ? {} : { allow: allowed }),
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${line}\r\n${lines.join('')}\r\n${body}`);
}

/** What is wrong with the address or its method; null for a question about its methods. */
function refuse(request: FastifyRequest, reply: FastifyReply): IsobarError | null {
  const path = pathOf(request.url);
  const shown = JSON.stringify(pathOf(request.originalUrl).slice(0, 256));
  const allowed = allowedMethods(path);
  if (allowed === null) return new IsobarError('NOT_FOUND', `there is nothing at ${shown}`);
  reply.header('allow', allowed);
  if (request.method === 'OPTIONS') return null;
  return new IsobarError('METHOD_NOT_ALLOWED', `${shown} takes ${allowed}`);
}

/** A stream, and addresses that do something for whoever comes back from a provider. */
const WITHOUT_HEAD = ['/api/events', '/api/oidc/login', '/api/oidc/callback'];

/** `GET, HEAD, OPTIONS`; null for an unknown address. */
function allowedMethods(path: string): string | null {
  const methods = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  if (methods.length === 0) return null;
  const head = methods.includes('GET') && !WITHOUT_HEAD.includes(path) ? ['HEAD'] : [];
  return [...methods, ...head, 'OPTIONS'].join(', ');
}
