/** When refreshes happen: soon after landings (one for all of them), hourly, and on demand. */
import { asIsobarError, ERRORS, type ErrorCode, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';
import type { Begun, Tracer } from '../tracing/tracer.ts';
import { backoff, pause } from '../waiting.ts';
import type { Publication } from './publication.ts';
import type { Refresher } from './refresh.ts';

export interface RefreshLoopOptions {
  readonly refresher: Pick<Refresher, 'refresh'>;
  /** Seconds between two refreshes when nothing is asked for. */
  readonly intervalSeconds: number;
  /** Seconds from the first landing until the refresh that covers all landings since. */
  readonly delaySeconds: number;
  /** Share of the time that refreshes after landings take on the long run. */
  readonly share?: number;
  readonly logger: Logger;
  readonly tracer?: Tracer | undefined;
  /** `begun` is the step that made it, when there is a tracer. */
  readonly onPublished: (publication: Publication, begun: Begun | undefined) => void;
  readonly clock?: () => Date;
  /** Milliseconds of a clock that is never set. */
  readonly monotonic?: () => number;
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

/** Refreshes after landings: their share of the time unless said otherwise, what a burst may take, and the longest wait. */
const REST = { share: 0.002, spareMs: 10_000, delays: 60 } as const;
/** Seconds until another try after a passing failure: doubled each time. */
const RETRY_S = { least: 1, most: 60 } as const;

export function startRefreshLoop(options: RefreshLoopOptions): RefreshLoop {
  const { refresher, logger, clock = () => new Date() } = options;
  const { monotonic = () => performance.now() } = options;
  const stopping = new AbortController();
  let newest: Publication | null = null;
  let failure: RoomError | null = null;
  let failures = 0;
  /** Whether something landed that no refresh has begun to look for. */
  let pending = false;
  let waiting = new AbortController();
  const rest = openRest(monotonic, options.share ?? REST.share);
  const running = run();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      pending = false;
      // A failure is reported in `failure`; a landing, the interval or a retry follows.
      await refreshNow(stopping.signal).catch(() => {});
      await waitForLanding(secondsToWait());
      if (pending) {
        await pause(
          Math.max(options.delaySeconds, rest.seconds(REST.delays * options.delaySeconds)) * 1_000,
          stopping.signal,
        );
      }
    }
  }

  function secondsToWait(): number {
    if (failure === null || !ERRORS[failure.code as ErrorCode].retryable) {
      return options.intervalSeconds;
    }
    return Math.min(backoff(RETRY_S, failures), options.intervalSeconds);
  }

  async function waitForLanding(seconds: number): Promise<void> {
    waiting = new AbortController();
    if (pending || stopping.signal.aborted) return;
    await pause(seconds * 1_000, waiting.signal);
  }

  async function refreshNow(signal?: AbortSignal): Promise<Publication | null> {
    const startedAt = monotonic();
    const begun = options.tracer?.begin('publish');
    try {
      const publication = await refresher.refresh(signal);
      failure = null;
      failures = 0;
      if (publication !== null && publication.version !== newest?.version) {
        newest = publication;
        options.onPublished(publication, begun);
      }
      return publication;
    } catch (error) {
      report(error);
      throw error;
    } finally {
      rest.took(monotonic() - startedAt);
    }
  }

  function report(error: unknown): void {
    const { code, message } = asIsobarError(error);
    if (code === 'ABORTED') return;
    failures += 1;
    if (failure?.code !== code) logger.error({ code }, `refreshing the analytics: ${message}`);
    failure = roomError({ code, message }, failure, clock());
  }

  return {
    landed() {
      pending = true;
      waiting.abort();
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
      waiting.abort();
      await running;
    },
  };
}

/**
 * Landings that come one after the other share refreshes: on the long run these take a small share of
 * the time, while the first of a burst follow at once.
 */
function openRest(monotonic: () => number, share: number) {
  /** Milliseconds that runs may take before they have to rest, and since when. */
  let spareMs: number = REST.spareMs;
  let spareAt = monotonic();
  const spareNow = () => Math.min(REST.spareMs, spareMs + (monotonic() - spareAt) * share);
  return {
    seconds: (most: number) => Math.min(Math.max(0, -spareNow() / share) / 1_000, most),
    took(ms: number) {
      spareMs = spareNow() - ms;
      spareAt = monotonic();
    },
  };
}
