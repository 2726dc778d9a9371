/**
 * When landings happen, in the partitions that are this sink's: as soon as enough records wait,
 * or the oldest has waited long enough, or an hour of the clock ends, or on shutdown. Each takes
 * all that waits.
 */
import { asIsobarError, roomError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../logger.ts';
import type { LandingStatus, RoomError } from '../model/status.ts';
import { jitteredBackoff, pause } from '../waiting.ts';
import type { Landed, Sink } from './landing.ts';

export interface LandingLoopOptions {
  readonly sink: Sink;
  readonly log: Log;
  /** Where the next landing of a partition begins, by the table. */
  readonly nextOffset: (partition: number) => Promise<bigint>;
  /** Waiting records that trigger a landing. */
  readonly records: number;
  /** Age in seconds of the oldest waiting record that triggers a landing. */
  readonly ageSeconds: number;
  readonly logger: Logger;
  readonly clock?: () => Date;
}

export interface LandingLoop {
  status(): LandingStatus;
  /** The partitions that are landed here, ascending. */
  readonly partitions: readonly number[];
  /** Begins to land this partition, unless it is landed here already. */
  take(partition: number): void;
  /** Stops landing it; resolves when a landing under way has ended, one way or the other. */
  give(partition: number): Promise<void>;
  /** Lands all that waits in its partitions now; resolves with the landings made. */
  landAll(signal?: AbortSignal): Promise<readonly Landed[]>;
  /**
   * Stops waiting, lands what waits until the signal aborts, and resolves; a landing that fails
   * is reported, not thrown.
   */
  stop(signal?: AbortSignal): Promise<void>;
}

const RETRY_MS = { least: 1_000, most: 30_000 } as const;
const FIRST_AGE_S = 1;
const HOUR_MS = 3_600_000;

export function startLandingLoop(options: LandingLoopOptions): LandingLoop {
  return new PartitionLoops(options);
}

interface Watched {
  readonly end: AbortController;
  readonly done: Promise<void>;
}

class PartitionLoops implements LandingLoop {
  readonly #options: LandingLoopOptions;
  readonly #clock: () => Date;
  readonly #stopping = new AbortController();
  readonly #errors = new Map<number, RoomError>();
  readonly #watched = new Map<number, Watched>();
  #lastLandedAt: Date | null = null;
  #lastRows = 0;

  constructor(options: LandingLoopOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => new Date());
  }

  get partitions(): readonly number[] {
    return [...this.#watched.keys()].sort((a, b) => a - b);
  }

  status(): LandingStatus {
    return {
      last_landed_at: this.#lastLandedAt?.toISOString() ?? null,
      last_rows: this.#lastRows,
      error: this.#errors.values().next().value ?? null,
    };
  }

  take(partition: number): void {
    if (this.#watched.has(partition) || this.#stopping.signal.aborted) return;
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, this.#stopping.signal]);
    this.#watched.set(partition, { end, done: this.#watch(partition, signal) });
  }

  async give(partition: number): Promise<void> {
    const one = this.#watched.get(partition);
    this.#watched.delete(partition);
    one?.end.abort();
    await one?.done;
    this.#errors.delete(partition);
  }

  /** One partition's life: wait until a landing is due, land, and after a failure wait longer. */
  async #watch(partition: number, signal: AbortSignal): Promise<void> {
    const wakes = this.#options.log.follow(signal)[Symbol.asyncIterator]();
    // `next` holds one pending wake; it is kept across waits so that none is missed.
    let pending = wakes.next();
    let failures = 0;
    while (!signal.aborted) {
      try {
        const wait = await this.#untilDue(partition);
        if (wait === 0) {
          // What came meanwhile waits its own time: else a steady flow would land without a pause.
          await this.#landOne(partition, signal);
          failures = 0;
        } else {
          const woken = await Promise.race([pending, pause(wait, signal)]);
          if (typeof woken === 'object') {
            if (woken.done) break;
            pending = wakes.next();
          }
        }
      } catch (error) {
        if (signal.aborted) break;
        failures += 1;
        this.#report(partition, error);
        await pause(jitteredBackoff(RETRY_MS, failures), signal);
      }
    }
    await wakes.return?.();
  }

  /** Milliseconds until a landing is due: 0 now, at most a quarter hour when nothing waits. */
  async #untilDue(partition: number): Promise<number> {
    const [next, range] = [
      await this.#options.nextOffset(partition),
      await this.#options.log.range(partition),
    ];
    if (range.first > next || range.next < next) return 0; // the landing reports what is missing
    if (range.next === next) return 900_000;
    if (range.next - next >= BigInt(this.#options.records)) return 0;
    const oldest = await this.#options.log.timeOf(partition, next);
    if (oldest === null) return 0;
    const now = this.#clock().getTime();
    const hourOver = Math.floor(oldest.getTime() / HOUR_MS) < Math.floor(now / HOUR_MS);
    if (hourOver) return 0;
    // Before the first landing there is nothing to see: that one comes soon.
    const ageSeconds =
      next === 0n ? Math.min(FIRST_AGE_S, this.#options.ageSeconds) : this.#options.ageSeconds;
    const due = oldest.getTime() + ageSeconds * 1_000;
    const hourEnds = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
    return Math.max(0, Math.min(due, hourEnds) - now);
  }

  async #landOne(partition: number, signal?: AbortSignal): Promise<Landed | null> {
    const landed = await this.#options.sink.land(partition, signal);
    this.#errors.delete(partition);
    if (landed === null) return null;
    this.#lastLandedAt = this.#clock();
    this.#lastRows = landed.rows;
    this.#options.logger.debug(
      {
        partition,
        from: String(landed.from),
        last: String(landed.last),
        rows: landed.rows,
        trace_ids: landed.traceIds,
      },
      'landed',
    );
    return landed;
  }

  #report(partition: number, error: unknown): void {
    const { code, message: text } = asIsobarError(error);
    const message = `partition ${partition}: ${text}`;
    const before = this.#errors.get(partition);
    if (before?.code !== code) {
      this.#options.logger.error({ code }, `landing ${message}`);
    }
    this.#errors.set(partition, roomError({ code, message }, before, this.#clock()));
  }

  async landAll(signal?: AbortSignal): Promise<readonly Landed[]> {
    const made: Landed[] = [];
    for (const partition of this.partitions) {
      for (;;) {
        const landed = await this.#landOne(partition, signal);
        if (landed === null) break;
        made.push(landed);
      }
    }
    return made;
  }

  async stop(signal?: AbortSignal): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled([...this.#watched.values()].map(({ done }) => done));
    try {
      await this.landAll(signal);
    } catch (error) {
      const { code, message } = asIsobarError(error);
      this.#options.logger.warn({ code }, `landing at shutdown: ${message}; it waits in the log`);
    }
  }
}
