/** What `/readyz` and `/healthz` say: one check for each room, and a problem for each that is not ok. */
import { asIsobarError, type ErrorCode } from '../errors.ts';
import type { CollectorState, CollectorStatus, RoomError, Status } from '../model/status.ts';
import type { Server } from './server.ts';
import type { Health } from './status-schemas.ts';

interface Check {
  readonly name: string;
  readonly state: Health['status'];
  readonly message: string;
  /** Names what is wrong; null when nothing is. */
  readonly code: string | null;
}

/** `strict` asks only whether data can be answered. */
export async function checkHealth(server: Server, strict: boolean): Promise<Health> {
  const checks: Check[] = [checkData(server)];
  if (!strict) checks.push(...(await checkRooms(server)));
  const states = new Set(checks.map(({ state }) => state));
  const worst = states.has('failing') ? 'failing' : states.has('degraded') ? 'degraded' : 'ok';
  return {
    status: worst,
    version: server.context.version,
    checks: checks.map(({ name, state, message }) => ({ name, state, message })),
    problems: checks.flatMap(({ code, message }) => (code === null ? [] : [{ code, message }])),
  };
}

function ok(name: string, message: string): Check {
  return { name, state: 'ok', message, code: null };
}

function checkData({ versions }: Server): Check {
  try {
    const { snapshot } = versions.current().conditions;
    const { failure } = versions;
    if (failure === null) return ok('data', `table version ${snapshot.version}`);
    const { code, message } = failure;
    return { name: 'data', state: 'degraded', message: `${code}: ${message}`, code };
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return { name: 'data', state: 'failing', message: `${code}: ${message}`, code };
  }
}

async function checkRooms(server: Server): Promise<readonly Check[]> {
  let status: Status;
  try {
    status = await server.status.get();
  } catch (error) {
    const { code, message } = asIsobarError(error);
    return [{ name: 'status', state: 'failing', message: `${code}: ${message}`, code }];
  }
  const { collector, log } = status;
  return [
    ...(collector === null ? [] : [checkCollector(collector)]),
    log.full
      ? { name: 'log', state: 'failing', message: 'it is at its size limit', code: 'LOG_FULL' }
      : ok('log', `${log.bytes} bytes`),
    ...(log.error === null ? [] : [checkRoom('brokers', log.error)]),
    checkRoom('table', status.table.error),
    checkRoom('landing', status.landing.error),
    checkRoom('analytics', status.analytics.error),
    ...(status.forecast === null ? [] : [checkRoom('forecast', status.forecast.error)]),
    checkRoom('index', status.index.error),
    ...(status.raw_export === null ? [] : [checkRoom('export', status.raw_export.error)]),
    ...(status.shared_cache === null ? [] : [checkRoom('cache', status.shared_cache.error)]),
    ...(status.certificate === null ? [] : [checkRoom('certificate', status.certificate.error)]),
  ];
}

/** States in which polling goes on, starts by itself, or was paused on request. */
const WELL: ReadonlySet<CollectorState> = new Set(['live', 'starting', 'paused']);
const CODES: Partial<Record<CollectorState, ErrorCode>> = {
  key_not_active: 'PROVIDER_KEY_REFUSED',
  key_refused: 'PROVIDER_KEY_REFUSED',
  quota: 'PROVIDER_QUOTA',
  budget_spent: 'BUDGET_SPENT',
  provider_down: 'PROVIDER_DOWN',
  log_full: 'LOG_FULL',
};

function checkCollector({ state, message, city_count, troubled }: CollectorStatus): Check {
  const name = 'collector';
  if (!WELL.has(state)) {
    // Another state is named after itself: COLLECTOR_STOPPED.
    const code = CODES[state] ?? `COLLECTOR_${state.toUpperCase()}`;
    return { name, state: 'degraded', message: `${state}: ${message}`, code };
  }
  const reason = mostFrequent(troubled.map((city) => city.reason));
  // Of many troubled cities the status names only the first.
  if (state !== 'live' || reason === null || troubled.length < Math.min(city_count, NAMED_MAX)) {
    return ok(name, `${state}: ${message}`);
  }
  const text = `no city has an observation that could be accepted; most often: ${reason}`;
  return { name, state: 'degraded', message: text, code: 'COLLECTOR_TROUBLED' };
}

const NAMED_MAX = 100;

function mostFrequent(texts: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}

function checkRoom(name: string, error: RoomError | null): Check {
  if (error === null) return ok(name, 'well');
  const { code, message, remedy } = error;
  return { name, state: 'degraded', message: `${code}: ${message} ${remedy}`, code };
}
