/** Upkeep beside the landings: the raw export follows them, compaction and vacuum come hourly. */
import { setTimeout as delay } from 'node:timers/promises';
import { asIsobarError, ERRORS } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';

export interface UpkeepOptions {
  /** Null where the raw export is switched off. */
  readonly exportRaw: ((signal?: AbortSignal, closing?: boolean) => Promise<number>) | null;
  /** Compaction, vacuum, and cleaning of other rooms. */
  readonly maintain: (signal: AbortSignal) => Promise<void>;
  readonly maintenanceSeconds: number;
  readonly logger: Logger;
  readonly clock?: () => Date;
}

export interface Upkeep {
  /** Says that something landed. */
  landed(): void;
  readonly exportFailure: RoomError | null;
  /** Exports what is left, the open hour too, and stops. */
  stop(): Promise<void>;
}

/** Landings of a burst share one export; an hour that ended is exported within this time. */
const EXPORT_DELAY_MS = 1_000;
const EXPORT_IDLE_MS = 60_000;
/** Stopping exports what is left for so long; the rest is pending for the next start. */
const CLOSING_MS = 10_000;

export function startUpkeep(options: UpkeepOptions): Upkeep {
  const { exportRaw, maintain, logger, clock = () => new Date() } = options;
  const stopping = new AbortController();
  let wake = new AbortController();
  let failure: RoomError | null = null;
  const exporting = runExport();
  const maintaining = runMaintenance();

  async function runExport(): Promise<void> {
    while (!stopping.signal.aborted && exportRaw !== null) {
      await exportOnce(stopping.signal);
      await pause(EXPORT_DELAY_MS, stopping.signal);
      if (!wake.signal.aborted) {
        await pause(EXPORT_IDLE_MS, AbortSignal.any([wake.signal, stopping.signal]));
      }
      wake = new AbortController();
    }
  }

  async function exportOnce(signal?: AbortSignal, closing = false): Promise<void> {
    try {
      await exportRaw?.(signal, closing);
      failure = null;
    } catch (error) {
      if (!signal?.aborted) failure = report('exporting raw files', error, failure);
    }
  }

  async function runMaintenance(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pause(options.maintenanceSeconds * 1_000, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        await maintain(stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) report('maintaining the table', error, null);
      }
    }
  }

  function report(what: string, error: unknown, before: RoomError | null): RoomError {
    const { code, message } = asIsobarError(error);
    if (before?.code !== code) logger.error({ code }, `${what}: ${message}`);
    const since = before?.code === code ? before.since : clock().toISOString();
    return { code, message, remedy: ERRORS[code].remedy, since };
  }

  return {
    landed() {
      wake.abort();
    },
    get exportFailure() {
      return failure;
    },
    async stop() {
      stopping.abort();
      await Promise.all([exporting, maintaining]);
      await exportOnce(AbortSignal.timeout(CLOSING_MS), true);
    },
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}
