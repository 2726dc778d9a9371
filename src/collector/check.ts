/**
 * One check of a city: ask the source, bring what is new to the log, and say when the city is due
 * again. What the checks have seen is kept here for the status and the summary.
 */
import { createHash } from 'node:crypto';
import { asIsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { City } from '../model/city.ts';
import { type CollectedRecord, isInvalidRecord, type Observation } from '../model/observation.ts';
import type { RejectedFieldCount } from '../model/status.ts';
import { formatTime } from '../model/time-zone.ts';
import { traceIdOf } from '../model/trace.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { Appender } from './appender.ts';
import type { Attempt, Breaker } from './breaker.ts';
import type { Clock, SteadyClock } from './clock.ts';
import type { CollectorMemory } from './memory.ts';
import {
  afterAnswer,
  afterCityTrouble,
  afterFailure,
  type Plan,
  type PollSchedule,
} from './poll-schedule.ts';
import { ProviderError } from './provider-error.ts';
import type { Source } from './source.ts';

/** A city with what is known about asking for it. */
export interface Watch {
  readonly city: City;
  readonly pollSchedule: PollSchedule;
  /** Digest of the last answer that made no observation: the same answer is not appended again. */
  invalid: string | null;
  /** By the steady clock. */
  lastAskedAt: number;
}

/** `new` is in the log; `unchanged` was there already. */
export interface Check {
  readonly city_id: string;
  readonly outcome: 'new' | 'unchanged' | 'invalid' | 'failed';
}

export interface CheckerOptions {
  readonly source: Source;
  readonly plan: Plan;
  readonly memory: CollectorMemory;
  readonly appender: Appender;
  readonly breaker: Breaker;
  readonly clock: Clock;
  readonly time: SteadyClock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly tracer?: Tracer | undefined;
  readonly onChecked: (check: Check) => void;
  /** Milliseconds of this machine's clock: people read the log in its time. */
  readonly elapsedMs: () => number;
}

const SUMMARY_MS_MIN = 600_000;
/** Fields times reasons that are counted at most. */
const REJECTED_FIELDS_MAX = 200;

export class Checker {
  readonly #options: CheckerOptions;
  /** Cities in trouble, with the reason. */
  readonly troubled = new Map<string, string>();
  /** Fields that could not be used, by field and reason. */
  readonly rejectedFields = new Map<string, RejectedFieldCount>();
  /** Cities by whether their last answer could be used. */
  readonly #usable = new Map<string, boolean>();
  #isRejecting = false;
  /** When the provider last answered; by the wall clock. */
  lastCheckedAt: number | null = null;
  lastObservedAt: number | null = null;
  #counts = { new: 0, unchanged: 0, invalid: 0, failed: 0 };
  #countedSince: number;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#countedSince = options.elapsedMs();
  }

  /** Returns when the city is due again, by the wall clock; null when the check was cancelled. */
  async check(watch: Watch, attempt: Attempt, signal: AbortSignal): Promise<number | null> {
    const { source, breaker, clock, tracer } = this.#options;
    const { city_id } = watch.city;
    const begun = tracer?.begin('collect');
    const attributes: Record<string, string | number> = {
      'isobar.city_id': city_id,
      'isobar.source': source.name,
    };
    let record: CollectedRecord;
    try {
      record = await source.observe(watch.city, signal, (status) => {
        attributes['http.response.status_code'] = status;
      });
    } catch (error) {
      if (signal.aborted) {
        breaker.cancelled(attempt);
        return null;
      }
      const traceId = traceIdOf({ city_id, collected_at: formatTime(new Date(clock.now())) });
      begun?.end(traceId, { attributes, error: asIsobarError(error).code });
      return this.#fail(watch, attempt, error, traceId);
    }
    const traceId = traceIdOf(record);
    begun?.end(traceId, { attributes });
    this.#answered();
    const due = await this.#keep(watch, record, traceId);
    return due + this.#jitter(watch.city);
  }

  /** Whether no answer of any city can be used. */
  get isRejecting(): boolean {
    return this.#isRejecting;
  }

  #noteRejecting(reason: string): void {
    const { logger, source } = this.#options;
    const answers = [...this.#usable.values()];
    const isRejecting = answers.length > 0 && !answers.includes(true);
    if (isRejecting === this.#isRejecting) return;
    this.#isRejecting = isRejecting;
    if (isRejecting) logger.warn(`polling ${source.name}: every answer is rejected: ${reason}`);
    else logger.info(`polling ${source.name}: answers can be used again`);
  }

  #countFields({ rejected_fields = [], city_id }: Observation): void {
    const { logger, source } = this.#options;
    for (const { field, reason, value } of rejected_fields) {
      const key = `${field} ${reason}`;
      const before = this.rejectedFields.get(key);
      if (before === undefined) {
        if (this.rejectedFields.size >= REJECTED_FIELDS_MAX) continue;
        const what = `${field}: ${reason}, ${JSON.stringify(value)} for ${city_id}`;
        logger.warn(`polling ${source.name}: a field cannot be used: ${what}`);
      }
      const answers = (before?.answers ?? 0) + 1;
      this.rejectedFields.set(key, { field, reason, answers, example: value });
    }
  }

  /** Logs a summary once in a while. */
  summarise(): void {
    const { plan, elapsedMs, source, logger } = this.#options;
    if (elapsedMs() - this.#countedSince < Math.max(SUMMARY_MS_MIN, plan.intervalMs)) return;
    const counts = this.#counts;
    this.#countedSince = elapsedMs();
    this.#counts = { new: 0, unchanged: 0, invalid: 0, failed: 0 };
    const calls = counts.new + counts.unchanged + counts.invalid + counts.failed;
    if (calls === 0) return;
    logger.info(
      `polling ${source.name}: ${calls} calls, ${counts.new} new, ` +
        `${counts.unchanged} unchanged, ${counts.invalid} invalid, ${counts.failed} failed`,
    );
  }

  /** Something of this time is in the log. */
  observed(at: number): void {
    this.lastObservedAt = Math.max(this.lastObservedAt ?? at, at);
  }

  #answered(): void {
    const { breaker, clock, logger, source } = this.#options;
    if (breaker.trouble !== null) logger.info(`polling ${source.name}: it answers again`);
    breaker.succeeded();
    this.lastCheckedAt = clock.now();
  }

  /** Brings what is new to the log; returns when the city is due again. */
  async #keep(watch: Watch, record: CollectedRecord, traceId: string): Promise<number> {
    const { appender, plan, clock } = this.#options;
    const { city, pollSchedule } = watch;
    const answeredAt = clock.now();
    if (isInvalidRecord(record)) {
      this.troubled.set(city.city_id, record.invalid);
      this.#usable.set(city.city_id, false);
      this.#noteRejecting(record.invalid);
      const digest = createHash('sha256').update(`${record.invalid} ${record.response}`);
      const hash = digest.digest('base64');
      if (hash !== watch.invalid && (await appender.append(record))) watch.invalid = hash;
      this.#report(city, 'invalid', traceId);
      return afterAnswer(pollSchedule, plan, answeredAt, null);
    }
    this.troubled.delete(city.city_id);
    this.#usable.set(city.city_id, true);
    this.#noteRejecting('');
    watch.invalid = null;
    const observedAt = Date.parse(record.observed_at);
    const due = afterAnswer(pollSchedule, plan, answeredAt, observedAt);
    if (this.#knows(record)) {
      this.observed(observedAt);
      this.#report(city, 'unchanged', traceId);
    } else if (await appender.append(record)) {
      this.#countFields(record);
      this.#remember(record, pollSchedule.lagMs);
      this.observed(observedAt);
      this.#report(city, 'new', traceId);
    }
    return due;
  }

  /** When the memory fails, an answer is appended once more and the landing finds the duplicate. */
  #knows(record: Observation): boolean {
    const { memory, logger } = this.#options;
    try {
      return memory.knows(record);
    } catch (error) {
      logger.warn(`recalling an answer: ${asIsobarError(error).message}`);
      return false;
    }
  }

  #remember(record: Observation, lagMs: number): void {
    const { memory, logger } = this.#options;
    try {
      memory.remember(record, lagMs);
    } catch (error) {
      logger.warn(`remembering an answer: ${asIsobarError(error).message}`);
    }
  }

  /** Returns when the city is to be tried again. */
  #fail(watch: Watch, attempt: Attempt, cause: unknown, traceId: string): number {
    const { logger, source, breaker, plan, clock, time, random } = this.#options;
    const { city, pollSchedule } = watch;
    this.#report(city, 'failed', traceId);
    if (!(cause instanceof ProviderError)) {
      logger.error(
        { code: 'INTERNAL', trace_id: traceId },
        `asking for ${city.city_id}: ${asIsobarError(cause).message}`,
      );
    }
    const error =
      cause instanceof ProviderError
        ? cause
        : new ProviderError('PROVIDER_DOWN', `asking for ${city.city_id}: unexpected failure`);
    const now = clock.now();
    if (error.ofCity) {
      this.#answered();
      if (!this.troubled.has(city.city_id)) {
        logger.warn({ code: error.code, trace_id: traceId }, error.message);
      }
      this.troubled.set(city.city_id, reasonOf(error));
      const waitMs = error.waitSeconds(pollSchedule.failures + 1) * 1_000;
      return afterCityTrouble(pollSchedule, plan, now, waitMs) + this.#jitter(city);
    }
    const before = breaker.trouble?.error.code;
    breaker.failed(attempt, error, time.now());
    if (breaker.trouble !== null && breaker.trouble.error.code !== before) {
      logger.warn(
        { code: error.code, trace_id: traceId },
        `polling ${source.name}: ${error.message}`,
      );
    }
    return afterFailure(pollSchedule, plan, now, random());
  }

  #report({ city_id }: City, outcome: Check['outcome'], traceId: string): void {
    const { logger, onChecked } = this.#options;
    this.#counts[outcome] += 1;
    logger.debug({ trace_id: traceId, city_id, outcome }, 'asked');
    onChecked({ city_id, outcome });
  }

  /** Up to a sixtieth of the interval: what can be had together is not asked for together. */
  #jitter(city: City): number {
    return (spread(city) * this.#options.plan.intervalMs) / 60;
  }
}

/** 0 to 1, always the same for a city. */
export function spread(city: City): number {
  return createHash('sha256').update(city.city_id).digest().readUInt32BE(0) / 2 ** 32;
}

/** What is the matter with the city, without the place that the error's text begins with. */
function reasonOf(error: ProviderError): string {
  const words = error.code === 'PROVIDER_CITY_UNKNOWN' ? 'city unknown' : 'request refused';
  return `${words} (${error.message.replace(/^asking for [^:]*: /, '')})`;
}
