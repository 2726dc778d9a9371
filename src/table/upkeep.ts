/**
 * Upkeep beside the landings: the raw export and the merging of small files follow them; compaction
 * and vacuum come hourly.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { asIsobarError, ERRORS } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';

export interface ExportsOptions {
  readonly exportRaw: (signal?: AbortSignal, closing?: boolean) => Promise<number>;
  readonly logger: Logger;
  readonly clock?: () => Date;
}

export interface Exports {
  /** Says that something landed. */
  landed(): void;
  readonly failure: RoomError | null;
  /** Exports what is left, the open hour too, and stops. */
  stop(): Promise<void>;
}

/** Landings of a burst share one export; an hour that ended is exported within this time. */
const EXPORT_DELAY_MS = 1_000;
const EXPORT_IDLE_MS = 60_000;
const SOON_MS = 1_000;
/** Stopping exports what is left for so long; the rest is pending for the next start. */
const CLOSING_MS = 10_000;

export function startExports(options: ExportsOptions): Exports {
  const { exportRaw, logger, clock = () => new Date() } = options;
  const stopping = new AbortController();
  let wake = new AbortController();
  let failure: RoomError | null = null;
  const running = run();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await exportOnce(stopping.signal);
      await pause(EXPORT_DELAY_MS, stopping.signal);
      if (!wake.signal.aborted) {
        await pause(EXPORT_IDLE_MS, AbortSignal.any([wake.signal, stopping.signal]));
      }
      wake = new AbortController();
    }
  }

  async function exportOnce(signal: AbortSignal, closing = false): Promise<void> {
    try {
      await exportRaw(signal, closing);
      failure = null;
    } catch (error) {
      const { code, message } = asIsobarError(error);
      // Cancelled, or the lease is lost: another exporter goes on.
      if (signal.aborted || code === 'ABORTED') return;
      if (failure?.code !== code) logger.error({ code }, `exporting raw files: ${message}`);
      const since = failure?.code === code ? failure.since : clock().toISOString();
      failure = { code, message, remedy: ERRORS[code].remedy, since };
    }
  }

  return {
    landed() {
      wake.abort();
    },
    get failure() {
      return failure;
    },
    async stop() {
      stopping.abort();
      await running;
      await exportOnce(AbortSignal.timeout(CLOSING_MS), true);
    },
  };
}

export interface MaintainingOptions {
  /** Compaction, vacuum, and cleaning of other rooms. */
  readonly maintain: (signal: AbortSignal) => Promise<void>;
  /** What cannot wait for that: merging small files. */
  readonly maintainSoon: (signal: AbortSignal) => Promise<void>;
  readonly intervalSeconds: number;
  readonly logger: Logger;
}

export interface Maintaining {
  /** Says that something landed. */
  landed(): void;
  stop(): Promise<void>;
}

export function startMaintaining(options: MaintainingOptions): Maintaining {
  const stopping = new AbortController();
  let wake = new AbortController();
  /** The last failure of what follows landings, so that it is not logged at each of them. */
  let failed: string | null = null;
  const running = run();

  async function run(): Promise<void> {
    let due = performance.now() + options.intervalSeconds * 1_000;
    for (;;) {
      await pause(due - performance.now(), AbortSignal.any([wake.signal, stopping.signal]));
      // Landings of a burst share one look.
      if (wake.signal.aborted) await pause(SOON_MS, stopping.signal);
      wake = new AbortController();
      if (stopping.signal.aborted) return;
      await attempt(options.maintainSoon, true);
      if (performance.now() < due) continue;
      await attempt(options.maintain, false);
      due = performance.now() + options.intervalSeconds * 1_000;
    }
  }

  async function attempt(work: MaintainingOptions['maintain'], quietly: boolean): Promise<void> {
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

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, milliseconds), undefined, { signal }).catch(() => {});
}
