/** `/api/explain`: what is behind a number, as it is at the moment. */
import type { FastifyInstance } from 'fastify';
import { IsobarError } from '../../errors.ts';
import { parseRange, parseTime } from '../parameters.ts';
import { type ExplainQuery, ExplainQuerySchema } from '../query-schemas.ts';
import { nameTimeout } from '../reader.ts';
import type { ExplainAnswer } from '../schemas.ts';
import { type Server, sendNow } from '../server.ts';
import { namedCities, viewOf } from '../view.ts';

/** Explanations that are made at the same time; each takes a session of the engine. */
const RUNNING_MAX = 4;
const TIMEOUT_MS = 30_000;

export function addExplainRoute(app: FastifyInstance, server: Server): void {
  let running = 0;
  const schema = { querystring: ExplainQuerySchema };
  app.get<{ Querystring: ExplainQuery }>('/api/explain', { schema }, async (request, reply) => {
    const { dataset, city, time } = request.query;
    namedCities(viewOf(server, request), [city]);
    const asked = {
      dataset,
      cityId: city,
      time: time === undefined ? null : parseTime('time', time).replace('.000Z', 'Z'),
      ...parseRange(request.query),
    };
    if (running >= RUNNING_MAX) {
      throw new IsobarError('BUSY', `${running} explanations are being made already`);
    }
    running += 1;
    try {
      const data = await server.context.explain(asked, AbortSignal.timeout(TIMEOUT_MS));
      const answer = { meta: { answered_at: server.clock().toISOString() }, data };
      return sendNow(reply, answer satisfies ExplainAnswer);
    } catch (error) {
      throw nameTimeout(error, TIMEOUT_MS);
    } finally {
      running -= 1;
    }
  });
}
