/** When the index follows: soon after each publication, and again after failures, ever more rarely. */
import type { AnomalySource, PublishedAnomalies } from '../analytics/published-anomalies.ts';
import { asIsobarError, IsobarError, isErrorCode, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError } from '../model/status.ts';
import { jitteredBackoff, orAborted, pause } from '../waiting.ts';
import type { AnomalyIndex } from './anomaly-index.ts';
import { followPublication } from './follow.ts';

export interface IndexLoopOptions {
  readonly index: AnomalyIndex;
  readonly source: AnomalySource;
  readonly logger: Logger;
  /** Milliseconds between two looks for publications of other processes. */
  readonly lookMs: number;
  /** Whether this process writes the index now, or only looks how far another one is. */
  readonly writes: () => boolean;
  readonly clock?: () => Date;
  readonly random?: () => number;
}

export interface IndexLoop {
  /**
   * Says that something was published, that `writes` has changed, or that the index lacks what it
   * held.
   */
  wake(): void;
  /** Tries at once what failed. */
  retry(): void;
  /** Resolves once the index is at this version or a later one, or after `ms`. */
  reach(version: number, ms: number, signal?: AbortSignal): Promise<void>;
  /** What the index holds, as far as it is known; null for nothing. */
  readonly held: HeldVersion | null;
  /** The newest publication, as far as it is known; null before the first. */
  readonly published: { readonly version: number; readonly rowCount: number } | null;
  /** Rows that were written and removed, and runs that made the index anew, since the start. */
  readonly counts: {
    readonly rows: number;
    readonly replacements: number;
    readonly failures: number;
  };
  readonly failure: RoomError | null;
  stop(): Promise<void>;
}

export interface HeldVersion {
  readonly version: number;
  readonly rows: number;
  readonly committedAt: string;
}

const LOST_MAX = 5;
const RETRY_MS = { least: 500, most: 60_000 } as const;

export function startIndexLoop(options: IndexLoopOptions): IndexLoop {
  return new FollowingLoop(options);
}

class FollowingLoop implements IndexLoop {
  readonly #options: IndexLoopOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly counts = { rows: 0, replacements: 0, failures: 0 };
  held: HeldVersion | null = null;
  published: { readonly version: number; readonly rowCount: number } | null = null;
  failure: RoomError | null = null;
  #failuresInRow = 0;
  /** Failures in a row because parts of the index are gone. */
  #lostInRow = 0;
  #isWanted = false;
  #wake = new AbortController();
  /** Settled, and made anew, after each run. */
  #moved = Promise.withResolvers<void>();

  constructor(options: IndexLoopOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  wake(): void {
    this.#isWanted = true;
    // Whoever waits after a failure goes on waiting: publications come more often than that.
    if (this.failure === null) this.#wake.abort();
  }

  retry(): void {
    this.#wake.abort();
  }

  async reach(version: number, ms: number, signal?: AbortSignal): Promise<void> {
    if ((this.held?.version ?? 0) >= version) return;
    const late = AbortSignal.timeout(ms);
    const either = signal === undefined ? late : AbortSignal.any([late, signal]);
    this.wake();
    while ((this.held?.version ?? 0) < version && this.failure === null && !either.aborted) {
      await orAborted(this.#moved.promise, either).catch(() => {});
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new IsobarError('ABORTED', 'the index loop stops'));
    this.#wake.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#isWanted = false;
      this.#wake = new AbortController();
      await this.#follow(signal).then(
        () => this.#succeed(),
        (error: unknown) => this.#fail(error),
      );
      this.#moved.resolve();
      this.#moved = Promise.withResolvers();
      if (signal.aborted || (this.#isWanted && this.failure === null)) continue;
      await pause(this.#delayMs(), AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { index, source, writes } = this.#options;
    const published = await source.latest();
    // Not itself: it holds the rows that were read.
    this.published = published && { version: published.version, rowCount: published.rowCount };
    if (published !== null && writes()) await this.#write(published, signal);
    this.held = await index.state(signal);
  }

  async #write(published: PublishedAnomalies, signal: AbortSignal): Promise<void> {
    const { index, logger } = this.#options;
    // What has been lost for so long does not come back by itself.
    const replace = this.#lostInRow >= LOST_MAX;
    const followed = await followPublication(index, published, { logger, signal, replace });
    this.counts.rows += followed.changed;
    if (followed.replaced) this.counts.replacements += 1;
  }

  #succeed(): void {
    if (this.failure !== null) this.#options.logger.info('the index follows again');
    this.failure = null;
    this.#failuresInRow = 0;
    this.#lostInRow = 0;
  }

  #fail(error: unknown): void {
    const { code, message } = asIsobarError(error);
    if (code === 'ABORTED') return;
    this.counts.failures += 1;
    this.#failuresInRow += 1;
    const isLost = error instanceof IsobarError && error.details.lost === true;
    this.#lostInRow = isLost ? this.#lostInRow + 1 : 0;
    // Another process that writes it is not a failure: what it writes is looked at next.
    if (isErrorCode(error, 'INDEX_BUSY') && this.#failuresInRow < 10) return;
    const { logger, clock = () => new Date() } = this.#options;
    if (this.failure?.code !== code) {
      logger.error({ code }, `following the publications in the index: ${message}`);
    }
    this.failure = roomError({ code, message }, this.failure, clock());
  }

  #delayMs(): number {
    const { lookMs, random = Math.random } = this.#options;
    if (this.#failuresInRow === 0) return lookMs;
    return jitteredBackoff(RETRY_MS, this.#failuresInRow, random);
  }
}
