/** `/api/events`: the stream of events. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isStillAllowed } from '../access.ts';
import type { Live } from '../live.ts';
import { type EventsQuery, EventsQuerySchema } from '../query-schemas.ts';
import type { Server } from '../server.ts';
import { namedCities, viewOf } from '../view.ts';

const ALLOWED_EVERY_MS = 15_000;

export function addEventsRoute(app: FastifyInstance, server: Server, live: Live): void {
  const options = { schema: { querystring: EventsQuerySchema }, exposeHeadRoute: false };
  app.get<{ Querystring: EventsQuery }>('/api/events', options, (request, reply) => {
    const { city, since } = request.query;
    const view = viewOf(server, request);
    const cities = namedCities(view, city);
    const limit = view.scope === null ? null : view.allows;
    live.refuseTooMany();
    const release = server.limiting?.openStream(request);
    const last = request.headers['last-event-id'];
    const { raw } = reply.hijack();
    // The connection ends with the stream, so that stopping need not wait for it to be idle.
    raw.shouldKeepAlive = false;
    if (release !== undefined) raw.once('close', release);
    raw.socket?.setNoDelay(true);
    raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    endWhenRefused(request, raw, server);
    live.join(raw, {
      since: typeof last === 'string' && last !== '' ? last : since,
      cities,
      limit,
    });
    // The status sent last may be outdated when no viewer was connected.
    server.publishStatus();
  });
}

/** A session that ends, or may see other cities, while its stream is open ends the stream, soon. */
function endWhenRefused(request: FastifyRequest, raw: ServerResponse, server: Server): void {
  const { access } = server.context;
  if (access === null) return;
  const timer = setInterval(async () => {
    const isAllowed = await isStillAllowed(request, access).catch(() => true);
    if (!isAllowed) raw.end();
  }, ALLOWED_EVERY_MS);
  timer.unref();
  raw.once('close', () => clearInterval(timer));
}
