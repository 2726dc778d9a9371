/**
 * The composition root: Config → open rooms → run → close in reverse. Read top to bottom it is the
 * path of an observation: collect, hold, land, export, compute, serve.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { computeCityStatistics, computeHourlyTrends } from '../analytics/compute.ts';
import { openPublished } from '../analytics/published.ts';
import type { RefreshLoop } from '../analytics/refresh-loop.ts';
import type { ApiContext } from '../api/context.ts';
import type { SharedCache } from '../api/shared/cache.ts';
import { openRateLimits, openSharedCache } from '../api/shared/open.ts';
import type { Certificate } from '../api/tls/certificate.ts';
import type { Collector } from '../collector/collector.ts';
import type { Config } from '../config/schema.ts';
import type { Engines } from '../engines/engine-probe.ts';
import { IsobarError } from '../errors.ts';
import { openLatest } from '../forecast/latest.ts';
import type { AnomalySearch } from '../index/answering.ts';
import { lockFolder } from '../lake/folder-lock.ts';
import type { Share } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import type { City } from '../model/city.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { watchTable } from '../table/table-watch.ts';
import { landingAppId } from '../table/transactions.ts';
import { openTracer } from '../tracing/open.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { assertAccess, openApiAccess } from './access.ts';
import { type AlertRoom, assertAlerts, openAlertRoom, startAlerts } from './alerting.ts';
import { type CollectingHistory, openCollectingHistory } from './collecting.ts';
import { watchEngines } from './engines.ts';
import { forecast } from './forecasting.ts';
import { openHealthPort } from './health-port.ts';
import { type Indexing, startIndexing } from './indexing.ts';
import { collect, configuredCities } from './polling.ts';
import { explainInWorkspace } from './provenance.ts';
import { listen, openConfiguredCertificate } from './serving.ts';
import { NOTHING_RUNS, openStatusReader } from './status.ts';
import { analyze, land, landed, type Running, type StepContext } from './steps.ts';
import { assertStreams, openRecentHours, stream } from './streaming.ts';
import {
  chooseSource,
  openWorkspace,
  openWorkspaceLeases,
  rootOf,
  type SourceChoice,
  type Workspace,
} from './workspace.ts';

/** The steps that run in this process. */
export type Role = 'collect' | 'land' | 'analyze' | 'serve' | 'alert' | 'stream';
export const ROLES: readonly Role[] = ['collect', 'land', 'analyze', 'serve', 'alert', 'stream'];

/** Between two looks at what other processes have landed and published. */
const LOOK_MS = 1_000;
const LOOK_ALONE_MS = 3_000;

export interface PipelineOptions {
  readonly config: Config;
  readonly roles: readonly Role[];
  readonly logger: Logger;
  /** The program's own version. */
  readonly version: string;
  /** Names this process to a second one: `isobar start`. */
  readonly command: string;
  /** Folder of the built page, or null. */
  readonly webFolder: string | null;
  /** Where the secrets of channels may be. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Pipeline extends AsyncDisposable {
  readonly simulated: boolean;
  readonly folder: string;
  /** Where the page is, or null without the role `serve`. */
  readonly url: string | null;
  /** Lands and refreshes all that waits now. */
  settle(): Promise<void>;
}

