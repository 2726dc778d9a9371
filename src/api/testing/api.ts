/** The API over a real table, engine and publications in a temporary folder, for this room's tests. */
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { openAlertDesk } from '../../alerts/desk.ts';
import { compileRules } from '../../alerts/rules.ts';
import { openAlertStore } from '../../alerts/sqlite-store.ts';
import type { AlertStore } from '../../alerts/store.ts';
import { openEventsControl } from '../../analytics/anomaly-events.ts';
import { computeCityStatistics, computeHourlyTrends } from '../../analytics/compute.ts';
import { openPublished } from '../../analytics/published.ts';
import { openQualityControl } from '../../analytics/quality-control.ts';
import { createRefresher } from '../../analytics/refresh.ts';
import { loadConfig } from '../../config/load.ts';
import { openAnomalySearch } from '../../index/answering.ts';
import { silentLogger } from '../../logger.ts';
import type { City } from '../../model/city.ts';
import type { Observation } from '../../model/observation.ts';
import type { Stretch } from '../../model/outages.ts';
import type { RoomError, Status } from '../../model/status.ts';
import { type Explaining, explainWith } from '../../pipeline/provenance.ts';
import type { SqlEngine } from '../../sql/engine.ts';
import { OBSERVATION_COLUMNS, type Table } from '../../table/table.ts';
import { openTestLake, type TestLake } from '../../table/testing/lake.ts';
import { landingAppId } from '../../table/transactions.ts';
import { buildApp } from '../app.ts';
import type { ApiContext, LogTail, Publications } from '../context.ts';
import { exampleStatus } from './status.ts';

export interface TestApi extends AsyncDisposable {
  readonly lake: TestLake;
  readonly context: ApiContext;
  readonly alertStore: AlertStore;
  readonly app: FastifyInstance;
  /** What the clock says; may be set. */
  now: Date;
  /** Replies of the next status, and what the analytics fail with; may be set. */
  status: Status;
  failure: RoomError | null;
  /** What the collectors did; may be set. */
  stretches: readonly Stretch[];
  /** Puts records into the log, as the collector does, and wakes its followers. */
  put(partition: number, ...records: readonly (Observation | string)[]): void;
  /** Lands what waits, publishes the analytics and has the API look, unless told otherwise. */
  land(options?: {
    readonly publish?: boolean;
    /** Whether its values are checked and judged; not unless said. */
    readonly check?: boolean;
    readonly look?: boolean;
  }): Promise<void>;
  /** Says that there may be something new, and waits for nothing. */
  changed(): void;
  /** Has the API look for new versions now. */
  look(): Promise<void>;
  /** Statements that the engine has run for readers. */
  readonly queries: string[];
}

export interface TestApiOptions {
  readonly observations?: readonly Observation[];
  readonly cities?: readonly City[];
  readonly change?: (context: ApiContext) => ApiContext;
}

const CITIES: readonly City[] = ['berlin', 'cairo', 'oslo'].map((city_id, index) => ({
  city_id,
  name: city_id.charAt(0).toUpperCase() + city_id.slice(1),
  country: 'XX',
  latitude: 10 * index,
  longitude: 20 * index,
  time_zone: 'UTC',
}));

