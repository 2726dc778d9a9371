/** When values are checked and judged: every interval, and less often where that takes long. */
import { asIsobarError, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';
import { backoff, pause } from '../waiting.ts';
import type { Refresher } from './refresh.ts';

export interface QualityLoopOptions {
  readonly refresher: Pick<Refresher, 'check' | 'judge'>;
  readonly intervalSeconds: number;
  readonly logger: Logger;
  /** Called when it has published what it found. */
  readonly onChecked: () => void;
  readonly clock?: () => Date;
  /** Milliseconds of a clock that is never set. */
  readonly monotonic?: () => number;
}

export interface QualityLoop {
  /** What the last check failed with, or null. */
  readonly failure: RoomError | null;
  stop(): Promise<void>;
}

/** They take at most this share of the time on the long run; more while a history is judged. */
const SHARE = 0.05;
const BACKLOG_SHARE = 0.25;
/** Months that are judged in one go. */
const MONTHS_MOST = 3;
const RETRY_S = { least: 5, most: 300 } as const;

export function startQualityLoop(options: QualityLoopOptions): QualityLoop {
  const { refresher, intervalSeconds, logger, onChecked, clock = () => new Date() } = options;
  const { monotonic = () => performance.now() } = options;
  const stopping = new AbortController();
  let failure: RoomError | null = null;
  let failures = 0;
  const running = run();

  async function run(): Promise<void> {
    let seconds = intervalSeconds;
    while (true) {
      await pause(seconds * 1_000, stopping.signal);
      if (stopping.signal.aborted) return;
      const startedAt = monotonic();
      const isDone = await check();
      const took = (monotonic() - startedAt) / 1_000;
      seconds = Math.max(
        failures > 0 ? backoff(RETRY_S, failures) : isDone ? intervalSeconds : 0,
        took / (isDone ? SHARE : BACKLOG_SHARE),
      );
    }
  }

  /** Whether nothing is left to judge. */
  async function check(): Promise<boolean> {
    try {
      const found = await refresher.check(stopping.signal);
      if (found !== null) onChecked();
      const judged = await refresher.judge(MONTHS_MOST, stopping.signal);
      if (judged > 0) onChecked();
      failure = null;
      failures = 0;
      return judged < MONTHS_MOST;
    } catch (cause) {
      const { code, message } = asIsobarError(cause);
      if (code === 'ABORTED') return true;
      failures += 1;
      if (failure?.code !== code) logger.warn({ code }, `quality control: ${message}`);
      failure = roomError({ code, message }, failure, clock());
      return true;
    }
  }

  return {
    get failure() {
      return failure;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
