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
import type { Changes, Snapshot } from '../table/table.ts';
import { backoff, pause } from '../waiting.ts';
import { type EventsControl, joinEvents } from './anomaly-events.ts';
import { appendRows } from './appending.ts';
import { Computer } from './computer.ts';
import { exportForPeople } from './export.ts';
import {
  aggregatesOf,
  type EventsMonth,
  isOutdated,
  type Publication,
  type Quality,
  readPublication,
} from './publication.ts';
import { type Computed, type ComputeOptions, computeDatasets, publish } from './publish.ts';
import { isChecked, joinQuality, type QualityControl, requalified } from './quality-control.ts';
import { type Recomputed, recomputeDatasets } from './recompute.ts';
import { countRows, RowsExceeded, type Run, type RunOptions } from './run.ts';

export interface RefreshOptions extends RunOptions {
  /** The engine for runs of at least so many rows, and for recomputing. */
  readonly large?: LargeEngine | undefined;
  /** Without it no value is checked, and all count. */
  readonly quality?: QualityControl | undefined;
  /** Without it, or without quality control, no event is looked for. */
  readonly events?: EventsControl | undefined;
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
   * Checks the values that came since the last time, while refreshes go on, and publishes what it
   * found. Resolves with the months that were checked; null when there was nothing to check. Rejects
   * as `refresh` does.
   */
  check(signal?: AbortSignal): Promise<Checked | null>;

  /**
   * Looks for events in what was checked and not judged yet, the newest months first, at most so many,
   * and publishes them. Resolves with the number of months; rejects as `refresh` does.
   */
  judge(monthsMost: number, signal?: AbortSignal): Promise<number>;

  /**
   * Computes with the large engine again what the other one has published since the last time, while
   * refreshes go on. When it says the same, and is still the newest, it is published. Resolves with
   * null when there is nothing to compute, or no second engine; rejects as the engine and the storage
   * do.
   */
  recompute(signal?: AbortSignal): Promise<Recomputed | null>;
}

export interface Checked {
  readonly months: number;
  /** Values of those months that failed, and that are suspect. */
  readonly failed: number;
  readonly suspect: number;
}

