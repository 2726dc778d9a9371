/** When the large engine computes again what the other one has published: every interval. */
import { asIsobarError, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RecomputationStatus, RoomError } from '../model/status.ts';
import { backoff, pause } from '../waiting.ts';
import type { Refresher } from './refresh.ts';

export interface RecomputeLoopOptions {
  readonly refresher: Pick<Refresher, 'recompute'>;
  readonly intervalSeconds: number;
  readonly logger: Logger;
  /** Called when it has computed something. */
  readonly onRecomputed: () => void;
  readonly clock?: () => Date;
}

export interface RecomputeLoop {
  /** The last one that ended, and what the next one failed with; null before the first. */
  readonly status: RecomputationStatus | null;
  /** Null while the numbers are the same. */
  readonly failure: RoomError | null;
  stop(): Promise<void>;
}

/** Until the first one, so that a cluster that is new shows soon whether its engines agree. */
const FIRST_S = 60;
const RETRY_S = { least: 5, most: 300 } as const;
/** Differences that the status repeats. */
const DIFFERENCES_SHOWN = 3;

export function startRecomputeLoop(options: RecomputeLoopOptions): RecomputeLoop {
  const { refresher, intervalSeconds, logger, onRecomputed, clock = () => new Date() } = options;
  const stopping = new AbortController();
  let last: Omit<RecomputationStatus, 'error'> | null = null;
  let error: RoomError | null = null;
  let failure: RoomError | null = null;
  let failures = 0;
  const running = run();

  async function run(): Promise<void> {
    await pause(Math.min(FIRST_S, intervalSeconds) * 1_000, stopping.signal);
    while (!stopping.signal.aborted) {
      await recompute();
      const seconds =
        failures === 0 ? intervalSeconds : Math.min(backoff(RETRY_S, failures), intervalSeconds);
      await pause(seconds * 1_000, stopping.signal);
    }
  }

  async function recompute(): Promise<void> {
    const startedAt = clock().getTime();
    try {
      const found = await refresher.recompute(stopping.signal);
      error = null;
      failures = 0;
      if (found === null) return;
      const { differences, ...rest } = found;
      const at = clock();
      last = {
        ...rest,
        months: rest.months.length,
        recomputed_at: at.toISOString(),
        seconds: (at.getTime() - startedAt) / 1_000,
        differences: differences.length,
      };
      failure = differences.length === 0 ? null : differing(found.version, differences);
      onRecomputed();
    } catch (cause) {
      report(cause);
    }
  }

  function differing(version: number, differences: readonly string[]): RoomError {
    const shown = differences.slice(0, DIFFERENCES_SHOWN).join('; ');
    const message = `publication ${version}: ${shown}`;
    logger.error({ code: 'ENGINES_DIFFER' }, `recomputing the analytics: ${message}`);
    return roomError({ code: 'ENGINES_DIFFER', message }, failure, clock());
  }

  function report(cause: unknown): void {
    const { code, message } = asIsobarError(cause);
    if (code === 'ABORTED') return;
    failures += 1;
    if (error?.code !== code) logger.warn({ code }, `recomputing the analytics: ${message}`);
    error = roomError({ code, message }, error, clock());
  }

  return {
    get status() {
      if (last === null && error === null) return null;
      return { ...(last ?? NEVER), error };
    },
    get failure() {
      return failure;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const NEVER = {
  version: 0,
  engine: 'spark',
  months: 0,
  recomputed_at: null,
  seconds: null,
  differences: 0,
} as const;
