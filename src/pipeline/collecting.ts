/** What the collectors did over time, as this machine and the lake know it. */
import { join } from 'node:path';
import { type JournalStore, openJournalStore } from '../collector/journal-store.ts';
import { asIsobarError } from '../errors.ts';
import type { Share } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import type { Stretch } from '../model/outages.ts';
import { pause, within } from '../waiting.ts';
import type { Workspace } from './workspace.ts';

export interface CollectingHistory extends Disposable {
  readonly store: JournalStore;
  /**
   * What the lake adds is about a minute old. While the lake does not answer, it is what this machine
   * knows.
   */
  read(): Promise<readonly Stretch[]>;
  /** Shares soon what is new. */
  changed(): void;
  /** Brings to the lake what is new here: after changes, and every few minutes. */
  share(): Share;
}

const KEEP_DAYS = 3_653;
const ROWS_MAX = 100_000;
const DAY_MS = 86_400_000;
const LAKE_AGE_MS = 60_000;
const LAKE_WAIT_MS = 3_000;
const SHARE_EVERY_MS = 600_000;
/** However often it changes. */
const SHARE_SPACING_MS = 60_000;
const SETTLE_MS = 2_000;

export function openCollectingHistory(workspace: Workspace, logger: Logger): CollectingHistory {
  return new History(workspace, logger);
}

class History implements CollectingHistory {
  readonly store: JournalStore;
  readonly #workspace: Workspace;
  readonly #logger: Logger;
  #lake: readonly Stretch[] = [];
  #reading: Promise<void> = Promise.resolve();
  #readAt = Number.NEGATIVE_INFINITY;
  #wake = new AbortController();
  #isFailing = false;

  constructor(workspace: Workspace, logger: Logger) {
    this.#workspace = workspace;
    this.#logger = logger;
    this.store = openJournalStore(join(workspace.folder, 'collector'), logger);
  }

  async read(): Promise<readonly Stretch[]> {
    if (performance.now() - this.#readAt > LAKE_AGE_MS) {
      this.#readAt = performance.now();
      // Alerts that need this are worth most while the lake is away.
      this.#reading = within(LAKE_WAIT_MS, this.#readLake()).catch(() => {});
    }
    await this.#reading;
    const known = new Map(this.#lake.map((stretch) => [stretch.stretch_id, stretch]));
    for (const stretch of this.store.all()) known.set(stretch.stretch_id, stretch);
    return [...known.values()];
  }

  async #readLake(): Promise<void> {
    try {
      this.#lake = await this.#workspace.collecting.read();
    } catch (error) {
      const { code, message } = asIsobarError(error);
      this.#logger.debug({ code }, `reading what collectors did: ${message}`);
    }
  }

  changed(): void {
    this.#wake.abort();
  }

  share(): Share {
    const stop = new AbortController();
    const run = async () => {
      while (!stop.signal.aborted) {
        await pause(SETTLE_MS, stop.signal);
        await this.#shareOnce();
        await pause(SHARE_SPACING_MS, stop.signal);
        const rest = SHARE_EVERY_MS - SHARE_SPACING_MS;
        await pause(rest, AbortSignal.any([stop.signal, this.#wake.signal]));
        this.#wake = new AbortController();
      }
      // The collector has stopped by now, and its last stretch ends here.
      await this.#shareOnce();
    };
    const running = run();
    return {
      async stop() {
        stop.abort();
        await running;
      },
    };
  }

  async #shareOnce(): Promise<void> {
    try {
      const oldest = new Date(Date.now() - KEEP_DAYS * DAY_MS).toISOString();
      const news = this.store.unshared();
      if (news.length > 0) {
        await this.#workspace.collecting.join(news, oldest, ROWS_MAX);
        await this.store.markShared(news);
      }
      await this.store.forget(oldest, ROWS_MAX);
      this.#isFailing = false;
    } catch (error) {
      const { code, message } = asIsobarError(error);
      const text = `sharing with the lake what the collector did: ${message}`;
      if (!this.#isFailing) this.#logger.warn({ code }, text);
      this.#isFailing = true;
    }
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
  }
}
