/**
 * Refresh: the datasets follow the table, reading only what changed.
 *
 * The partial aggregates of changed months are computed from their rows (partials.ts) and merged with those of
 * all other months; the anomalies come from candidates (anomalies.ts). What the next refresh goes
 * on from is named by the publication, so that a process that has just started is as fast.
 *
 * With a second engine, runs of many rows are its work, whatever became of the small ones: partial
 * aggregates have one format. What the first engine computed, the second computes again from time
 * to time (`recompute`), and the numbers have to be the same.
 */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { SqlEngine, SqlSession } from '../sql/engine.ts';
import type { Snapshot } from '../table/table.ts';
import { backoff, pause } from '../waiting.ts';
import { Computer } from './computer.ts';
import { exportForPeople } from './export.ts';
import { aggregatesOf, isOutdated, type Publication, readPublication } from './publication.ts';
import { type Computed, type ComputeOptions, computeDatasets, publish } from './publish.ts';
import { type Recomputed, recomputeDatasets } from './recompute.ts';
import { countRows, RowsExceeded, type RunOptions } from './run.ts';

export interface RefreshOptions extends RunOptions {
  /** The engine for runs of at least so many rows, and for recomputing. */
  readonly large?: LargeEngine | undefined;
  /** Further tries of one refresh after a passing failure of the engine. */
  readonly retries?: number;
  readonly clock?: () => Date;
  readonly logger?: Logger | undefined;
}

export interface LargeEngine {
  readonly session: SqlSession;
  readonly engineName: string;
  readonly reach: SqlEngine['reach'];
  readonly rowsLeast: number;
}

export interface Refresher {
  /**
   * Publishes what the newest version of the table says, unless that is published already, and
   * resolves with the newest publication; null until the table exists. Rejects as the table,
   * the engine and the storage do; the last good publication stays then.
   */
  refresh(signal?: AbortSignal): Promise<Publication | null>;

  /**
   * Computes with the large engine again what the other one has published since the last time, while
   * refreshes go on. When it says the same, and is still the newest, it is published. Resolves with
   * null when there is nothing to compute, or no second engine; rejects as the engine and the storage
   * do.
   */
  recompute(signal?: AbortSignal): Promise<Recomputed | null>;
}

const RACES_MAX = 10;
const RETRY_MS = { least: 1_000, most: 60_000 } as const;

export function createRefresher(options: RefreshOptions): Refresher {
  return new TableRefresher(options);
}

