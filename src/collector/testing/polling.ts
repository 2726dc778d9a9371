/** The polling loop with all of its parts against a virtual world, for tests. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Log, NewRecord } from '../../log/log.ts';
import { type City, DEFAULT_CITIES } from '../../model/city.ts';
import type { CollectedRecord } from '../../model/observation.ts';
import { type BudgetLimits, openBudget } from '../budget.ts';
import type { Check } from '../check.ts';
import { type Collector, startCollector } from '../collector.ts';
import { startJournal } from '../journal.ts';
import { type JournalStore, openJournalStore } from '../journal-store.ts';
import { openCollectorMemory } from '../memory.ts';
import { openOpenWeather } from '../openweather/openweather.ts';
import { openTestClock, type TestClock } from './clock.ts';
import { type Outcome, openTestWorld, type World } from './world.ts';

export const CANARY = 'canary0123456789abcdef0123456789';
export const DEFAULT_LIMITS: BudgetLimits = { per_minute: 60, per_day: 1_000, per_month: 31_000 };

export interface PollingOptions {
  readonly start: string;
  readonly cities?: readonly City[];
  readonly limits?: BudgetLimits;
  readonly intervalSeconds?: number;
  readonly lagSeconds?: number;
  readonly skewSeconds?: number;
  readonly concurrency?: number;
  readonly outcome?: (cityId: string) => Outcome;
  readonly append?: Log['append'];
}

export interface TestPolling extends Disposable {
  readonly clock: TestClock;
  readonly world: World;
  readonly folder: string;
  /** What is in the log, in order. */
  readonly records: CollectedRecord[];
  readonly checks: Check[];
  readonly lines: string[];
  readonly collector: Collector;
  readonly journal: JournalStore;
  /** Stops the loop, closes its files, and starts it on the same folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Everything that was written anywhere, as text. */
  everything(): string;
}

/** Numbers from 0 to 1 that are the same in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    // mulberry32, Tommy Ettinger, public domain.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function startTestPolling(options: PollingOptions): TestPolling {
  const { cities = DEFAULT_CITIES, limits = DEFAULT_LIMITS, intervalSeconds = 600 } = options;
  const clock = openTestClock(Date.parse(options.start));
  // Weeks of booked and synced calls: on a disk that takes longer than all the rest.
  const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = mkdtempSync(join(root, 'isobar-polling-'));
  const random = seededRandom(7);
  const records: CollectedRecord[] = [];
  const checks: Check[] = [];
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const world = openTestWorld({
    clock,
    cities,
    intervalMs: intervalSeconds * 1_000,
    lagMs: (options.lagSeconds ?? 5) * 1_000,
    skewMs: (options.skewSeconds ?? 0) * 1_000,
    outcome: options.outcome ?? (() => 'answer'),
  });
  const keep = async (batch: readonly NewRecord[]) => {
    for (const { value } of batch) records.push(JSON.parse(Buffer.from(value).toString('utf8')));
    return [];
  };

  const journalStore = openJournalStore(folder, logger);
  function start() {
    const everyMs = 60_000;
    const journal = startJournal({
      store: journalStore,
      clock,
      everyMs,
      onChange: () => {},
      logger,
    });
    const budget = openBudget(folder, limits, clock);
    const memory = openCollectorMemory(folder, logger);
    const collector = startCollector({
      source: openOpenWeather({
        url: 'http://provider.test',
        key: CANARY,
        name: 'openweathermap',
        intervalSeconds,
        timeoutSeconds: 10,
        folder,
        fetch: world.fetch,
        clock,
        logger,
      }),
      cities,
      log: { append: options.append ?? keep },
      budget,
      memory,
      intervalSeconds,
      delaySeconds: Math.min(15, intervalSeconds / 40),
      concurrency: options.concurrency ?? 8,
      retries: 3,
      logger,
      clock,
      random,
      onChecked: (check) => checks.push(check),
      onStep: journal.note,
    });
    return { budget, memory, collector, journal };
  }

  let running = start();
  let stopped = false;
  async function stop() {
    if (stopped) return;
    stopped = true;
    await running.collector.stop();
    await running.journal.stop();
    running.budget[Symbol.dispose]();
    running.memory[Symbol.dispose]();
  }

  return {
    clock,
    world,
    folder,
    journal: journalStore,
    records,
    checks,
    lines,
    get collector() {
      return running.collector;
    },
    async restart() {
      await stop();
      running = start();
      stopped = false;
    },
    stop,
    everything() {
      const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
      return [...files, ...lines, JSON.stringify(records)].join('\n');
    },
    [Symbol.dispose]() {
      journalStore[Symbol.dispose]();
      rmSync(folder, { recursive: true });
    },
  };
}
