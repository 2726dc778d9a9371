/** `/api/engines`: what the services are like. */
import type { FastifyInstance } from 'fastify';
import type { EnginesAnswer } from '../engine-schemas.ts';
import { type Server, sendNow } from '../server.ts';

export function addEnginesRoute(app: FastifyInstance, server: Server, schema: object): void {
  app.get('/api/engines', { schema }, async (_, reply) => {
    const { engines } = server.context;
    const answer = {
      meta: {
        answered_at: server.clock().toISOString(),
        interval_s: engines?.intervalSeconds ?? null,
      },
      data: engines?.list() ?? [],
    };
    // The port's arrays are read-only, the schema's are not.
    return sendNow(reply, answer as EnginesAnswer);
  });
}
