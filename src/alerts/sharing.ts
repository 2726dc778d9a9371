/**
 * Sharing incidents: the store of this machine and the table of the lake learn from each other, so
 * that a stand-by on another machine goes on where the other stopped, and readers of the lake have
 * incidents as rows. While the lake is away the store goes on alone.
 */
import { asIsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { Logger } from '../logger.ts';
import type { Incident } from '../model/alerts.ts';
import type { IncidentTable } from '../table/incidents.ts';
import { backoff, pause } from '../waiting.ts';
import { joinIncidents, timeText } from './incidents.ts';
import type { AlertStore } from './store.ts';

export interface SharingOptions {
  readonly store: AlertStore;
  readonly table: IncidentTable;
  readonly keepDays: number;
  readonly everyMs: number;
  /** Something came from another process. */
  readonly onChange: () => void;
  readonly logger: Logger;
  readonly clock?: () => number;
}

export interface Sharing {
  /** Shares soon. */
  wake(): void;
  stop(): Promise<void>;
}

const BATCH = 10_000;
const DAY_MS = 86_400_000;
/** So that a burst of changes is one commit. */
const SETTLE_MS = 500;
const RETRY = { least: 2_000, most: 60_000 };

/**
 * Shares both ways once. `joined` is what the last call has read, and is not joined again. Rejects as
 * the lake and the store do.
 */
export async function shareIncidents(
  {
    store,
    table,
    keepDays,
    clock = Date.now,
  }: Pick<SharingOptions, 'store' | 'table' | 'keepDays' | 'clock'>,
  joined: readonly Incident[] = [],
): Promise<readonly Incident[]> {
  const theirs = await table.read();
  if (theirs !== joined) await store.join(theirs);
  const oldest = timeText(clock() - keepDays * DAY_MS);
  await store.forget(oldest);
  const news = store.unshared(BATCH);
  if (news.length === 0) return theirs;
  reachFaultPoint('alerts.before-share');
  await table.join(
    news.map(({ incident }) => incident),
    joinIncidents,
    oldest,
  );
  reachFaultPoint('alerts.after-share');
  await store.markShared(
    news.map(({ incident, revision }) => ({ id: incident.incident_id, revision })),
  );
  return theirs;
}

export function startSharing(options: SharingOptions): Sharing {
  const { everyMs, logger, onChange } = options;
  const stop = new AbortController();
  let wake = new AbortController();
  let joined: readonly Incident[] = [];
  let failures = 0;

  async function once(): Promise<void> {
    try {
      const before = options.store.counts();
      joined = await shareIncidents(options, joined);
      if (JSON.stringify(before) !== JSON.stringify(options.store.counts())) onChange();
      failures = 0;
    } catch (error) {
      failures += 1;
      const { code, message } = asIsobarError(error);
      if (failures === 1) logger.warn({ code }, `sharing incidents with the lake: ${message}`);
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await once();
      const waitMs = failures > 0 ? backoff(RETRY, failures) : everyMs;
      await pause(waitMs, AbortSignal.any([stop.signal, wake.signal]));
      wake = new AbortController();
      await pause(SETTLE_MS, stop.signal);
    }
    // What changed on the way out.
    if (failures === 0) await once();
  }

  const running = run();
  return {
    wake: () => wake.abort(),
    async stop() {
      stop.abort();
      await running;
    },
  };
}
