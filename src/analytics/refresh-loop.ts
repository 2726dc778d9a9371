/** When refreshes happen: soon after landings (one for all of them), hourly, and on demand. */
import { setTimeout as delay } from 'node:timers/promises';
import { asIsobarError, ERRORS } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';
import type { Publication } from './publication.ts';
import type { Refresher } from './refresh.ts';

export interface RefreshLoopOptions {
  readonly refresher: Refresher;
  /** Seconds between two refreshes when nothing is asked for. */
  readonly intervalSeconds: number;
  /** Seconds from the first landing until the refresh that covers all landings since. */
  readonly delaySeconds: number;
  readonly logger: Logger;
  readonly onPublished: (publication: Publication) => void;
  readonly clock?: () => Date;
}

export interface RefreshLoop {
  /** Says that something landed. */
  landed(): void;
  /** Refreshes now; rejects with what went wrong. */
  refreshNow(signal?: AbortSignal): Promise<Publication | null>;
  /** What the last run failed with, or null. */
  readonly failure: RoomError | null;
  readonly newest: Publication | null;
  stop(): Promise<void>;
}

export function startRefreshLoop(options: RefreshLoopOptions): RefreshLoop {
  const { refresher, logger, clock = () => new Date() } = options;
  const stopping = new AbortController();
  let newest: Publication | null = null;
  let failure: RoomError | null = null;
  let wake: () => void = () => {};
  let pending = true;
  const running = run();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (!pending) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([woken, pause(options.intervalSeconds)]);
        await pause(options.delaySeconds);
      }
      if (stopping.signal.aborted) return;
      pending = false;
      // A failure is kept in `failure` and told there; the next landing or interval tries again.
      await refreshNow(stopping.signal).catch(() => {});
    }
  }

  async function refreshNow(signal?: AbortSignal): Promise<Publication | null> {
    try {
      const publication = await refresher.refresh(signal);
      failure = null;
      if (publication !== null && publication.version !== newest?.version) {
        newest = publication;
        options.onPublished(publication);
      }
      return publication;
    } catch (error) {
      if (!stopping.signal.aborted) report(error);
      throw error;
    }
  }

  function report(error: unknown): void {
    const { code, message } = asIsobarError(error);
    if (failure?.code !== code) logger.error({ code }, `refreshing the analytics: ${message}`);
    const since = failure?.code === code ? failure.since : clock().toISOString();
    failure = { code, message, remedy: ERRORS[code].remedy, since };
  }

  async function pause(seconds: number): Promise<void> {
    const { signal } = stopping;
    await delay(seconds * 1_000, undefined, { signal }).catch(() => {});
  }

  return {
    landed() {
      pending = true;
      wake();
    },
    refreshNow,
    get failure() {
      return failure;
    },
    get newest() {
      return newest;
    },
    async stop() {
      stopping.abort();
      wake();
      await running;
    },
  };
}
