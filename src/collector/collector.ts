/**
 * The polling loop: every city is asked just after its next observation is due, inside the budget.
 *
 * A new observation makes the city due again at `observed_at` + interval + delay. When the old one
 * is told once more, the city is asked again after growing gaps, and the delay learns from it how
 * late this provider is. Failures of one city and of the provider wait apart (breaker.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asIsobarError, isErrorCode } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import type { City } from '../model/city.ts';
import {
  type CollectedRecord,
  formatRecord,
  isInvalidRecord,
  type Observation,
} from '../model/observation.ts';
import type { CollectorState, CollectorStatus } from '../model/status.ts';
import { createBreaker } from './breaker.ts';
import type { Booking, Budget, BudgetLimits } from './budget.ts';
import type { CollectorMemory } from './memory.ts';
import { paceMs } from './pace.ts';
import { ProviderError } from './provider-error.ts';
import { openSchedule } from './schedule.ts';
import type { Source } from './source.ts';

export interface CollectorOptions {
  readonly source: Source;
  readonly cities: readonly City[];
  readonly log: Pick<Log, 'append'>;
  readonly budget: Budget;
  readonly limits: BudgetLimits;
  readonly memory: CollectorMemory;
  /** Seconds between two observations of the provider. */
  readonly intervalSeconds: number;
  /** Seconds after which an observation that is due is asked for. */
  readonly delaySeconds: number;
  readonly concurrency: number;
  /** Further quick tries after a failure. */
  readonly retries: number;
  readonly logger: Logger;
  readonly clock?: () => Date;
  readonly random?: () => number;
  /** Waits; a test's clock may run faster. Rejects when the signal aborts. */
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export interface Collector {
  status(): CollectorStatus;
  pause(): void;
  resume(): void;
  /** Makes every city due now, inside the budget. */
  refreshNow(): void;
  /** Stops and waits for the appends under way. */
  stop(): Promise<void>;
}

interface Poll {
  readonly city: City;
  delayMs: number;
  unchanged: number;
  failures: number;
  trouble: string | null;
}

const IDLE_MS_MAX = 60_000;
const QUICK_RETRY_MS = 2_000;
const CITY_TROUBLE_MS = 86_400_000;
const APPEND_RETRY_MS = { least: 250, most: 30_000 } as const;
const FIRST_POLLS_MS = 2_000;