export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  assertStreams(options.config);
  if (options.roles.includes('serve')) assertAccess(options.config);
  // Before anything is polled.
  if (options.roles.includes('alert')) assertAlerts(options.config, options.env ?? process.env);
  const rooms = new AsyncDisposableStack();
  const shutdown = new AbortController();
  const stop = () => stopRooms(rooms, shutdown, options.config.stop_s);
  try {
    // Before what may take long, so that it can be asked from the beginning.
    const health =
      options.config.health.port > 0 ? await openHealthPort(options.config.health) : null;
    rooms.use(health);
    const started = await startRooms(options, rooms, shutdown.signal);
    if (health !== null) {
      health.isReady = true;
      // What is deferred last is done first.
      rooms.defer(() => {
        health.isReady = false;
      });
    }
    return { ...started, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In reverse; waits at most that long for a lake or a Spark that does not answer. */
async function stopRooms(
  rooms: AsyncDisposableStack,
  shutdown: AbortController,
  seconds: number,
): Promise<void> {
  const late = new IsobarError('ABORTED', `stopping has lasted ${seconds} s`);
  const timer = setTimeout(() => shutdown.abort(late), seconds * 1_000);
  try {
    await rooms.disposeAsync();
  } finally {
    clearTimeout(timer);
  }
}

async function startRooms(
  options: PipelineOptions,
  stack: AsyncDisposableStack,
  deadline: AbortSignal,
): Promise<Omit<Pipeline, typeof Symbol.asyncDispose>> {
  const { config, logger } = options;
  const has = (role: Role) => options.roles.includes(role);
  const source = await chooseSource(config);
  const simulated = source === 'simulator';
  const folder = rootOf(config, simulated);
  const hasAll = options.roles.length === ROLES.length;
  if (hasAll) stack.use(await lockFolder(folder, options.command));
  // What this process does itself it knows at once.
  const lookMs = hasAll && config.lake.engine === 'local' ? LOOK_ALONE_MS : LOOK_MS;
  const tracer = await openTracing(options, simulated, stack);
  const workspace = stack.use(
    await openWorkspace(config, simulated, {
      signal: deadline,
      onLogAway: ({ code, message }) =>
        logger.warn(
          { code },
          `opening the log: ${message}; going on with what is known of it here: ` +
            'what is collected waits on this machine',
        ),
    }),
  );
  const cities = await openCityList(workspace, has('serve'));
  const changes = createChanges();

  // Stopping order: polling, then landing what it left, then export and analytics, then serving.
  const running: Running = { ...NOTHING_RUNS, maintenance: null };
  const history = stack.use(openCollectingHistory(workspace, logger));
  const isWatching = has('serve') || has('alert');
  const alerts = isWatching && config.alerts.enabled ? stack.use(openAlertRoom(workspace)) : null;
  const status = await openStatusReader(workspace, running, options.version, alerts);
  const engines = isWatching ? stack.use(await watchEngines(workspace)) : null;
  const rooms = { engines, alerts, running, settle, changes, lookMs, tracer };
  const facts = {
    cities: () => cities.list,
    status: () => status.read(),
    collecting: () => history.read(),
  };
  const served = has('serve')
    ? await startServing(options, workspace, stack, { ...rooms, ...facts })
    : null;
  const leases = stack.use(await openWorkspaceLeases(workspace, options.command, logger));
  const onChange = changes.report;
  const context = { workspace, leases, logger, tracer, running, onChange, deadline };
  const add = (share: Share) => stack.defer(() => share.stop());
  if (served !== null) add(await served.indexing.share(leases));
  if (has('analyze')) add(await analyze(context));
  if (has('analyze') && config.forecast.enabled) add(await forecast(context));
  if (has('land')) add(await land(context));
  if (has('land') || has('analyze')) {
    add(await watchTable(workspace.observations, lookMs, () => landed(context)));
  }
  if (has('collect') && source !== 'none') {
    add(history.share());
    add(await startCollecting(context, source, cities, history));
  }

  if (has('stream') && config.streaming.enabled) add(await stream(context));
  if (alerts !== null) {
    const env = options.env ?? process.env;
    add(await startAlerts({ ...context, ...facts, engines, room: alerts, env }, has('alert')));
  }

  async function settle(): Promise<void> {
    await running.landing?.landAll();
    await running.analytics?.refreshNow();
  }

  return { simulated, folder, url: served?.url ?? null, settle };
}

/** Closed after all that makes spans; undefined when nothing is exported. */
async function openTracing(
  { config, roles, version, logger }: PipelineOptions,
  simulated: boolean,
  stack: AsyncDisposableStack,
): Promise<Tracer | undefined> {
  const of = { version, roles: roles.join(','), simulated, logger };
  return stack.use(await openTracer(config.tracing, of)) ?? undefined;
}

/** Serves until the stack is disposed of, and keeps the index that searches need. */
async function startServing(
  options: PipelineOptions,
  workspace: Workspace,
  stack: AsyncDisposableStack,
  rooms: Omit<ServedRooms, 'search'> & { readonly running: Running },
): Promise<{ readonly url: string; readonly indexing: Indexing }> {
  const { config, logger, command } = options;
  const { running, changes, lookMs } = rooms;
  const certificate = await openConfiguredCertificate(config, logger);
  if (certificate !== null) running.certificate = stack.use(certificate);
  running.cache = stack.use(await openSharedCache(config.api.cache, logger));
  const indexing = await startIndexing(workspace, { logger, lookMs });
  const { loop, search } = indexing;
  running.index = loop;
  stack.defer(changes.listen(() => loop.wake()));
  stack.defer(() => loop.stop());
  const context = await apiContext(options, workspace, { ...rooms, search }, stack);
  return { url: await listen(context, stack, workspace.folder, command), indexing };
}

async function startCollecting(
  { workspace, leases, logger, tracer, running }: StepContext,
  source: Exclude<SourceChoice, 'none'>,
  cities: Awaited<ReturnType<typeof openCityList>>,
  history: CollectingHistory,
): Promise<Share> {
  const polled = await configuredCities(workspace.config.collector.cities);
  await cities.remember(polled, source);
  return collect({
    ...{ workspace, source, cities: polled, leases, logger, tracer, journal: history.store },
    onActivity: () => history.changed(),
    onCollector(collector) {
      running.collector = collector;
    },
  });
}

/** The known cities as one array, made anew only when something changed. */
async function openCityList(workspace: Workspace, isServing: boolean) {
  let list: readonly City[] = [];
  const { api, collector } = workspace.config;
  // Tags are those of this process's own list, and for what users may see alone.
  const isTagged = isServing && api.auth.mode !== 'none';
  const configured = isTagged ? await configuredCities(collector.cities) : [];
  const tagsOf = new Map(configured.map(({ city_id, tags }) => [city_id, tags]));
  const read = async () => {
    const known = await workspace.cities.read();
    list = [...known.values()].map(({ source: _, ...city }) => {
      const tags = tagsOf.get(city.city_id);
      return tags === undefined ? city : { ...city, tags };
    });
  };
  await read();
  return {
    get list() {
      return list;
    },
    async remember(cities: readonly City[], source: string) {
      await workspace.cities.remember(cities.map(({ tags: _, ...city }) => ({ ...city, source })));
      await read();
    },
  };
}

interface Changes {
  report(): void;
  listen(listener: () => void): () => void;
}

function createChanges(): Changes {
  const listeners = new Set<() => void>();
  return {
    report() {
      for (const listener of listeners) listener();
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

interface ServedRooms {
  readonly search: AnomalySearch;
  readonly cities: () => readonly City[];
  readonly running: {
    readonly collector: Collector | null;
    readonly analytics: RefreshLoop | null;
    readonly cache: SharedCache | null;
    readonly certificate: Certificate | null;
  };
  readonly status: ApiContext['status'];
  readonly engines: Engines | null;
  readonly settle: () => Promise<void>;
  readonly changes: Changes;
  readonly lookMs: number;
  readonly alerts: AlertRoom | null;
  readonly collecting: ApiContext['collecting'];
  readonly tracer: Tracer | undefined;
}

async function apiContext(
  options: PipelineOptions,
  workspace: Workspace,
  rooms: ServedRooms,
  stack: AsyncDisposableStack,
): Promise<ApiContext> {
  const log = await workspace.log();
  const { observations, engine, storage } = workspace;
  const published = openPublished(storage, await workspace.session(), (_, problem) =>
    options.logger.warn({ code: 'TABLE_CORRUPT' }, `stepping over a publication: ${problem}`),
  );
  const computing = await workspace.session();
  return {
    config: options.config.api,
    certificate: rooms.running.certificate,
    version: options.version,
    simulated: workspace.simulated,
    webFolder: options.webFolder,
    table: observations,
    columns: OBSERVATION_COLUMNS,
    engine,
    sharedCache: rooms.running.cache,
    rateLimits:
      options.config.api.auth.mode === 'none'
        ? null
        : await openRateLimits(options.config.api.cache, options.logger),
    publications: {
      latest: () => published.latest(),
      get failure() {
        return rooms.running.analytics?.failure ?? null;
      },
      async compute(dataset, snapshot, selected, signal) {
        const paths = await observations.localPaths(snapshot.files);
        const selection = { ...selected, paths, columns: OBSERVATION_COLUMNS };
        const run = dataset === 'city_statistics' ? computeCityStatistics : computeHourlyTrends;
        return (await run(computing, selection, signal)) as never;
      },
    },
    explain: (asked, signal) => explainInWorkspace(workspace, asked, signal),
    log,
    search: rooms.search,
    forecasts: options.config.forecast.enabled ? openLatest(storage, rooms.lookMs) : null,
    lastLanded(snapshot, partition) {
      return snapshot.transactions.get(landingAppId(log.id, partition)) ?? null;
    },
    cities: rooms.cities,
    status: rooms.status,
    alerts: rooms.alerts,
    engines: rooms.engines,
    access: await openApiAccess(options.config, options.logger, stack),
    collecting: rooms.collecting,
    recentHours: options.config.streaming.enabled ? await openRecentHours(workspace, stack) : null,
    tracer: rooms.tracer,
    controls: !options.roles.includes('collect')
      ? null
      : {
          pause: async () => rooms.running.collector?.pause(),
          resume: async () => rooms.running.collector?.resume(),
          refreshNow: async () => {
            void rooms.running.collector?.refreshNow();
            await rooms.settle();
          },
        },
    onChange: (listener) => rooms.changes.listen(listener),
    pollMs: rooms.lookMs,
    logger: options.logger,
  };
}

/** The built page beside this program, or null. */
export function findWebFolder(): string | null {
  const folder = join(import.meta.dirname, '..', '..', 'web', 'dist');
  return existsSync(join(folder, 'index.html')) ? folder : null;
}