const RACES_MAX = 10;
/** What makes a refresh begin with less of what was computed before. */
const UNUSABLE = ['LAKE_MISSING', 'TABLE_CORRUPT', 'QUERY_FAILED', 'QUERY_INVALID'] as const;
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
  /** What was checked here last; null before the first check. */
  #checked: Quality | null = null;
  /** The events that were found here last; null before the first. */
  #judged: readonly EventsMonth[] | null = null;
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

  async check(signal?: AbortSignal): Promise<Checked | null> {
    const [control, last] = [this.#options.quality, this.#published];
    if (control === undefined || last === null) return null;
    const before = this.#qualityAfter(last.publication, last.snapshot);
    const found = await control.check(last.snapshot, before, signal);
    if (found === null) return null;
    this.#checked = found;
    await this.refresh(signal);
    const known = new Set(before?.months);
    const months = found.months.filter((month) => !known.has(month));
    return {
      months: months.length,
      failed: months.reduce((sum, { failed }) => sum + failed, 0),
      suspect: months.reduce((sum, { suspect }) => sum + suspect, 0),
    };
  }

  async judge(monthsMost: number, signal?: AbortSignal): Promise<number> {
    const [control, last] = [this.#options.events, this.#published];
    const quality = last?.publication.quality;
    if (control === undefined || last === null || quality === undefined) return 0;
    // Values that are not checked yet are judged once they are.
    if (!(await isChecked(this.#options.table, last.snapshot, quality))) return 0;
    const before = last.publication.events ?? [];
    const found = await control.judge(last.snapshot, quality, before, monthsMost, signal);
    if (found === null) return 0;
    this.#judged = found;
    await this.refresh(signal);
    const known = new Set(before);
    return found.filter((month) => !known.has(month)).length;
  }

  /** What is known of the months of this snapshot, by this process and by whoever published last. */
  #qualityAfter(newest: Publication | null, snapshot: Snapshot): Quality | null {
    if (this.#options.quality === undefined) return null;
    return joinQuality(newest?.quality ?? null, this.#checked, snapshot);
  }

  /** Whether it says what was checked and judged here. */
  #isKnown(newest: Publication, quality: Quality | null): boolean {
    const sameEvents = this.#judged === null || isSame(this.#judged, newest.events ?? []);
    return sameEvents && isSame(newest.quality ?? null, quality);
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
      const quality = this.#qualityAfter(newest, snapshot);
      // Another process may have judged meanwhile.
      if (newest?.version !== this.#published?.publication.version) this.#judged = null;
      const isAhead = newest !== null && newest.table_version > snapshot.version;
      if (newest !== null && isAhead) this.#goBack(newest, snapshot);
      if (newest !== null && !isAhead) {
        this.#unchanged = Math.max(this.#unchanged, newest.table_version);
        // Whoever published it may have died before this, or may be about to do it himself.
        await exportForPeople(storage, newest);
        const isKnown = this.#isKnown(newest, quality);
        if (newest.table_version === snapshot.version && isKnown && !isOutdated(newest)) {
          this.#published = { publication: newest, snapshot };
          return newest;
        }
      }
      const known = newest !== null && !isAhead && !isOutdated(newest);
      const changes = known ? await table.changes(this.#unchanged, snapshot) : null;
      const changed = changes === null ? null : new Set(changes.months);
      const others = requalified(newest?.quality ?? null, quality);
      for (const month of others) changed?.add(month);
      if (newest !== null && changed?.size === 0) {
        this.#unchanged = snapshot.version;
        // The same rows in the files that are there now.
        this.#published = { publication: newest, snapshot };
        if (this.#isKnown(newest, quality)) return newest;
      }
      try {
        const of = { snapshot, quality };
        const computed =
          newest !== null && changed?.size === 0
            ? withQuality(newest, quality)
            : ((others.length === 0 ? await this.#append(newest, of, changes, signal) : null) ??
              (await this.#compute(newest, of, changed, signal)));
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
    const events = joinEvents(this.#judged ?? before?.events ?? [], snapshot);
    if (this.#judged !== null) this.#judged = events;
    const all = events.length === 0 ? computed : { ...computed, events };
    const publication = await publish(this.#options.storage, all, before, this.#clock());
    this.#small.published(publication);
    this.#large?.published(publication);
    this.#newest = publication;
    this.#published = { publication, snapshot };
    return publication;
  }

  /** Null when the statements have to run. */
  async #append(
    newest: Publication | null,
    of: Sources,
    changes: Changes | null,
    signal: AbortSignal | undefined,
  ): Promise<Computed | null> {
    if (newest === null || !changes?.onlyAdded) return null;
    const { added } = changes;
    try {
      return await this.#small.compute(of, signal, (run) => appendRows(run, newest, added));
    } catch (error) {
      if (!isErrorCode(error, ...UNUSABLE)) throw error;
      const { code, message } = asIsobarError(error);
      this.#logger.warn({ code }, `computing the datasets by statements: ${message}`);
      return null;
    }
  }

  async #compute(
    newest: Publication | null,
    of: Sources,
    changed: ReadonlySet<string> | null,
    signal: AbortSignal | undefined,
  ): Promise<Computed> {
    const before = changed === null ? null : aggregatesOf(newest);
    const changedMonths = changed === null ? null : [...changed].sort();
    try {
      return await this.#run(of, { before, changedMonths }, signal);
    } catch (error) {
      // A partial aggregate that is gone or damaged costs time, not the datasets: rows say it all.
      if (before === null || !isErrorCode(error, ...UNUSABLE)) throw error;
      const { code, message } = asIsobarError(error);
      this.#logger.warn({ code }, `refreshing the analytics from all rows: ${message}`);
    }
    return this.#run(of, { before: null, changedMonths: null }, signal);
  }

  /** By the engine for as many rows; one that finds more of them on its way leaves it to the other. */
  async #run(
    of: Sources,
    options: ComputeOptions,
    signal: AbortSignal | undefined,
  ): Promise<Computed> {
    const work = (computer: Computer) =>
      computer.compute(of, signal, async (run) => {
        const computed = await computeDatasets(run, options);
        signal?.throwIfAborted();
        return computed;
      });
    const large = this.#large;
    if (large === null) return work(this.#small);
    if (rowsToRead(of.snapshot, options) >= (this.#options.large?.rowsLeast ?? 0))
      return work(large);
    try {
      return await work(this.#small);
    } catch (error) {
      if (!(error instanceof RowsExceeded)) throw error;
      return work(large);
    }
  }
}

/** What datasets are computed from. */
type Sources = Pick<Run, 'snapshot' | 'quality'>;

/** What this process has published is one object: most of the time nothing has to be compared. */
function isSame(a: object | null, b: object | null): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The same datasets, of values that are checked by now. */
function withQuality(publication: Publication, quality: Quality | null): Computed {
  const { version: _, computed_at: __, quality: ___, events: ____, ...computed } = publication;
  return quality === null ? computed : { ...computed, quality };
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
