/** The raw export, which follows the landings. */
import { asIsobarError, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';
import { pause } from '../waiting.ts';

export interface ExportLoopOptions {
  readonly exportRaw: (signal?: AbortSignal, closing?: boolean) => Promise<number>;
  readonly logger: Logger;
  readonly clock?: () => Date;
}

export interface ExportLoop {
  /** Says that something landed. */
  landed(): void;
  readonly failure: RoomError | null;
  /** Exports what is left, the open hour too, and stops. */
  stop(): Promise<void>;
}

/** Landings of a burst share one export; an hour that ended is exported within this time. */
const EXPORT_DELAY_MS = 1_000;
const EXPORT_IDLE_MS = 60_000;
/** Stopping exports what is left for so long; the rest is pending for the next start. */
const CLOSING_MS = 10_000;

export function startExportLoop(options: ExportLoopOptions): ExportLoop {
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
      failure = roomError({ code, message }, failure, clock());
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
