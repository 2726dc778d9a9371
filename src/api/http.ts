/** The HTTP server itself: its limits, who is let in, and how errors and wrong methods are answered. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import Fastify, {
  type ConnectionError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { TObject } from 'typebox';
import { type ErrorCode, IsobarError } from '../errors.ts';
import { pathOf, queryOf, withoutBase } from './base-path.ts';
import type { ApiContext } from './context.ts';
import { formatProblem, PROBLEM_TYPE, sendProblem } from './problem.ts';
import { parseQuery } from './query.ts';
import { ROUTES } from './route-table.ts';
import { parseAllowedHosts, refuseForeignHost, setSecurityHeaders } from './security.ts';

const URL_CHARACTERS_MAX = 8_192;
const CONNECTIONS_SPARE = 1_000;
/** What is being answered when the server closes has so long. */
const CLOSE_MS = 5_000;

export function openHttp(context: ApiContext): FastifyInstance {
  const { config } = context;
  const names = parseAllowedHosts(config.allowed_hosts);
  const app = Fastify({
    bodyLimit: 16 * 1_024,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: 24 * 1_024, headersTimeout: 10_000 },
    // A malformed address never reaches the hooks.
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(reply);
      return sendProblem(error, request, reply, context);
    },
    clientErrorHandler: (error, socket) => answerNonsense(error, socket, config.base_path),
    rewriteUrl: ({ url = '/' }) => withoutBase(url, config.base_path),
  });
  app.server.maxConnections = config.events_max + CONNECTIONS_SPARE;
  app.server.on('connect', ({ url = '' }: IncomingMessage, socket: Duplex) => {
    refuseMethod(url, socket, config.base_path);
  });
  closeWithin(app, CLOSE_MS);
  app.setValidatorCompiler<TObject>(({ schema }) => checkQuery(schema));
  // Answers are serialised where they are made.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, __, done) => done(null, undefined));
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply);
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
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, context));
  app.setNotFoundHandler((request, reply) => {
    const error = refuse(request, reply);
    return error === null ? reply.code(204).send() : sendProblem(error, request, reply, context);
  });
  return app;
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

/**
 * Node closes a connection that waits for its next request, but not one that never sent any: to
 * Node it is in the middle of its first. Browsers open such connections ahead of need, and one of
 * them would keep the server, and so the process, from ever ending.
 */
function closeWithin(app: FastifyInstance, ms: number): void {
  const unused = new Set<Socket>();
  let timer: NodeJS.Timeout | undefined;
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', ({ socket }: IncomingMessage) => unused.delete(socket));
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
    timer = setTimeout(() => app.server.closeAllConnections(), ms);
  });
  app.addHook('onClose', async () => clearTimeout(timer));
}

/** For input that is not HTTP, or has a method that Node.js does not know. */
function answerNonsense(error: ConnectionError, socket: Socket, basePath: string): void {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    const line = '431 Request Header Fields Too Large';
    answerPlainly(socket, basePath, { line, code: 'REQUEST_TOO_LARGE' });
    return;
  }
  // What came last: the beginning of the request when that is what is wrong.
  const [, url] = REQUEST_LINE.exec(String(error.rawPacket)) ?? [];
  refuseMethod(url ?? '', socket, basePath);
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
  socket.end(
    `HTTP/1.1 ${line}\r\n${allowed === undefined ? '' : `Allow: ${allowed}\r\n`}` +
      `Content-Type: ${PROBLEM_TYPE}\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
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

/** `GET, HEAD, OPTIONS`; null for an address that is none. */
function allowedMethods(path: string): string | null {
  const methods = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  if (methods.length === 0) return null;
  const head = methods.includes('GET') && path !== '/api/events' ? ['HEAD'] : [];
  return [...methods, ...head, 'OPTIONS'].join(', ');
}
