/**
 * The HTTP API.
 *
 * One request: `security.ts` (who asks) → Fastify checks the parameters by the route table →
 * the route parses them → `versions.ts` says which table and analytics are answered from →
 * `answers.ts` finds the data in the cache or has it computed → meta, ETag, compression.
 */
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { IsobarError } from '../errors.ts';
import { openAnswers } from './answers.ts';
import { addApiMetrics } from './api-metrics.ts';
import type { ApiContext } from './context.ts';
import { type Live, openLive } from './live.ts';
import { openRegistry } from './metrics.ts';
import { formatPosition } from './position.ts';
import { formatProblem, PROBLEM_TYPE, sendProblem } from './problem.ts';
import { openReader } from './reader.ts';
import { NoQuerySchema, ROUTES } from './route-table.ts';
import { addCitiesRoute } from './routes/cities.ts';
import { addDatasetRoutes } from './routes/datasets.ts';
import { addEventsRoute } from './routes/events.ts';
import { addOperationRoutes } from './routes/operation.ts';
import { addPageRoutes } from './routes/pages.ts';
import { addRawDataRoute } from './routes/raw-data.ts';
import { addSeriesRoutes } from './routes/series.ts';
import { openRows } from './rows.ts';
import { refuseForeignHost, setSecurityHeaders } from './security.ts';
import type { Server } from './server.ts';
import { openStatusWatch } from './status-watch.ts';
import { openTail, type Tail } from './tail.ts';
import { openVersions, type Versions } from './versions.ts';

const URL_CHARACTERS_MAX = 8_192;
const STATUS_MS = 1_000;
const TAIL_RETRY_MS = 1_000;

/**
 * Everything but listening. Resolves once the versions that are there can be answered from, or
 * with answers that say why not; `close()` says good-bye to the viewers and lets go of everything.
 */
export async function buildApp(context: ApiContext): Promise<FastifyInstance> {
  const clock = context.clock ?? (() => new Date());
  const stop = new AbortController();
  const { signal } = stop;
  const reader = openReader(context);
  const answers = openAnswers(clock);
  const versions = openVersions(context, reader, answers.warm);
  await versions.refresh();

  let tail: Tail | null = null;
  const live = openLive({
    logId: context.log?.id ?? null,
    tail: () => tail,
    simulated: context.simulated,
    viewersMax: context.config.events_max,
    landed: (partition, offset) => BigInt(lastLanded(partition) ?? -1) >= offset,
  });
  const server: Server = {
    context,
    clock,
    reader,
    rows: openRows(context.publications),
    versions,
    answers,
    status: openStatusWatch(() => context.status()),
    get tail() {
      return tail;
    },
    position: () => formatPosition(live.position()),
    tellStatus() {
      // That the status cannot be told is what /healthz says.
      tellStatus(server, live).catch((error: unknown) => {
        context.logger.debug({ err: error }, 'telling the status: there is none');
      });
    },
  };

  function lastLanded(partition: number): number | null {
    const snapshot = snapshotOf(versions);
    return snapshot === null ? null : context.lastLanded(snapshot, partition);
  }

  async function startTail(): Promise<void> {
    const { log } = context;
    if (log === null || signal.aborted) return;
    try {
      tail = await openTail({
        log,
        logger: context.logger,
        firstWaiting: (partition) => {
          const last = lastLanded(partition);
          return last === null ? null : BigInt(last) + 1n;
        },
        onEvents: live.publishRecords,
        onSkip: () => live.reset('more came at once than can be told'),
      });
      live.reset('the log can be followed again');
      void tail.run(signal);
    } catch (error) {
      context.logger.error({ err: error }, 'following the log: it cannot be read, trying again');
      setTimeout(() => void startTail(), TAIL_RETRY_MS).unref();
    }
  }

  await startTail();
  tellVersions(versions, live);
  server.tellStatus();
  const watch = setInterval(() => {
    if (live.counts.viewers > 0) server.tellStatus();
  }, STATUS_MS);
  signal.addEventListener('abort', () => clearInterval(watch));
  versions.start(signal);
  return createApp(server, live, async () => {
    stop.abort();
    await live.close();
  });
}

