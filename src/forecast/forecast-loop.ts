/** When forecasts are made: soon after an hour is complete, and while histories are learned. */
import { asIsobarError, isErrorCode, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ForecastStatus, RoomError } from '../model/status.ts';
import { backoff, pause } from '../waiting.ts';
import type { Forecasting } from './forecasting.ts';

export interface ForecastLoopOptions {
  readonly forecasting: Pick<Forecasting, 'look' | 'learnNext' | 'save' | 'forget' | 'counts'> & {
    readonly isLearning: boolean;
  };
  readonly logger: Logger;
  /** Something new is there for readers. */
  readonly onChange?: () => void;
  readonly clock?: () => Date;
  /** Milliseconds between two looks at most. */
  readonly lookMs?: number;
}

export interface ForecastLoop {
  readonly status: ForecastStatus;
  /** Says that something landed. */
  landed(): void;
  stop(): Promise<void>;
}

const LOOK_MS = 60_000;
/** Looks after landings are so far apart at least. */
const LANDED_MS = 15_000;
const RETRY_MS = { least: 1_000, most: 60_000 } as const;

export function startForecastLoop(options: ForecastLoopOptions): ForecastLoop {
  const { forecasting, logger, clock = () => new Date(), lookMs = LOOK_MS } = options;
  const { onChange = () => {} } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let failure: RoomError | null = null;
  let failures = 0;
  let hasLooked = false;
  /** Ends the wait for a landing. */
  let waiting = new AbortController();
  let isLanded = false;
  const running = run();

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await step().then(succeed, report);
      if (signal.aborted || (failure === null && forecasting.isLearning)) continue;
      const ms = failure === null ? lookMs : backoff(RETRY_MS, failures);
      const least = Math.min(ms, LANDED_MS);
      // Before there is anything to forecast, the first landing is not waited for.
      if (forecasting.counts.cities > 0) await pause(least, signal);
      if (!isLanded) await waitForLanding(ms - least);
    }
    await forecasting.save().catch(report);
  }

  async function waitForLanding(ms: number): Promise<void> {
    waiting = new AbortController();
    await pause(ms, AbortSignal.any([signal, waiting.signal]));
  }

  /** Looks, then learns for a while; looks again before too long. */
  async function step(): Promise<void> {
    isLanded = false;
    await forecasting.look(signal);
    hasLooked = true;
    onChange();
    const until = performance.now() + lookMs;
    while (forecasting.isLearning && performance.now() < until) {
      signal.throwIfAborted();
      await forecasting.learnNext(signal);
    }
  }

  function succeed(): void {
    if (failure !== null) logger.info('forecasts are made again');
    failure = null;
    failures = 0;
    onChange();
  }

  function report(error: unknown): void {
    const { code, message } = asIsobarError(error);
    if (code === 'ABORTED') return;
    failures += 1;
    if (isErrorCode(error, 'FORECAST_FAILED')) forecasting.forget();
    if (failure?.code !== code) logger.error({ code }, `forecasting: ${message}`);
    failure = roomError({ code, message }, failure, clock());
  }

  function state(): ForecastStatus['state'] {
    if (failure !== null) return 'failing';
    if (!hasLooked) return 'starting';
    return forecasting.isLearning ? 'learning' : 'ready';
  }

  return {
    get status() {
      return { state: state(), ...forecasting.counts, error: failure };
    },
    landed() {
      isLanded = true;
      waiting.abort();
    },
    async stop() {
      stopping.abort();
      waiting.abort();
      await running;
    },
  };
}
