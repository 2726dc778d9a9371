/** Polling as a workspace wants it: the source, its budget, and what a first start shows. */
import { join } from 'node:path';
import type { Budget } from '../collector/budget.ts';
import { scaledClock, systemClock } from '../collector/clock.ts';
import { holdCollecting } from '../collector/collecting.ts';
import { type Collector, startCollector } from '../collector/collector.ts';
import { startJournal } from '../collector/journal.ts';
import type { JournalStore } from '../collector/journal-store.ts';
import { openCollectorMemory } from '../collector/memory.ts';
import { openOpenWeather } from '../collector/openweather/openweather.ts';
import { parseAnswer } from '../collector/openweather/parse.ts';
import { historyOf } from '../collector/simulator/history.ts';
import { type Simulator, startSimulator } from '../collector/simulator/server.ts';
import { isErrorCode } from '../errors.ts';
import type { Leases } from '../leases/leases.ts';
import type { Share } from '../leases/sharing.ts';
import type { Log, NewRecord } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import { type City, DEFAULT_CITIES } from '../model/city.ts';
import { type CollectedRecord, formatRecord } from '../model/observation.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { SourceChoice, Workspace } from './workspace.ts';

const DAY_MS = 86_400_000;
/** Seconds between two observations of the made-up history, as the real provider has them. */
const HISTORY_STEP_S = 600;
const APPEND_RECORDS = 1_000;
const SIGN_OF_LIFE_MS = 60_000;
/** The simulator is ours: it may be asked as often as it has something new. */
const SIMULATOR_LIMITS = {
  per_minute: 1_000_000,
  per_day: 100_000_000,
  per_month: 3_000_000_000,
} as const;

export interface PollingOptions {
  readonly workspace: Workspace;
  readonly source: Exclude<SourceChoice, 'none'>;
  readonly cities: readonly City[];
  readonly leases: Leases;
  readonly logger: Logger;
  readonly tracer: Tracer | undefined;
  /** Called with the collector when this process begins to poll, and with null when it stops. */
  readonly onCollector: (collector: Collector | null) => void;
  /** Where it is recorded what the collector does. */
  readonly journal: JournalStore;
  /** The collector does something else than before. */
  readonly onActivity: () => void;
}

/** Polls while no other process does; stands by otherwise. */
export function collect(options: PollingOptions): Promise<Share> {
  const { workspace, source, leases, logger, onCollector } = options;
  const { collector, lake } = workspace.config;
  const limits = source === 'simulator' ? SIMULATOR_LIMITS : collector.budget;
  const folder = collectorFolder(workspace);
  const shared = lake.engine !== 'local';
  const role = { leases, folder, limits, shared, clock: systemClock, logger };
  return holdCollecting(role, async (budget) => {
    await using stack = new AsyncDisposableStack();
    onCollector(await startPolling(options, budget, stack));
    const owned = stack.move();
    return {
      async stop() {
        await owned.disposeAsync();
        onCollector(null);
      },
    };
  });
}

function collectorFolder(workspace: Workspace): string {
  return join(workspace.folder, 'collector');
}

async function startPolling(
  { workspace, source: choice, cities, logger, tracer, journal: store, onActivity }: PollingOptions,
  budget: Budget,
  stack: AsyncDisposableStack,
): Promise<Collector> {
  const { config } = workspace;
  const log = await workspace.log();
  const simulator = choice === 'simulator' ? await startOwnSimulator(workspace, cities) : null;
  if (simulator !== null) stack.defer(() => simulator.stop());
  const simulated = simulator !== null;
  const { speed, interval_s: simulatorInterval } = config.simulator;
  const intervalSeconds = simulated ? simulatorInterval : config.collector.interval_s;
  const folder = collectorFolder(workspace);
  // The simulator's time may run faster; its observations are not in the future by its own clock.
  const clock =
    simulator === null
      ? systemClock
      : { ...scaledClock(speed), now: () => simulator.now().getTime() };
  if (simulator !== null) await appendHistory(workspace, log, cities, simulator);
  const memory = stack.use(openCollectorMemory(folder, logger));
  const source = openOpenWeather({
    url: simulator?.url ?? config.openweather.url,
    key: simulated ? 'simulated' : config.openweather.key,
    timeoutSeconds: config.collector.timeout_s,
    name: choice,
    intervalSeconds,
    folder,
    // An answer may take as long as it does; only its content is in the simulator's time.
    clock: { ...clock, wait: systemClock.wait },
    logger,
  });
  const everyMs = SIGN_OF_LIFE_MS * (simulated ? Math.max(1, speed) : 1);
  const journal = startJournal({ store, clock, everyMs, onChange: onActivity, logger });
  stack.defer(() => journal.stop());
  const collector = startCollector({
    source,
    cities,
    log,
    budget,
    memory,
    clock,
    intervalSeconds,
    delaySeconds: simulated ? Math.min(5, intervalSeconds / 10) : config.collector.delay_s,
    concurrency: config.collector.concurrency,
    retries: config.collector.retries,
    onStep: journal.note,
    logger,
    tracer,
  });
  stack.defer(() => collector.stop());
  return collector;
}

/** The cities of the configuration's list, or those that are polled without one. */
export async function configuredCities(path: string): Promise<readonly City[]> {
  if (path === '') return DEFAULT_CITIES;
  const { loadCities } = await import('../config/cities.ts');
  return loadCities(path);
}

function startOwnSimulator(workspace: Workspace, cities: readonly City[]): Promise<Simulator> {
  const { seed, interval_s, speed } = workspace.config.simulator;
  return startSimulator({ seed, intervalSeconds: interval_s, speed, cities });
}

/** False for a log that is away: it had a topic before, so its history exists or is not needed. */
async function isEmpty(log: Log): Promise<boolean> {
  try {
    for (let partition = 0; partition < log.partitionCount; partition++) {
      if ((await log.range(partition)).next > 0n) return false;
    }
    return true;
  } catch (error) {
    if (isErrorCode(error, 'LOG_UNAVAILABLE')) return false;
    throw error;
  }
}

/** Into an empty log: what the simulator would have answered in the days before. */
async function appendHistory(
  workspace: Workspace,
  log: Log,
  cities: readonly City[],
  simulator: Simulator,
): Promise<void> {
  const { seed, history_days } = workspace.config.simulator;
  if (history_days === 0 || !(await isEmpty(log))) return;
  const to = simulator.now();
  const from = new Date(to.getTime() - history_days * DAY_MS);
  let batch: NewRecord[] = [];
  for (const city of cities) {
    for (const record of historyRecords(seed, city, from, to)) {
      batch.push({ key: city.city_id, value: formatRecord(record) });
      if (batch.length < APPEND_RECORDS) continue;
      await log.append(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await log.append(batch);
}

/** What the simulator would have answered of a city between two times. */
export function* historyRecords(
  seed: number,
  city: City,
  from: Date,
  to: Date,
): Generator<CollectedRecord> {
  const stepSeconds = HISTORY_STEP_S;
  for (const { dt, body } of historyOf({ seed, city, from, to, stepSeconds })) {
    const answer = { status: 200, headers: new Headers(), body, collectedAt: (dt + 5) * 1_000 };
    yield parseAnswer(answer, city, { source: 'simulator', intervalSeconds: stepSeconds });
  }
}