function snapshotOf(versions: Versions) {
  try {
    return versions.current().picture.snapshot;
  } catch {
    // There is no version yet; then nothing has landed either.
    return null;
  }
}

function tellVersions(versions: Versions, live: Live): void {
  const tell = ({ picture, publication }: ReturnType<Versions['current']>) => {
    live.publishVersion({
      table_version: picture.snapshot.version < 0 ? null : picture.snapshot.version,
      analytics_version: publication?.version ?? null,
      observed_to: picture.observedTo,
    });
  };
  if (snapshotOf(versions) !== null) tell(versions.current());
  versions.onMove(tell);
}

async function tellStatus(server: Server, live: Live): Promise<void> {
  const { collector, log, landing, analytics } = await server.status.get();
  live.publishStatus({
    collector: collector && { state: collector.state, message: collector.message },
    log_full: log.full,
    landing_error: landing.error,
    analytics_error: analytics.error,
  });
}

async function createApp(
  server: Server,
  live: Live,
  stop: () => Promise<void>,
): Promise<FastifyInstance> {
  const { context } = server;
  const app = Fastify({
    bodyLimit: 16 * 1_024,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: 24 * 1_024, headersTimeout: 10_000 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array', useDefaults: true } },
    // A malformed address never reaches the hooks.
    frameworkErrors: (error, request, reply) => {
      setSecurityHeaders(reply);
      return sendProblem(error, request, reply, context.logger);
    },
    clientErrorHandler(error, socket) {
      const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
      const code = tooLarge ? 'REQUEST_TOO_LARGE' : 'REQUEST_INVALID';
      const body = JSON.stringify(formatProblem(new IsobarError(code, 'it is no HTTP'), '/'));
      if (!socket.writable) return;
      const line = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
      socket.end(
        `HTTP/1.1 ${line}\r\nContent-Type: ${PROBLEM_TYPE}\r\nConnection: close\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    },
  });
  app.server.maxConnections = context.config.events_max + 1_000;
  // Answers are serialised where they are made.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, __, done) => done(null, undefined));

  const registry = openRegistry();
  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply);
    refuseForeignHost(request, context.config.host);
    if (request.url.length > URL_CHARACTERS_MAX) {
      throw new IsobarError(
        'REQUEST_TOO_LARGE',
        `the address has ${request.url.length} characters`,
      );
    }
  });
  addApiMetrics(app, registry, server, live);
  app.addHook('preClose', stop);
  app.addHook('onClose', () => server.reader[Symbol.asyncDispose]());
  app.setErrorHandler((error, request, reply) =>
    sendProblem(error, request, reply, context.logger),
  );
  app.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(request);
    if (allowed !== null) reply.header('allow', allowed);
    if (allowed !== null && request.method === 'OPTIONS') return reply.code(204).send();
    const path = JSON.stringify(request.url.split('?')[0]?.slice(0, 256));
    const error =
      allowed === null
        ? new IsobarError('NOT_FOUND', `there is nothing at ${path}`)
        : new IsobarError('METHOD_NOT_ALLOWED', `${path} takes ${allowed}`);
    return sendProblem(error, request, reply, context.logger);
  });

  addDatasetRoutes(app, server);
  addRawDataRoute(app, server);
  addSeriesRoutes(app, server);
  addCitiesRoute(app, server);
  addEventsRoute(app, server, live);
  addOperationRoutes(app, server, registry, { querystring: NoQuerySchema });
  addPageRoutes(app, context);
  await app.ready();
  return app;
}

/** `GET, HEAD, OPTIONS`; null for an address that is none. */
function allowedMethods(request: FastifyRequest): string | null {
  const path = request.url.split('?')[0];
  const methods = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
  if (methods.length === 0) return null;
  const head = methods.includes('GET') && path !== '/api/events' ? ['HEAD'] : [];
  return [...methods, ...head, 'OPTIONS'].join(', ');
}
