/**
 * Refresh: the datasets follow the table, reading only what changed.
 *
 * The partial aggregates of changed months are computed from their rows (partials.ts) and merged with those of
 * all other months; the anomalies come from candidates (anomalies.ts). What the next refresh goes
 * on from is named by the publication, so that a process that has just started is as fast.
 */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { Snapshot } from '../table/table.ts';
import { backoff, pause } from '../waiting.ts';
import { refreshAnomalies } from './anomalies.ts';
import { exportForPeople, writeDataset } from './export.ts';
import { keepObservedRows } from './observed-rows.ts';
import { defineAggregates, refreshAggregates } from './partials.ts';
import {
  AGGREGATES_FORMAT,
  type Aggregates,
  aggregatesOf,
  filesOf,
  isOutdated,
  nextVersion,
  type Publication,
  putPublication,
  readPublication,
} from './publication.ts';
import { queryText } from './queries.ts';
import { type Memory, type Run, type RunOptions, startRun } from './run.ts';

export interface RefreshOptions extends RunOptions {
  readonly engineName: string;
  /** Further tries of one refresh after a passing failure of the engine. */
  readonly retries?: number;
  readonly clock?: () => Date;
  readonly logger?: Logger | undefined;
}

export interface Refresher {
  /**
   * Publishes what the newest version of the table says, unless that is published already, and
   * resolves with the newest publication; null until the table exists. Rejects as the table,
   * the engine and the storage do; the last good publication stays then.
   */
  refresh(signal?: AbortSignal): Promise<Publication | null>;
}

const RACES_MAX = 10;
const RETRY_MS = { least: 1_000, most: 60_000 } as const;
const SELECT_CITIES = 'SELECT * FROM city_statistics';
const HOURS_OF_CLOCKS = 48;

function remember(options: RefreshOptions): Memory {
  return { rows: keepObservedRows(options), made: new Map(), checked: new Set() };
}

export function createRefresher(options: RefreshOptions): Refresher {
  return new TableRefresher(options);
}

class TableRefresher implements Refresher {
  readonly #options: RefreshOptions;
  readonly #logger: Logger;
  /** Paths of publications that were warned of. */
  readonly #damaged = new Set<string>();
  #memory: Memory;
  #newest: Publication | null = null;
  /** The table's version up to which nothing changed that the newest publication does not hold. */
  #unchanged = -2;
  /** One run at a time works in the session. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: RefreshOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#memory = remember(options);
  }

  refresh(signal?: AbortSignal): Promise<Publication | null> {
    const run = this.#turn.then(() => retry(this.#options, () => this.#look(signal), signal));
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
    this.#memory = remember(this.#options);
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
        if (newest.table_version === snapshot.version && !isOutdated(newest)) return newest;
      }
      const known = newest !== null && !isAhead && !isOutdated(newest);
      const changes = known ? await table.changes(this.#unchanged, snapshot) : null;
      if (changes !== null && changes.months.length === 0) {
        this.#unchanged = snapshot.version;
        return newest;
      }
      try {
        this.#newest = await this.#publish(newest, snapshot, changes?.months ?? null, signal);
        return this.#newest;
      } catch (error) {
        if (!isErrorCode(error, 'LAKE_EXISTS') || races >= RACES_MAX) throw error;
      }
    }
  }

  async #publish(
    before: Publication | null,
    snapshot: Snapshot,
    changedMonths: readonly string[] | null,
    signal: AbortSignal | undefined,
  ): Promise<Publication> {
    const aggregates = changedMonths === null ? null : aggregatesOf(before);
    try {
      const run = startRun(this.#options, this.#memory, snapshot, signal);
      const publication = await publishRun(this.#options, run, before, aggregates, changedMonths);
      forgetFiles(this.#memory, publication);
      return publication;
    } catch (error) {
      // What the session stands at is not known: the next run starts afresh.
      this.#memory = remember(this.#options);
      // A partial aggregate that is gone or damaged costs time, not the datasets: rows say it all.
      const unusable = ['LAKE_MISSING', 'TABLE_CORRUPT', 'QUERY_FAILED', 'QUERY_INVALID'] as const;
      if (aggregates === null || !isErrorCode(error, ...unusable)) throw error;
      const { code, message } = asIsobarError(error);
      this.#logger.warn({ code }, `refreshing the analytics from all rows: ${message}`);
    }
    const run = startRun(this.#options, this.#memory, snapshot, signal);
    return publishRun(this.#options, run, before, null, null);
  }
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

/** What no publication to come can name need not be remembered. */
function forgetFiles({ checked }: Memory, publication: Publication): void {
  const named = new Set(filesOf(publication).map(({ path }) => path));
  for (const path of checked) if (!named.has(path)) checked.delete(path);
}

async function publishRun(
  options: RefreshOptions,
  run: Run,
  before: Publication | null,
  aggregatesBefore: Aggregates | null,
  changedMonths: readonly string[] | null,
): Promise<Publication> {
  reachFaultPoint('publish.before-files');
  const { session } = run;
  const aggregates = await refreshAggregates(run, aggregatesBefore, changedMonths);
  await defineAggregates(run, aggregates);
  await session.materialize('city_statistics', queryText('city_statistics'), run.signal);
  await run.view('city_names', 'SELECT city_id, city FROM city_statistics');
  const { cities, ...summary } = await summarise(session);
  const { candidates, bounds } = await refreshAnomalies(run, aggregatesBefore, aggregates);
  const publication: Publication = {
    version: await nextVersion(options.storage, before),
    table_version: run.snapshot.version,
    computed_at: (options.clock ?? (() => new Date()))().toISOString(),
    engine: options.engineName,
    ...summary,
    datasets: {
      city_statistics: await writeDataset(run, 'city_statistics', SELECT_CITIES, cities),
      hourly_trends: await writeDataset(
        run,
        'hourly_trends',
        queryText('hourly_trends'),
        cities * HOURS_OF_CLOCKS,
      ),
      anomalies: await writeDataset(run, 'anomalies', queryText('anomalies'), null),
    },
    aggregates: {
      format: AGGREGATES_FORMAT,
      partials: [...aggregates.partials],
      rollup: aggregates.rollup,
      anomaly_candidates: candidates,
      anomaly_bounds: bounds,
    } satisfies Aggregates,
  };
  run.signal?.throwIfAborted();
  reachFaultPoint('publish.before-version');
  await putPublication(options.storage, publication, before);
  reachFaultPoint('publish.after-version');
  await exportForPeople(options.storage, publication);
  return publication;
}

/** What a publication says of all cities, from the view `city_statistics`. */
export async function summarise(session: SqlSession) {
  const [sum] = await session.query<{
    cities: number;
    coverage: number | null;
    first: string | null;
    last: string | null;
  }>(
    'SELECT count(*) AS cities, 100e0 * sum(held_s) / sum(expected_s) AS coverage, ' +
      'min(first_observed_at) AS first, max(last_observed_at) AS last FROM city_statistics',
  );
  const few = await session.query<{ city_id: string }>(
    'SELECT city_id FROM city_statistics WHERE temperature_c_count < 11 ORDER BY city_id',
  );
  return {
    cities: sum?.cities ?? 0,
    coverage_pct: sum?.coverage ?? null,
    observed_from: sum?.first ?? null,
    observed_to: sum?.last ?? null,
    not_enough_values: few.map((row) => row.city_id),
  };
}
