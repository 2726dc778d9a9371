/** `/api/status`, the checks, the metrics and the controls. */
import type { FastifyInstance } from 'fastify';
import { IsobarError } from '../../errors.ts';
import type { Status } from '../../model/status.ts';
import type { Controls } from '../context.ts';
import { checkHealth } from '../health.ts';
import { METRICS_TYPE, type ServerMetrics } from '../metrics.ts';
import { addRoomMetrics } from '../room-metrics.ts';
import { parseAllowedHosts, refuseOtherSites } from '../security.ts';
import { type Server, sendNow } from '../server.ts';
import type { ControlAnswer, StatusAnswer } from '../status-schemas.ts';

export function addOperationRoutes(
  app: FastifyInstance,
  server: Server,
  metrics: ServerMetrics,
  schema: object,
): void {
  const names = parseAllowedHosts(server.context.config.allowed_hosts);
  let lastStatus: Status | null = null;
  addRoomMetrics(metrics, () => lastStatus);

  app.get('/api/status', { schema }, async (_, reply) => {
    const answer: StatusAnswer = {
      meta: {
        answered_at: server.clock().toISOString(),
        position: server.position(),
        controls: server.context.controls !== null,
      },
      // The port's arrays are read-only, the schema's are not.
      data: (await server.status.get()) as StatusAnswer['data'],
    };
    return sendNow(reply, answer);
  });

  app.get('/livez', { schema }, (_, reply) => sendNow(reply, { status: 'ok' }));

  for (const [path, strict] of [
    ['/readyz', true],
    ['/healthz', false],
  ] as const) {
    app.get(path, { schema }, async (request, reply) => {
      const health = await checkHealth(server, strict);
      reply.code(health.status === 'failing' ? 503 : 200);
      // Probes need no more; what is wrong is for those who may see it.
      const { principal } = request;
      const isWhole = principal !== null && principal.cities === null;
      const shown = !isWhole ? { ...health, problems: [], checks: [] } : health;
      return sendNow(reply, shown);
    });
  }

  app.get('/metrics', { schema }, async (_, reply) => {
    lastStatus = await server.status.get().catch(() => null);
    reply.header('cache-control', 'no-store').type(METRICS_TYPE);
    return metrics.format();
  });

  addControl('/api/pause', 'pause', (controls) => controls.pause());
  addControl('/api/resume', 'resume', (controls) => controls.resume());
  addControl('/api/refresh', 'refresh', (controls) => controls.refreshNow());

  function addControl(
    path: string,
    done: ControlAnswer['done'],
    act: (controls: Controls) => Promise<void>,
  ): void {
    app.post(path, { schema }, async (request, reply) => {
      refuseOtherSites(request, names);
      const { controls } = server.context;
      if (controls === null) {
        throw new IsobarError('NOT_FOUND', 'there is nothing to control in this process');
      }
      await act(controls);
      server.status.forget();
      server.publishStatus();
      const answer: ControlAnswer = { done };
      return sendNow(reply, answer);
    });
  }
}