export async function openTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const lake = await openTestLake(2);
  const { observations, rejected, sink } = await lake.open();
  const sessions = await Promise.all([1, 2, 3, 4].map(() => lake.engine.session()));
  const [refreshing, publishing, computing, checking] = sessions;
  if (!refreshing || !publishing || !computing || !checking) throw new Error('no session');
  const cities = options.cities ?? CITIES;
  const refresher = createRefresher({
    table: observations,
    columns: OBSERVATION_COLUMNS,
    storage: lake.storage,
    session: refreshing,
    engineName: 'duckdb',
    scratch: lake.scratch,
    quality: openQualityControl({
      ...{ table: observations, columns: OBSERVATION_COLUMNS, session: checking },
      ...{ storage: lake.storage, scratch: lake.scratch },
      places: async () => new Map(cities.map((city) => [city.city_id, city])),
    }),
    events: openEventsControl({
      ...{ table: observations, columns: OBSERVATION_COLUMNS, session: checking },
      ...{ storage: lake.storage, scratch: lake.scratch },
    }),
    clock: () => test.now,
  });
  const published = openPublished(lake.storage, publishing);
  const publications: Publications = {
    latest: () => published.latest(),
    get failure() {
      return test.failure;
    },
    async compute(dataset, snapshot, selection, signal) {
      const paths = await observations.localPaths(snapshot.files);
      const chosen = { ...selection, paths, columns: OBSERVATION_COLUMNS };
      const rows =
        dataset === 'city_statistics'
          ? await computeCityStatistics(computing, chosen, signal)
          : await computeHourlyTrends(computing, chosen, signal);
      return rows as never;
    },
  };

  const queries: string[] = [];
  const log = followable(lake.log);
  const changes = new Set<() => void>();
  const alertStore = openAlertStore(join(lake.scratch, 'alerts'));
  const alerts = openAlertDesk(
    compileRules([], []),
    alertStore,
    () => {},
    () => test.now.getTime(),
  );
  const explaining: Explaining = {
    ...{ storage: lake.storage, observations, rejected, engine: lake.engine },
    imports: { read: async () => [] } as unknown as Explaining['imports'],
    cities: {
      read: async () => new Map((options.cities ?? CITIES).map((city) => [city.city_id, city])),
    } as unknown as Explaining['cities'],
    openLog: async () => lake.log,
  };
  const context: ApiContext = {
    config: {
      host: '127.0.0.1',
      port: 0,
      allowed_hosts: '',
      base_path: '',
      cors_origins: '',
      trusted_proxies: '',
      tls: {
        certificate_file: '',
        key_file: '',
        minimum: '1.2',
        redirect_port: 0,
        hsts_days: 365,
        hsts_subdomains: false,
      },
      stale_after_s: 7_200,
      events_max: 20,
      limits: {
        points_per_s: 0,
        exports_per_minute: 0,
        streams: 0,
        address_requests_per_s: 0,
        address_connections: 0,
      },
      auth: loadConfig({ file: null, env: {}, flags: {} }).config.api.auth,
      cache: {
        redis_url: '',
        tls_authority: '',
        prefix: 'isobar:',
        value_max_kib: 1_024,
        ttl_s: 3_600,
        timeout_ms: 10,
        lock_ms: 1_000,
      },
    },
    certificate: null,
    version: '1.2.3',
    simulated: false,
    webFolder: null,
    table: observations as Table,
    columns: OBSERVATION_COLUMNS,
    engine: countingEngine(lake.engine, queries),
    publications,
    sharedCache: null,
    rateLimits: null,
    explain: (asked, signal) => explainWith(explaining, asked, signal),
    search: openAnomalySearch(null),
    forecasts: null,
    log: log.tail,
    lastLanded: (snapshot, partition) =>
      snapshot.transactions.get(landingAppId(lake.log.id, partition)) ?? null,
    cities: () => cities,
    status: async () => test.status,
    collecting: async () => test.stretches,
    alerts,
    engines: null,
    access: null,
    recentHours: null,
    controls: null,
    onChange(listener) {
      changes.add(listener);
      return () => changes.delete(listener);
    },
    logger: silentLogger,
    clock: () => test.now,
    // Nothing moves but when a test says so.
    pollMs: 3_600_000,
  };

  const test = {
    lake,
    alertStore,
    context: options.change?.(context) ?? context,
    now: new Date('2024-11-01T00:00:00Z'),
    status: exampleStatus(),
    failure: null as RoomError | null,
    stretches: [] as readonly Stretch[],
    queries,
    put(partition: number, ...records: readonly (Observation | string)[]) {
      lake.log.put(partition, ...records);
      log.wake();
    },
    async land({ publish = true, check = false, look = true } = {}) {
      for (const partition of [0, 1]) while ((await sink.land(partition)) !== null);
      if (publish) await refresher.refresh();
      if (check && (await refresher.check()) !== null) await refresher.judge(100);
      if (look) await test.look();
    },
    changed() {
      for (const listener of changes) listener();
    },
    async look() {
      const table = await observations.refresh();
      const analytics = await published.latest();
      const versions = `.${table.version < 0 ? '' : table.version}.${analytics?.version ?? ''}`;
      await waitFor(`versions ${versions}`, async () => {
        test.changed();
        const { meta } = (await test.app.inject('/api/status')).json();
        return meta.position.endsWith(versions);
      });
    },
    app: undefined as unknown as FastifyInstance,
    async [Symbol.asyncDispose]() {
      await test.app.close();
      alertStore[Symbol.dispose]();
      for (const session of sessions) await session[Symbol.asyncDispose]();
      await lake[Symbol.asyncDispose]();
    },
  };
  if (options.observations !== undefined) {
    lake.log.put(0, ...options.observations);
    for (const partition of [0, 1]) while ((await sink.land(partition)) !== null);
    await refresher.refresh();
  }
  test.app = await buildApp(test.context);
  return test;
}

function countingEngine(engine: SqlEngine, queries: string[]): Pick<SqlEngine, 'session'> {
  return {
    async session() {
      const session = await engine.session();
      return {
        ...session,
        query(sql, parameters, signal) {
          queries.push(sql);
          return session.query(sql, parameters, signal);
        },
      };
    },
  };
}

/** A log in memory does not wake its followers; this one does. */
function followable(log: LogTail): { readonly tail: LogTail; wake(): void } {
  const sleepers = new Set<() => void>();
  let news = 0;
  return {
    wake() {
      news += 1;
      for (const rouse of sleepers) rouse();
    },
    tail: {
      id: log.id,
      partitionCount: log.partitionCount,
      read: log.read,
      range: log.range,
      async *follow(signal) {
        for (let notified = -1; !signal.aborted; ) {
          if (notified !== news) {
            notified = news;
            yield;
            continue;
          }
          await new Promise<void>((resolve) => {
            const rouse = () => {
              sleepers.delete(rouse);
              resolve();
            };
            sleepers.add(rouse);
            signal.addEventListener('abort', rouse, { once: true });
          });
        }
      },
    },
  };
}

/** Waits until the condition holds; throws with the last value after five seconds. */
export async function waitFor<T>(what: string, look: () => T | Promise<T>): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what}: it did not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
