/** Maintenance of the table: merging small files follows the landings; the rest comes hourly. */
import { asIsobarError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { pause } from '../waiting.ts';

/** Landings of a burst share one look. */
const SOON_MS = 1_000;

export interface MaintenanceLoopOptions {
  /** Compaction, vacuum, and cleaning of other rooms. */
  readonly maintain: (signal: AbortSignal) => Promise<void>;
  /** What cannot wait for that: merging small files. */
  readonly maintainSoon: (signal: AbortSignal) => Promise<void>;
  readonly intervalSeconds: number;
  readonly logger: Logger;
}

export interface MaintenanceLoop {
  /** Says that something landed. */
  landed(): void;
  stop(): Promise<void>;
}

export function startMaintenanceLoop(options: MaintenanceLoopOptions): MaintenanceLoop {
  const stopping = new AbortController();
  let wake = new AbortController();
  /** The last failure of what follows landings, so that it is not logged at each of them. */
  let failed: string | null = null;
  const running = run();

  async function run(): Promise<void> {
    let due = performance.now() + options.intervalSeconds * 1_000;
    for (;;) {
      await pause(due - performance.now(), AbortSignal.any([wake.signal, stopping.signal]));
      if (wake.signal.aborted) await pause(SOON_MS, stopping.signal);
      wake = new AbortController();
      if (stopping.signal.aborted) return;
      await attempt(options.maintainSoon, true);
      if (performance.now() < due) continue;
      await attempt(options.maintain, false);
      due = performance.now() + options.intervalSeconds * 1_000;
    }
  }

  async function attempt(
    work: MaintenanceLoopOptions['maintain'],
    quietly: boolean,
  ): Promise<void> {
    try {
      await work(stopping.signal);
      if (quietly) failed = null;
    } catch (error) {
      if (stopping.signal.aborted) return;
      const { code, message } = asIsobarError(error);
      if (!quietly || failed !== code) {
        options.logger.error({ code }, `maintaining the table: ${message}`);
      }
      if (quietly) failed = code;
    }
  }

  return {
    landed() {
      wake.abort();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
