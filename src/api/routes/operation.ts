/** `/api/status`, the checks, the metrics and the controls. */
import type { FastifyInstance } from 'fastify';
import { asIsobarError, IsobarError } from '../../errors.ts';
import type { RoomError, Status } from '../../model/status.ts';
import type { Controls } from '../context.ts';
import type { Registry } from '../metrics.ts';
import { addRoomMetrics } from '../room-metrics.ts';
import { parseAllowedHosts, refuseOtherSites } from '../security.ts';
import type { Server } from '../server.ts';
import type { ControlAnswer, Health, StatusAnswer } from '../status-schemas.ts';

export function addOperationRoutes(
  app: FastifyInstance,
  server: Server,
  registry: Registry,
  schema: object,
): void {
  const names = parseAllowedHosts(server.context.config.allowed_hosts);
  let lastStatus: Status | null = null;
  addRoomMetrics(registry, () => lastStatus);

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
    reply.header('cache-control', 'no-store').type('application/json; charset=utf-8');
    return JSON.stringify(answer);
  });

  app.get('/livez', { schema }, async (_, reply) => {
    reply.header('cache-control', 'no-store').type('application/json; charset=utf-8');
    return JSON.stringify({ status: 'ok' });
  });

  for (const [path, strict] of [
    ['/readyz', true],
    ['/healthz', false],
  ] as const) {
    app.get(path, { schema }, async (_, reply) => {
      const health = await checkHealth(server, strict);
      reply.code(health.status === 'failing' ? 503 : 200);
      reply.header('cache-control', 'no-store').type('application/json; charset=utf-8');
      return JSON.stringify(health);
    });
  }

  app.get('/metrics', { schema }, async (_, reply) => {
    lastStatus = await server.status.get().catch(() => null);
    reply.header('cache-control', 'no-store').type('text/plain; version=0.0.4; charset=utf-8');
    return registry.format();
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
      server.tellStatus();
      const answer: ControlAnswer = { done };
      reply.header('cache-control', 'no-store').type('application/json; charset=utf-8');
      return JSON.stringify(answer);
    });
  }
}

type Check = Health['checks'][number];

/** `strict` asks only whether data can be answered. */
async function checkHealth(server: Server, strict: boolean): Promise<Health> {
  const checks: Check[] = [checkData(server)];
  if (!strict) checks.push(...(await checkRooms(server)));
  const states = new Set(checks.map(({ state }) => state));
  const worst = states.has('failing') ? 'failing' : states.has('degraded') ? 'degraded' : 'ok';
  return { status: worst, version: server.context.version, checks };
}

function checkData({ versions }: Server): Check {
  try {
    const { snapshot } = versions.current().picture;
    const { failure } = versions;
    return failure === null
      ? { name: 'data', state: 'ok', message: `table version ${snapshot.version}` }
      : { name: 'data', state: 'degraded', message: `${failure.code}: ${failure.message}` };
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return { name: 'data', state: 'failing', message: `${code}: ${message}` };
  }
}

async function checkRooms(server: Server): Promise<readonly Check[]> {
  let status: Status;
  try {
    status = await server.status.get();
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return [{ name: 'status', state: 'failing', message: `${code}: ${message}` }];
  }
  const { collector, log } = status;
  return [
    ...(collector === null ? [] : [checkCollector(collector)]),
    {
      name: 'log',
      state: log.full ? ('failing' as const) : ('ok' as const),
      message: log.full ? 'it is at its size limit' : `${log.bytes} bytes`,
    },
    ...(log.error === null ? [] : [checkRoom('brokers', log.error)]),
    checkRoom('table', status.table.error),
    checkRoom('landing', status.landing.error),
    checkRoom('analytics', status.analytics.error),
    ...(status.raw_export === null ? [] : [checkRoom('export', status.raw_export.error)]),
  ];
}

function checkCollector({ state, message }: NonNullable<Status['collector']>): Check {
  const well = state === 'live' || state === 'starting' || state === 'paused';
  return { name: 'collector', state: well ? 'ok' : 'degraded', message: `${state}: ${message}` };
}

function checkRoom(name: string, error: RoomError | null): Check {
  return error === null
    ? { name, state: 'ok', message: 'well' }
    : { name, state: 'degraded', message: `${error.code}: ${error.message} ${error.remedy}` };
}