class TableRefresher implements Refresher {
  readonly #options: RefreshOptions;
  readonly #logger: Logger;
  readonly #clock: () => Date;
  readonly #small: Computer;
  readonly #large: Computer | null;
  /** Paths of publications that were warned of. */
  readonly #damaged = new Set<string>();
  #newest: Publication | null = null;
  /** What the newest publication was made from, when that is known here. */
  #published: { readonly publication: Publication; readonly snapshot: Snapshot } | null = null;
  /** The table's version up to which nothing changed that the newest publication does not hold. */
  #unchanged = -2;
  /** One refresh at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RefreshOptions) {
    const { large, logger = silentLogger, clock = () => new Date() } = options;
    this.#options = options;
    this.#logger = logger;
    this.#clock = clock;
    const rowsMax = large === undefined ? Number.POSITIVE_INFINITY : large.rowsLeast - 1;
    this.#small = new Computer({ ...options, rowsMax });
    this.#large = large === undefined ? null : new Computer({ ...options, ...large });
  }

  refresh(signal?: AbortSignal): Promise<Publication | null> {
    return this.#exclusive(() => retry(this.#options, () => this.#look(signal), signal));
  }

  async recompute(signal?: AbortSignal): Promise<Recomputed | null> {
    const [large, last] = [this.#large, this.#published];
    if (large === null || last === null) return null;
    const { storage, session } = this.#options;
    const found = await recomputeDatasets({ ...last, large, storage, session }, signal);
    if (found === null || found.recomputed.differences.length > 0) return found?.recomputed ?? null;
    await this.#exclusive(async () => {
      // A newer one holds what came meanwhile.
      if (this.#newest?.version !== last.publication.version) return;
      try {
        await this.#put(found.computed, last.publication, last.snapshot);
      } catch (error) {
        if (!isErrorCode(error, 'LAKE_EXISTS')) throw error;
      }
    });
    return found.recomputed;
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(work);
    this.#turn = run.catch(() => {});
    return run;
  }

  #warnOnce(path: string, problem: string): void {
    if (this.#damaged.has(path)) return;
    this.#damaged.add(path);
    this.#logger.warn({ code: 'TABLE_CORRUPT' }, `stepping over a publication: ${problem}`);
  }

  /** Only when the table was replaced by an older one, or the publication is wrong. */
  #goBack(ahead: Publication, snapshot: Snapshot): void {
    this.#logger.warn(
      `publication ${ahead.version} was made from version ${ahead.table_version} of the table, ` +
        `whose newest is ${snapshot.version}: computing all datasets again`,
    );
    this.#unchanged = -2;
    this.#small.forget();
    this.#large?.forget();
  }

  async #look(signal?: AbortSignal): Promise<Publication | null> {
    const { storage, table } = this.#options;
    for (let races = 0; ; races++) {
      signal?.throwIfAborted();
      const newest = await readPublication(storage, this.#newest, (...of) => this.#warnOnce(...of));
      this.#newest = newest;
      const snapshot = await table.refresh(signal);
      if (snapshot.version < 0) return newest;
      const isAhead = newest !== null && newest.table_version > snapshot.version;
      if (newest !== null && isAhead) this.#goBack(newest, snapshot);
      if (newest !== null && !isAhead) {
        this.#unchanged = Math.max(this.#unchanged, newest.table_version);
        // Whoever published it may have died before this, or may be about to do it himself.
        await exportForPeople(storage, newest);
        if (newest.table_version === snapshot.version && !isOutdated(newest)) {
          this.#published = { publication: newest, snapshot };
          return newest;
        }
      }
      const known = newest !== null && !isAhead && !isOutdated(newest);
      const changes = known ? await table.changes(this.#unchanged, snapshot) : null;
      if (changes !== null && changes.months.length === 0) {
        this.#unchanged = snapshot.version;
        // The same rows in the files that are there now.
        if (newest !== null) this.#published = { publication: newest, snapshot };
        return newest;
      }
      try {
        const computed = await this.#compute(newest, snapshot, changes?.months ?? null, signal);
        return await this.#put(computed, newest, snapshot);
      } catch (error) {
        if (!isErrorCode(error, 'LAKE_EXISTS') || races >= RACES_MAX) throw error;
      }
    }
  }

  async #put(
    computed: Computed,
    before: Publication | null,
    snapshot: Snapshot,
  ): Promise<Publication> {
    const publication = await publish(this.#options.storage, computed, before, this.#clock());
    this.#small.published(publication);
    this.#large?.published(publication);
    this.#newest = publication;
    this.#published = { publication, snapshot };
    return publication;
  }

  async #compute(
    newest: Publication | null,
    snapshot: Snapshot,
    changedMonths: readonly string[] | null,
    signal: AbortSignal | undefined,
  ): Promise<Computed> {
    const before = changedMonths === null ? null : aggregatesOf(newest);
    try {
      return await this.#run(snapshot, { before, changedMonths }, signal);
    } catch (error) {
      // A partial aggregate that is gone or damaged costs time, not the datasets: rows say it all.
      const unusable = ['LAKE_MISSING', 'TABLE_CORRUPT', 'QUERY_FAILED', 'QUERY_INVALID'] as const;
      if (before === null || !isErrorCode(error, ...unusable)) throw error;
      const { code, message } = asIsobarError(error);
      this.#logger.warn({ code }, `refreshing the analytics from all rows: ${message}`);
    }
    return this.#run(snapshot, { before: null, changedMonths: null }, signal);
  }

  /** By the engine for as many rows; one that finds more of them on its way leaves it to the other. */
  async #run(
    snapshot: Snapshot,
    options: ComputeOptions,
    signal: AbortSignal | undefined,
  ): Promise<Computed> {
    const work = (computer: Computer) =>
      computer.compute(snapshot, signal, async (run) => {
        const computed = await computeDatasets(run, options);
        signal?.throwIfAborted();
        return computed;
      });
    const large = this.#large;
    if (large === null) return work(this.#small);
    if (rowsToRead(snapshot, options) >= (this.#options.large?.rowsLeast ?? 0)) return work(large);
    try {
      return await work(this.#small);
    } catch (error) {
      if (!(error instanceof RowsExceeded)) throw error;
      return work(large);
    }
  }
}

function rowsToRead({ files }: Snapshot, { before, changedMonths }: ComputeOptions): number {
  if (before === null || changedMonths === null) return countRows(files);
  const known = new Set(before.partials.flatMap((partial) => partial.months));
  for (const month of changedMonths) known.delete(month);
  return countRows(files.filter(({ month }) => !known.has(month ?? '')));
}

/** Runs again after a failure of the engine that may pass. */
async function retry(
  { retries = 0, logger = silentLogger }: RefreshOptions,
  refresh: () => Promise<Publication | null>,
  signal?: AbortSignal,
): Promise<Publication | null> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await refresh();
    } catch (error) {
      const passing = isErrorCode(error, 'ENGINE_UNAVAILABLE', 'QUERY_FAILED');
      if (!passing || failures > retries) throw error;
      logger.warn({ code: asIsobarError(error).code }, `refreshing again: ${error}`);
      await pause(backoff(RETRY_MS, failures), signal);
      signal?.throwIfAborted();
    }
  }
}
