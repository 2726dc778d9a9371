/** `/api/events`: the stream of events. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Live } from '../live.ts';
import { parseCities } from '../parameters.ts';
import { type EventsQuery, EventsQuerySchema } from '../query-schemas.ts';
import { knownCities, type Server } from '../server.ts';

export function addEventsRoute(app: FastifyInstance, server: Server, live: Live): void {
  const options = { schema: { querystring: EventsQuerySchema }, exposeHeadRoute: false };
  app.get<{ Querystring: EventsQuery }>('/api/events', options, (request, reply) => {
    const { city, since } = request.query;
    const cities = city === undefined ? [] : parseCities(city, knownCities(server));
    live.refuseTooMany();
    const last = request.headers['last-event-id'];
    const { raw } = reply.hijack();
    // The connection ends with the stream, so that stopping need not wait for it to be idle.
    raw.shouldKeepAlive = false;
    raw.socket?.setNoDelay(true);
    raw.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    live.join(raw, { since: typeof last === 'string' && last !== '' ? last : since, cities });
    // The status sent last may be outdated when no viewer was connected.
    server.publishStatus();
  });
}