export function startCollector(options: CollectorOptions): Collector {
  const { source, log, budget, memory, logger } = options;
  const { clock = () => new Date(), random = Math.random } = options;
  const wait = options.wait ?? ((ms, signal) => sleep(ms, undefined, { signal }));
  const stopping = new AbortController();
  const breaker = createBreaker();
  const schedule = openSchedule<Poll>();
  const intervalMs = options.intervalSeconds * 1_000;
  const troubled = new Map<string, string>();
  const underWay = new Set<Promise<void>>();
  let wake = new AbortController();
  let paused = false;
  let logFull = false;
  let refusal: Exclude<Booking, { booked: true }> | null = null;
  let lastCallAt = 0;
  let lastCheckedAt: Date | null = null;
  let lastObservedAt: string | null = null;

  for (const city of options.cities) schedule.add(firstDue(city), newPoll(city));
  const running = run();

  function newPoll(city: City): Poll {
    const delayMs = options.delaySeconds * 1_000;
    return { city, delayMs, unchanged: 0, failures: 0, trouble: null };
  }

  /** At once, but spread: after a restart only when the next observation is due. */
  function firstDue(city: City): number {
    const now = clock().getTime();
    const newest = memory.newestOf(city.city_id);
    const spread = Math.min(FIRST_POLLS_MS, options.cities.length * 50);
    const soon = now + random() * spread;
    if (newest === null) return soon;
    const due = Date.parse(newest) + intervalMs + options.delaySeconds * 1_000;
    return due > now + intervalMs * 2 ? soon : Math.max(soon, due);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const idle = waitingTime();
      if (idle > 0) {
        await pauseFor(Math.min(idle, IDLE_MS_MAX));
        continue;
      }
      const booking = book();
      if (booking === null || !booking.booked) {
        refusal = booking;
        const until = booking === null ? 1_000 : booking.until.getTime() - clock().getTime();
        await pauseFor(Math.min(Math.max(until, 10), IDLE_MS_MAX));
        continue;
      }
      refusal = null;
      lastCallAt = clock().getTime();
      const poll = schedule.take();
      if (poll === undefined) continue;
      const call = ask(poll).finally(() => {
        underWay.delete(call);
        wake.abort();
      });
      underWay.add(call);
    }
    await Promise.allSettled(underWay);
  }

  /** Milliseconds until the next call may be made, as far as we know now. */
  function waitingTime(): number {
    const now = clock().getTime();
    const due = schedule.nextDue();
    if (paused || logFull || due === null) return IDLE_MS_MAX;
    const room = breaker.isTrying ? 1 : options.concurrency;
    if (underWay.size >= room) return IDLE_MS_MAX;
    const pace = paceMs(options.cities.length, intervalMs, budget, clock());
    return Math.max(due, breaker.closedUntil, pace === 0 ? 0 : lastCallAt + pace) - now;
  }

  /** Null when the ledger cannot be written: then no call is made. */
  function book(): Booking | null {
    try {
      return budget.book();
    } catch (error) {
      logger.error(`booking a call: ${asIsobarError(error).message}`);
      return null;
    }
  }

  /** Waits, but not longer than until something changes. */
  async function pauseFor(milliseconds: number): Promise<void> {
    if (wake.signal.aborted) wake = new AbortController();
    const signal = AbortSignal.any([wake.signal, stopping.signal]);
    await wait(Math.max(1, milliseconds), signal).catch(() => {});
  }

  async function ask(poll: Poll): Promise<void> {
    try {
      const record = await source.observe(poll.city, stopping.signal);
      breaker.succeeded();
      lastCheckedAt = clock();
      await keep(poll, record);
    } catch (error) {
      if (stopping.signal.aborted) return;
      schedule.add(failed(poll, error), poll);
    }
  }

  async function keep(poll: Poll, record: CollectedRecord): Promise<void> {
    poll.failures = 0;
    setTrouble(poll, isInvalidRecord(record) ? record.invalid : null);
    if (isInvalidRecord(record)) {
      await append(record);
      schedule.add(clock().getTime() + intervalMs, poll);
      return;
    }
    const newest = memory.newestOf(poll.city.city_id);
    const isNew = newest === null || record.observed_at > newest;
    if (!memory.knows(record)) {
      await append(record);
      if (stopping.signal.aborted && !appended.has(record)) return;
      memory.remember(record);
    }
    if (lastObservedAt === null || record.observed_at > lastObservedAt) {
      lastObservedAt = record.observed_at;
    }
    schedule.add(isNew ? dueAfterNew(poll, record) : dueAfterOld(poll), poll);
  }

  const appended = new WeakSet<CollectedRecord>();

  /** Tries until it is in the log, or until we are stopped; a full log pauses all polling. */
  async function append(record: CollectedRecord): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        await log.append([{ key: record.city_id, value: formatRecord(record) }]);
        appended.add(record);
        logFull = false;
        return;
      } catch (error) {
        if (isErrorCode(error, 'RECORD_TOO_LARGE')) {
          logger.error(`appending an answer of ${record.city_id}: it is too large`);
          return;
        }
        logFull = isErrorCode(error, 'LOG_FULL', 'DISK_FULL');
        if (tries === 0) logger.error(`appending: ${asIsobarError(error).message}`);
        if (stopping.signal.aborted) return;
        const most = Math.min(APPEND_RETRY_MS.most, APPEND_RETRY_MS.least * 2 ** tries);
        await wait(most * (0.5 + random() / 2), stopping.signal).catch(() => {});
      }
    }
  }

  /** The delay moves towards when this provider's answers really come. */
  function dueAfterNew(poll: Poll, record: Observation): number {
    const now = clock().getTime();
    const observedAt = Date.parse(record.observed_at);
    const least = options.delaySeconds * 1_000;
    const late = now - observedAt;
    // Found only after asking in vain: aim at what it took. Found at once: try a little earlier.
    const aim = poll.unchanged > 0 ? Math.min(late, intervalMs) : poll.delayMs * 0.9;
    poll.delayMs = Math.min(intervalMs, Math.max(least, aim));
    poll.unchanged = 0;
    const due = observedAt + intervalMs + poll.delayMs;
    return due > now ? due : now + intervalMs / 2;
  }

  function dueAfterOld(poll: Poll): number {
    poll.unchanged += 1;
    const gap = Math.min(intervalMs / 2, (intervalMs / 20) * 1.5 ** poll.unchanged);
    return clock().getTime() + Math.max(1_000, gap * (0.9 + random() / 5));
  }

  /** When to try again: quickly at first, then at the usual pace, with jitter. */
  function failed(poll: Poll, error: unknown): number {
    const now = clock().getTime();
    lastCheckedAt = clock();
    const failure =
      error instanceof ProviderError
        ? error
        : new ProviderError('PROVIDER_DOWN', asIsobarError(error).message);
    const before = breaker.state;
    breaker.failed(failure, now);
    if (breaker.state !== before) {
      logger.warn({ code: failure.code }, `polling ${source.name}: ${failure.message}`);
    }
    if (failure.isOfCity) {
      setTrouble(poll, failure.message);
      return now + CITY_TROUBLE_MS;
    }
    poll.failures += 1;
    const quick = poll.failures <= options.retries;
    const gap = quick ? QUICK_RETRY_MS * 2 ** (poll.failures - 1) : intervalMs / 4;
    return now + gap * (0.5 + random());
  }

  function setTrouble(poll: Poll, trouble: string | null): void {
    poll.trouble = trouble;
    if (trouble === null) troubled.delete(poll.city.city_id);
    else troubled.set(poll.city.city_id, trouble);
  }

  function state(): CollectorState {
    if (stopping.signal.aborted) return 'stopped';
    if (paused) return 'paused';
    if (logFull) return 'log_full';
    if (breaker.state !== 'live') return breaker.state;
    if (refusal !== null && refusal.period !== 'minute') return 'budget_spent';
    return lastCheckedAt === null ? 'starting' : 'live';
  }

  function nextPollAt(): Date | null {
    const due = schedule.nextDue();
    if (due === null || paused) return null;
    return new Date(Math.max(due, breaker.closedUntil, refusal?.until.getTime() ?? 0));
  }

  return {
    status: () => ({
      source: source.name,
      state: state(),
      message: describe(state(), nextPollAt(), breaker.message, options.cities.length),
      city_count: options.cities.length,
      last_checked_at: lastCheckedAt?.toISOString() ?? null,
      last_observed_at: lastObservedAt,
      next_poll_at: nextPollAt()?.toISOString() ?? null,
      calls: budget.counts(),
      troubled: [...troubled].slice(0, 100).map(([city_id, reason]) => ({ city_id, reason })),
    }),
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      wake.abort();
    },
    refreshNow() {
      const now = clock().getTime();
      for (const poll of schedule.takeAll()) schedule.add(now, poll);
      wake.abort();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** One sentence: what the matter is and what happens next. */
function describe(state: CollectorState, next: Date | null, cause: string, cities: number): string {
  const again = next === null ? '' : ` Next try at ${next.toISOString().slice(11, 19)} UTC.`;
  switch (state) {
    case 'starting':
      return `Asking for ${cities} cities for the first time.`;
    case 'live':
      return `Polling ${cities} cities.`;
    case 'paused':
      return 'Polling is paused; resume it when you like.';
    case 'key_not_active':
      return `The provider refuses the key; a new one works after 10 minutes to 2 hours.${again}`;
    case 'key_refused':
      return `The provider refuses the key (${cause}); check it for typing errors.${again}`;
    case 'quota':
      return `The provider says that the quota is used up (${cause}).${again}`;
    case 'budget_spent':
      return `The budget of calls is spent; polling goes on with the next day or month.${again}`;
    case 'provider_down':
      return `The provider does not answer (${cause}).${again}`;
    case 'log_full':
      return 'The log takes no more; polling goes on once what waits has landed.';
    case 'stopped':
      return 'Polling has stopped.';
  }
}
