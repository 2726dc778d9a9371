/**
 * The polling loop: each city is asked just after its next observation can be had, inside the
 * budget, and what is new goes to the log.
 *
 *     schedule   which city is due next; one heap for all of them
 *     breaker    whether the provider is to be asked at all now
 *     throttle   how far apart, when the budget is short
 *     budget     books each call on disk before it is made
 *     check      asks, keeps what is new, and says when the city is due again
 *       poll-schedule  when that is
 *       memory     what is in the log already
 *       appender   brings records to the log, again until it takes them
 */
import { asIsobarError, type IsobarError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import type { City } from '../model/city.ts';
import type { CollectorStatus } from '../model/status.ts';
import type { Tracer } from '../tracing/tracer.ts';
import { openAppender } from './appender.ts';
import { openBreaker } from './breaker.ts';
import type { Budget, Refusal } from './budget.ts';
import { type Check, Checker, spread, type Watch } from './check.ts';
import { type Clock, steady, systemClock } from './clock.ts';
import { describeCollector, type StateFacts, stateOf } from './collector-status.ts';
import { activityOf, type Doing } from './journal.ts';
import type { CollectorMemory } from './memory.ts';
import { expectedAt, newPollSchedule, type Plan } from './poll-schedule.ts';
import { openRefresh, type Refreshed } from './refresh.ts';
import { openSchedule } from './schedule.ts';
import type { Source } from './source.ts';
import { throttleMs } from './throttle.ts';

export interface CollectorOptions {
  readonly source: Source;
  readonly cities: readonly City[];
  readonly log: Pick<Log, 'append'>;
  readonly budget: Pick<Budget, 'book' | 'counts'>;
  readonly memory: CollectorMemory;
  /** Seconds between two observations of the source. */
  readonly intervalSeconds: number;
  /** Seconds after which an observation that is due is asked for, unless experience says later. */
  readonly delaySeconds: number;
  /** Calls under way at once. */
  readonly concurrency: number;
  /** Quick tries after a failure, before the slower ones. */
  readonly retries: number;
  readonly logger: Logger;
  readonly tracer?: Tracer | undefined;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Milliseconds of the clock by which the log is summarised; the machine's unless given. */
  readonly elapsedMs?: () => number;
  /** Told after every check of a city. */
  readonly onChecked?: (check: Check) => void;
  /** Called with what it does now, whether that has changed or not. */
  readonly onStep?: (doing: Doing) => void;
}

export interface Collector {
  status(): CollectorStatus;
  pause(): void;
  resume(): void;
  /** Makes every city due now; resolves when they were asked, or something makes them wait. */
  refreshNow(): Promise<Refreshed>;
  /** Cancels the calls under way and waits for the appends. */
  stop(): Promise<void>;
}

/** Begins to poll at once. The budget and the memory stay open when it stops. */
export function startCollector(options: CollectorOptions): Collector {
  const poller = new Poller(options);
  const running = poller.run();
  return {
    status: () => poller.status(),
    pause: () => poller.setPaused(true),
    resume: () => poller.setPaused(false),
    refreshNow: () => poller.refreshNow(),
    async stop() {
      poller.stop();
      await running;
    },
  };
}

/** The longest sleep of the loop: a machine that slept notices it no later than this. */
const SLEEP_MS_MAX = 30_000;
/** When no call can be booked because the ledger cannot be written. */
const LEDGER_RETRY_MS = 10_000;

class Poller {
  readonly #options: CollectorOptions;
  readonly #clock: Clock;
  readonly #plan: Plan;
  readonly #time;
  readonly #schedule = openSchedule<Watch>();
  readonly #breaker;
  readonly #appender;
  readonly #checker;
  readonly #refresh;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #wake = new AbortController();
  #paused = false;
  #refused: Refusal | null = null;
  /** Until then the ledger need not be asked again; by the steady clock. */
  #refusedUntil = 0;
  #ledgerError: IsobarError | null = null;
  #throttleMs = 0;
  #lastCallAt = Number.NEGATIVE_INFINITY;
  /** Calls that the throttle does not delay, so that a first start shows something at once. */
  #firstCalls = 0;

  constructor(options: CollectorOptions) {
    const { clock = systemClock, random = Math.random, log, logger, tracer } = options;
    this.#options = options;
    this.#clock = clock;
    this.#time = steady(clock);
    this.#plan = {
      intervalMs: options.intervalSeconds * 1_000,
      delayMs: options.delaySeconds * 1_000,
      retries: options.retries,
    };
    this.#breaker = openBreaker(random);
    const onChange = () => this.#wake.abort();
    this.#appender = openAppender({ log, clock, random, logger, tracer, onChange });
    this.#checker = new Checker({
      source: options.source,
      plan: this.#plan,
      memory: options.memory,
      appender: this.#appender,
      breaker: this.#breaker,
      clock,
      time: this.#time,
      random,
      logger,
      tracer,
      onChecked: options.onChecked ?? (() => {}),
      elapsedMs: options.elapsedMs ?? (() => performance.now()),
    });
    this.#refresh = openRefresh(this.#plan.intervalMs / 10);
    const perMinute = options.budget.counts().minute.limit;
    for (const city of options.cities) this.#watchOne(city, perMinute, options.cities.length);
  }

  /** Known cities when their next observation is due; new ones at once, but not all together. */
  #watchOne(city: City, perMinute: number, cityCount: number): void {
    const { memory, concurrency } = this.#options;
    const now = this.#clock.now();
    const newest = memory.newestOf(city.city_id);
    const known =
      newest === null ? null : { observedAt: Date.parse(newest.observedAt), lagMs: newest.lagMs };
    const pollSchedule = newPollSchedule(this.#plan, now, known);
    if (known !== null) this.#checker.observed(known.observedAt);
    else this.#firstCalls = Math.min(concurrency, this.#firstCalls + 1);
    const spreadMs =
      cityCount <= concurrency
        ? Math.min(1_000, this.#plan.intervalMs / 10)
        : Math.min(this.#plan.intervalMs, (cityCount / perMinute) * 60_000);
    const first = now + spread(city) * spreadMs;
    const due = expectedAt(pollSchedule, this.#plan) ?? first;
    // A time in the far future was recorded while a clock was wrong.
    const soon = due > now + 2 * this.#plan.intervalMs ? first : Math.max(first, due);
    const watch = { city, pollSchedule, invalid: null, lastAskedAt: Number.NEGATIVE_INFINITY };
    this.#schedule.add(this.#time.fromWall(soon), watch);
  }

  async run(): Promise<void> {
    const { logger, source } = this.#options;
    logger.info(`polling ${source.name}: watching ${this.#options.cities.length} cities`);
    while (!this.#stopping.signal.aborted) {
      const waitMs = await this.#step();
      this.#report();
      if (waitMs > 0) await this.#sleep(waitMs);
      this.#checker.summarise();
    }
    await this.#appender.close();
    await Promise.all(this.#underWay);
    this.#refresh.end();
    logger.info(`polling ${source.name}: stopped`);
  }

  #report(): void {
    const { onStep } = this.#options;
    if (onStep === undefined || this.#stopping.signal.aborted) return;
    const state = stateOf(this.#stateFacts());
    const activity = activityOf(state, this.#breaker.failing);
    // A budget that is too small leaves observations out although polling goes on.
    const isShort = activity === 'collecting' && this.#throttleMs > 0;
    onStep({ activity: isShort ? 'budget' : activity, reason: state });
  }

  #stateFacts(): StateFacts {
    const { trouble } = this.#breaker;
    return {
      stopped: this.#stopping.signal.aborted,
      paused: this.#paused,
      blocked: this.#appender.blocked ?? this.#ledgerError,
      trouble: trouble && { error: trouble.error, until: this.#time.toWall(trouble.until) },
      refused: (this.#refused?.until.getTime() ?? 0) > this.#clock.now() ? this.#refused : null,
      lastCheckedAt: this.#checker.lastCheckedAt,
      isRejecting: this.#checker.isRejecting,
    };
  }

  /** Starts the calls that may start now; returns how long nothing more can, in milliseconds. */
  async #step(): Promise<number> {
    const now = this.#time.now();
    const free = this.#options.concurrency - this.#underWay.size;
    const due = this.#schedule.nextDue();
    if (this.#paused || this.#appender.blocked !== null) return this.#hold(SLEEP_MS_MAX);
    if (free <= 0 || due === null) return SLEEP_MS_MAX;
    if (due > now) return due - now;
    const allowed = this.#breaker.allowance(now);
    if (allowed.calls === 0) return this.#hold(allowed.waitMs);
    if (now < this.#refusedUntil) return this.#hold(this.#refusedUntil - now);
    const throttled = this.#throttled(now);
    if (throttled.calls === 0) return this.#hold(throttled.waitMs);
    const calls = Math.min(free, allowed.calls, throttled.calls);
    return this.#bookAndStart(this.#schedule.countDue(now, calls));
  }

  /** Something stands in the way of what is due. */
  #hold(waitMs: number): number {
    this.#refresh.end();
    return waitMs;
  }

  /** How many calls the throttle allows now. */
  #throttled(now: number): { readonly calls: number; readonly waitMs: number } {
    const { intervalMs } = this.#plan;
    const calls = this.#options.budget.counts();
    this.#throttleMs = throttleMs(
      this.#options.cities.length,
      intervalMs,
      calls,
      this.#clock.now(),
    );
    if (this.#throttleMs === 0) return { calls: Number.POSITIVE_INFINITY, waitMs: 0 };
    const allowed = Math.max(
      this.#firstCalls,
      Math.floor((now - this.#lastCallAt) / this.#throttleMs),
    );
    return { calls: allowed, waitMs: allowed > 0 ? 0 : this.#lastCallAt + this.#throttleMs - now };
  }

  async #bookAndStart(wanted: number): Promise<number> {
    let calls: number;
    try {
      const booking = await this.#options.budget.book(wanted);
      this.#refused = booking.refused;
      if (booking.refused !== null) {
        this.#refusedUntil = this.#time.now() + booking.refused.waitMs;
        return this.#hold(booking.refused.waitMs);
      }
      calls = booking.calls;
      this.#ledgerError = null;
    } catch (error) {
      this.#ledgerError = asIsobarError(error);
      const { code, message } = this.#ledgerError;
      this.#options.logger.error({ code }, `booking a call: ${message}`);
      return this.#hold(LEDGER_RETRY_MS);
    }
    // While the booking was written, a call under way may have changed what is allowed; what is
    // booked and not used is lost, which is the safe side.
    const now = this.#time.now();
    const held = this.#paused || this.#stopping.signal.aborted || this.#appender.blocked !== null;
    const allowed = held ? 0 : this.#breaker.allowance(now).calls;
    this.#lastCallAt = now;
    for (let call = 0; call < Math.min(calls, allowed); call++) this.#startCall(now);
    return 0;
  }

  #startCall(now: number): void {
    const watch = this.#schedule.take();
    if (watch === undefined) return;
    watch.lastAskedAt = now;
    this.#firstCalls = Math.max(0, this.#firstCalls - 1);
    const attempt = this.#breaker.start();
    const call = this.#checker
      .check(watch, attempt, this.#stopping.signal)
      .then((due) => {
        if (due !== null) this.#schedule.add(this.#time.fromWall(due), watch);
      })
      .finally(() => {
        this.#underWay.delete(call);
        this.#refresh.checked(watch);
        this.#wake.abort();
      });
    this.#underWay.add(call);
  }

  /** Sleeps until then, or until something changes. */
  async #sleep(ms: number): Promise<void> {
    if (!this.#wake.signal.aborted && !this.#stopping.signal.aborted) {
      await this.#clock.wait(Math.min(SLEEP_MS_MAX, Math.max(1, ms)), this.#wake.signal);
    }
    this.#wake = new AbortController();
  }

  setPaused(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.#options.logger.info(
      `polling ${this.#options.source.name}: ${paused ? 'paused' : 'resumed'}`,
    );
    this.#wake.abort();
  }

  refreshNow(): Promise<Refreshed> {
    const refreshed = this.#refresh.begin(this.#schedule, this.#time.now());
    this.#wake.abort();
    return refreshed;
  }

  stop(): void {
    this.#stopping.abort();
    this.#wake.abort();
  }

  status(): CollectorStatus {
    const { source, budget } = this.#options;
    const facts = this.#stateFacts();
    const { stopped, refused } = facts;
    const due = this.#schedule.nextDue();
    const throttled = this.#throttleMs === 0 ? 0 : this.#lastCallAt + this.#throttleMs;
    const until = this.#breaker.trouble?.until ?? 0;
    const next = due === null ? null : this.#time.toWall(Math.max(due, until, throttled));
    return describeCollector({
      ...facts,
      source: source.name,
      throttleSeconds: this.#throttleMs / 1_000,
      cityCount: this.#options.cities.length,
      lastObservedAt: this.#checker.lastObservedAt,
      nextPollAt:
        next === null || stopped || this.#paused
          ? null
          : Math.max(next, refused?.until.getTime() ?? 0),
      calls: budget.counts(),
      troubled: this.#checker.troubled,
      rejectedFields: [...this.#checker.rejectedFields.values()],
    });
  }
}
