/** Keeps the streaming query running while this process has the role, and compares its sums. */
import { asIsobarError, roomError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RoomError, StreamingStatus } from '../model/status.ts';
import type { StreamingQuery, StreamProgress } from '../sql/spark/streaming.ts';
import { backoff, pause, within } from '../waiting.ts';
import type { Reconciled } from './reconcile.ts';

export interface StreamLoopOptions {
  /** Starts the query, or takes over the one that another process left running. */
  readonly start: (signal: AbortSignal) => Promise<StreamingQuery>;
  /** Compares the sums, as of this progress, with the table; null while they cannot be compared. */
  readonly compare: (progress: StreamProgress, signal: AbortSignal) => Promise<Reconciled | null>;
  readonly logger: Logger;
  readonly clock?: () => Date;
  readonly lookMs?: number;
}

export interface StreamLoop {
  readonly status: StreamingStatus;
  /** Looks and compares now; rejects with what went wrong. */
  compareNow(signal?: AbortSignal): Promise<Reconciled | null>;
  stop(): Promise<void>;
}

const LOOK_MS = 2_000;
/** Looks between two comparisons. */
const COMPARE_EVERY = 10;
const RESTART_MS = { least: 1_000, most: 60_000 } as const;
const STOP_MS = 5_000;
const DIFFERENCES_SHOWN = 3;

export function startStreamLoop(options: StreamLoopOptions): StreamLoop {
  return new SupervisedStream(options);
}

class SupervisedStream implements StreamLoop {
  readonly #options: StreamLoopOptions;
  readonly #clock: () => Date;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #query: StreamingQuery | null = null;
  #progress: StreamProgress | null = null;
  #compared: Reconciled | null = null;
  #comparedAt: string | null = null;
  #failure: RoomError | null = null;
  #differing: RoomError | null = null;
  /** Why the last comparison was not made. */
  #incomparable: RoomError | null = null;
  #restarts = 0;

  constructor(options: StreamLoopOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
    this.#running = this.#run();
  }

  get status(): StreamingStatus {
    const { batch = -1, recordsPerSecond = 0, watermark = null, groups = 0 } = this.#progress ?? {};
    return {
      state: this.#query === null ? (this.#failure === null ? 'starting' : 'failing') : 'running',
      query: this.#query?.id ?? null,
      batch,
      records_per_second: recordsPerSecond,
      watermark,
      hours: groups,
      restarts: this.#restarts,
      compared_at: this.#comparedAt,
      compared: this.#compared?.compared ?? 0,
      late: this.#compared?.late ?? 0,
      differences: this.#compared?.differences.length ?? 0,
      error: this.#failure ?? this.#differing ?? this.#incomparable,
    };
  }

  async compareNow(signal = this.#stopping.signal): Promise<Reconciled | null> {
    const query = this.#query;
    if (query === null) return null;
    const progress = await query.progress(signal);
    if (progress === null) return null;
    this.#progress = progress;
    const found = await this.#options.compare(progress, signal);
    if (found === null) return null;
    this.#incomparable = null;
    this.#compared = found;
    this.#comparedAt = this.#clock().toISOString();
    this.#judge(found.differences);
    return found;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await using query = await this.#options.start(signal);
        this.#query = query;
        this.#failure = null;
        try {
          await this.#watch(query, () => {
            failures = 0;
          });
        } finally {
          if (signal.aborted) await this.#end(query);
        }
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        this.#restarts += 1;
        this.#report(error);
      } finally {
        this.#query = null;
      }
      if (!signal.aborted) await pause(backoff(RESTART_MS, failures), signal);
    }
  }

  async #watch(query: StreamingQuery, onProgress: () => void): Promise<void> {
    const { signal } = this.#stopping;
    for (let looks = 0; !signal.aborted; looks += 1) {
      const progress = await query.progress(signal);
      if (progress !== null) {
        this.#progress = progress;
        onProgress();
      }
      if (looks % COMPARE_EVERY === COMPARE_EVERY - 1) {
        await this.compareNow(signal).catch((error) => this.#postpone(error));
      }
      await pause(this.#options.lookMs ?? LOOK_MS, signal);
    }
  }

  /** The table may be away for a while; a query that has failed is started again. */
  #postpone(error: unknown): void {
    const { code, message } = asIsobarError(error);
    if (code === 'QUERY_FAILED' || code === 'ENGINE_UNAVAILABLE') throw error;
    if (this.#incomparable?.code !== code) {
      this.#options.logger.warn({ code }, `comparing the stream: ${message}`);
    }
    this.#incomparable = roomError({ code, message }, this.#incomparable, this.#clock());
  }

  /** So that no query goes on that is not watched. */
  async #end(query: StreamingQuery): Promise<void> {
    await within(STOP_MS, query.stop()).catch((error) => {
      const { code, message } = asIsobarError(error);
      this.#options.logger.warn({ code }, `stopping the streaming query: ${message}`);
    });
  }

  #judge(differences: readonly string[]): void {
    if (differences.length === 0) {
      this.#differing = null;
      return;
    }
    const message = differences.slice(0, DIFFERENCES_SHOWN).join('; ');
    if (this.#differing === null) {
      this.#options.logger.error({ code: 'STREAM_DIFFERS' }, `comparing the stream: ${message}`);
    }
    this.#differing = roomError(
      { code: 'STREAM_DIFFERS', message },
      this.#differing,
      this.#clock(),
    );
  }

  #report(error: unknown): void {
    const { code, message } = asIsobarError(error);
    if (this.#failure?.code !== code) {
      this.#options.logger.warn({ code }, `the streaming query is started again: ${message}`);
    }
    this.#failure = roomError({ code, message }, this.#failure, this.#clock());
  }
}
