/**
 * Refresh: the datasets follow the table, reading only what changed.
 *
 * The states of changed months are computed from their rows (states.ts) and merged with those of
 * all other months; the anomalies come from candidates (anomalies.ts). What the next refresh goes
 * on from is named by the publication, so that a process that has just started is as fast.
 */
import { IsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { type Logger, silentLogger } from '../logger.ts';
import type { Dataset } from '../model/datasets.ts';
import type { Snapshot } from '../table/table.ts';
import { refreshAnomalies } from './anomalies.ts';
import { view } from './compute.ts';
import { exportForPeople, ORDER } from './export.ts';
import { keepObservedRows } from './observed-rows.ts';
import {
  type Publication,
  type PublishedFile,
  putPublication,
  readPublication,
  type States,
  statesOf,
} from './publication.ts';
import { queryText } from './queries.ts';
import { type Run, type RunOptions, startRun } from './run.ts';
import { defineStates, refreshStates } from './states.ts';

export interface RefreshOptions extends RunOptions {
  readonly engineName: string;
  readonly clock?: () => Date;
  readonly logger?: Logger;
}

export interface Refresher {
  /**
   * Publishes what the newest version of the table says, unless that is published already, and
   * resolves with the newest publication; null as long as there is no table. Rejects with
   * PUBLICATION_STALE when that says more than the table holds, and as the table, the engine and
   * the storage do; the last good publication stays then.
   */
  refresh(signal?: AbortSignal): Promise<Publication | null>;
}

const RACES_MAX = 10;
/** Rows of a dataset that are kept in the engine while it is published. */
const KEPT_ROWS_MAX = 200_000;

export function createRefresher(options: RefreshOptions): Refresher {
  const { storage, table, logger = silentLogger } = options;
  const rows = keepObservedRows(options);
  const checked = new Set<string>();
  let newest: Publication | null = null;
  /** The table's version up to which nothing changed that `newest` does not say. */
  let unchanged = -2;

  async function refresh(signal?: AbortSignal): Promise<Publication | null> {
    for (let races = 0; ; races++) {
      signal?.throwIfAborted();
      newest = await readPublication(storage, newest);
      const snapshot = await table.refresh(signal);
      assertNotStale(newest, snapshot);
      if (newest === null && snapshot.version < 0) return null;
      if (newest !== null) {
        unchanged = Math.max(unchanged, newest.table_version);
        // Whoever published it may have died before this, or may be about to do it himself.
        await exportForPeople(options, newest);
        if (newest.table_version === snapshot.version) return newest;
      }
      const changes = newest === null ? null : await table.changes(unchanged, snapshot);
      if (changes !== null && changes.months.length === 0) {
        unchanged = snapshot.version;
        return newest;
      }
      try {
        newest = await publish(newest, snapshot, changes?.months ?? null, signal);
      } catch (error) {
        if (!isErrorCode(error, 'LAKE_EXISTS') || races >= RACES_MAX) throw error;
        continue;
      }
      return newest;
    }
  }

  async function publish(
    before: Publication | null,
    snapshot: Snapshot,
    changedMonths: readonly string[] | null,
    signal: AbortSignal | undefined,
  ): Promise<Publication> {
    const run = startRun(options, snapshot, rows, checked, signal);
    const states = changedMonths === null ? null : statesOf(before);
    if (states !== null) {
      try {
        return await publishRun(options, run, before, states, changedMonths);
      } catch (error) {
        // A state that is gone or damaged costs time, not the datasets: rows say it all.
        const unusable = [
          'LAKE_MISSING',
          'TABLE_CORRUPT',
          'QUERY_FAILED',
          'QUERY_INVALID',
        ] as const;
        if (!isErrorCode(error, ...unusable)) throw error;
        const { code, message } = error as IsobarError;
        logger.warn({ code }, `refreshing the analytics from all rows: ${message}`);
      }
    }
    return publishRun(options, run, before, null, null);
  }

  // One run at a time works in the session.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    refresh(signal) {
      const run = turn.then(() => refresh(signal));
      turn = run.catch(() => {});
      return run;
    },
  };
}

/** The table can only go back when somebody restored an older one. */
function assertNotStale(newest: Publication | null, snapshot: Snapshot): void {
  if (newest === null || newest.table_version <= snapshot.version) return;
  throw new IsobarError(
    'PUBLICATION_STALE',
    `publication ${newest.version} was made from version ${newest.table_version} of the table, ` +
      `whose newest is ${snapshot.version}`,
  );
}

async function publishRun(
  options: RefreshOptions,
  run: Run,
  before: Publication | null,
  statesBefore: States | null,
  changedMonths: readonly string[] | null,
): Promise<Publication> {
  reachFaultPoint('publish.before-files');
  const { session } = run;
  const states = await refreshStates(run, statesBefore, changedMonths);
  const stateRows = await defineStates(run, states);
  const kept: Dataset[] = [];
  const cityStatistics = await writeDataset(run, 'city_statistics', 0, kept);
  await view(session, 'city_names', 'SELECT city_id, city FROM city_statistics');
  const hourlyTrends = await writeDataset(run, 'hourly_trends', stateRows, kept);
  const { candidates, bounds } = await refreshAnomalies(run, statesBefore, changedMonths, states);
  const candidateRows = candidates.base.rows + candidates.free.rows;
  const anomalies = await writeDataset(run, 'anomalies', candidateRows, kept);
  const publication: Publication = {
    version: (before?.version ?? 0) + 1,
    table_version: run.snapshot.version,
    computed_at: (options.clock ?? (() => new Date()))().toISOString(),
    engine: options.engineName,
    ...(await summarise(run)),
    datasets: { city_statistics: cityStatistics, hourly_trends: hourlyTrends, anomalies },
    states: {
      format: 2,
      layers: [...states.layers],
      base: states.base,
      anomaly_candidates: candidates,
      anomaly_bounds: bounds,
    } satisfies States,
  };
  run.signal?.throwIfAborted();
  reachFaultPoint('publish.before-version');
  await putPublication(options.storage, publication, before);
  reachFaultPoint('publish.after-version');
  await exportForPeople(options, publication, kept);
  return publication;
}

/** What is small is computed once for its file, for people's and for what builds on it. */
async function writeDataset(
  run: Run,
  dataset: Dataset,
  rowsAtMost: number,
  kept: Dataset[],
): Promise<PublishedFile> {
  const sql = queryText(dataset);
  if (rowsAtMost > KEPT_ROWS_MAX) return run.write('_data', sql);
  await run.session.materialize(dataset, sql);
  kept.push(dataset);
  return run.write('_data', `SELECT * FROM ${dataset} ORDER BY ${ORDER[dataset]}`);
}

async function summarise({
  session,
}: Run): Promise<
  Pick<Publication, 'coverage_pct' | 'observed_from' | 'observed_to' | 'not_enough_values'>
> {
  const [sum] = await session.query<{
    coverage: number | null;
    first: string | null;
    last: string | null;
  }>(
    'SELECT 100e0 * sum(held_s) / sum(expected_s) AS coverage, ' +
      'min(first_observed_at) AS first, max(last_observed_at) AS last FROM city_statistics',
  );
  const few = await session.query<{ city_id: string }>(
    'SELECT city_id FROM city_statistics WHERE temperature_c_count < 11 ORDER BY city_id',
  );
  return {
    coverage_pct: sum?.coverage ?? null,
    observed_from: sum?.first ?? null,
    observed_to: sum?.last ?? null,
    not_enough_values: few.map((row) => row.city_id),
  };
}
