/**
 * Refresh: the datasets follow the table, reading only what changed.
 *
 *     months   a state file a month and dataset; only changed months are computed from rows
 *     base     the states of all months but the newest, merged, so that the cost of a refresh
 *              does not grow with the length of history
 *     datasets merged from base and the newest months
 *
 * States are merged as Chan et al. do; see the .sql files.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { Snapshot, Table } from '../table/table.ts';
import { refreshAnomalies } from './anomalies.ts';
import { CITY_STATE_COLUMNS, CITY_STATISTICS_COLUMNS, HOURLY_STATE_COLUMNS } from './columns.ts';
import { view } from './compute.ts';
import type { Columns, SqlSession } from './engine.ts';
import { exportForPeople } from './export.ts';
import {
  type MonthStates,
  type Publication,
  type PublishedFile,
  putPublication,
  readPublication,
} from './publication.ts';
import { queryText } from './queries.ts';

export interface RefreshOptions {
  readonly table: Table;
  readonly columns: Columns;
  readonly storage: Storage;
  /** The refresher's own. */
  readonly session: SqlSession;
  readonly engineName: string;
  readonly scratch: string;
  readonly clock?: () => Date;
}

export interface Refresher {
  /**
   * Publishes what the newest version of the table says, unless that is published already, and
   * resolves with the newest publication; null as long as there is no table. Rejects as the table,
   * the engine and the storage do; the last good publication stays then.
   */
  refresh(signal?: AbortSignal): Promise<Publication | null>;
}

/** A run's tools, shared with anomalies.ts. */
export interface Run extends RefreshOptions {
  readonly snapshot: Snapshot;
  /** Writes the rows of `sql` as a Parquet file of the lake. */
  write(folder: '_data' | '_state', sql: string): Promise<PublishedFile>;
  /** Makes a view of published files; `columns` is its schema when there is no file. */
  define(name: string, files: readonly PublishedFile[], columns: Columns): Promise<void>;
  /** Makes the view `observations` hold the rows of these months, or of all. */
  observe(months: readonly string[] | null): Promise<void>;
}

/** Months that are not merged into the base: the newest are the ones that change. */
const FREE_MONTHS = { least: 2, most: 4 } as const;
const RACES_MAX = 10;

export function createRefresher(options: RefreshOptions): Refresher {
  let newest: Publication | null = null;
  /** The table's version up to which nothing changed that `newest` does not say. */
  let checked = -2;
  /** Whether this process has seen that the files for people are those of a publication. */
  let exported = false;

  async function refresh(signal?: AbortSignal): Promise<Publication | null> {
    for (let races = 0; ; races++) {
      signal?.throwIfAborted();
      newest = await readPublication(options.storage, newest);
      const snapshot = await options.table.refresh(signal);
      if (snapshot.version < 0) return newest;
      if (newest !== null) checked = Math.max(checked, newest.table_version);
      // Somebody published from a version that we have not seen yet: theirs is the newer.
      if (newest !== null && !exported) {
        await exportForPeople(options, newest);
        exported = true;
      }
      if (newest !== null && newest.table_version >= snapshot.version) return newest;
      const changes = newest === null ? null : await options.table.changes(checked, snapshot);
      if (changes !== null && changes.months.length === 0) {
        checked = snapshot.version;
        return newest;
      }
      try {
        newest = await publish(options, newest, snapshot, changes?.months ?? null, signal);
        return newest;
      } catch (error) {
        if (!isErrorCode(error, 'LAKE_EXISTS') || races >= RACES_MAX) throw error;
      }
    }
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

async function publish(
  options: RefreshOptions,
  before: Publication | null,
  snapshot: Snapshot,
  changedMonths: readonly string[] | null,
  signal?: AbortSignal,
): Promise<Publication> {
  const run = startRun(options, snapshot);
  reachFaultPoint('publish.before-files');
  const months = await refreshMonths(run, before, changedMonths, signal);
  const base = await refreshBase(run, before, months, changedMonths);
  const free = Object.entries(months).filter(([month]) => !base?.months.includes(month));
  const layers = [...(base === null ? [] : [base.files]), ...free.map(([, files]) => files)];
  await mergeViews(run, layers);
  const cityStatistics = await run.write('_data', queryText('city_statistics'));
  const hourlyTrends = await run.write('_data', queryText('hourly_trends'));
  signal?.throwIfAborted();
  await run.define('city_statistics', [cityStatistics], CITY_STATISTICS_COLUMNS);
  const anomalies = await refreshAnomalies(run, before, changedMonths);
  const [sum] = await options.session.query<{
    coverage: number | null;
    first: string | null;
    last: string | null;
  }>(
    'SELECT avg(coverage_pct) AS coverage, min(first_observed_at) AS first, ' +
      'max(last_observed_at) AS last FROM city_statistics',
  );
  const publication: Publication = {
    version: (before?.version ?? 0) + 1,
    table_version: snapshot.version,
    computed_at: (options.clock ?? (() => new Date()))().toISOString(),
    engine: options.engineName,
    coverage_pct: sum?.coverage ?? null,
    observed_from: sum?.first ?? null,
    observed_to: sum?.last ?? null,
    not_enough_values: anomalies.notEnoughValues,
    datasets: {
      city_statistics: cityStatistics,
      hourly_trends: hourlyTrends,
      anomalies: anomalies.dataset,
    },
    states: {
      months,
      base,
      anomaly_candidates: anomalies.candidates,
      anomaly_bounds: anomalies.bounds,
    },
  };
  reachFaultPoint('publish.before-version');
  await putPublication(options.storage, publication);
  reachFaultPoint('publish.after-version');
  await exportForPeople(options, publication);
  return publication;
}

function startRun(options: RefreshOptions, snapshot: Snapshot): Run {
  const { storage, session, scratch } = options;
  return {
    ...options,
    snapshot,
    async write(folder, sql) {
      const name = `${randomUUID()}.parquet`;
      const file = join(scratch, name);
      try {
        const rows = await session.copy(sql, file, 'parquet');
        const sha256 = createHash('sha256')
          .update(await readFile(file))
          .digest('hex');
        const path = `${ANALYTICS_FOLDER}/${folder}/${name}`;
        await storage.putIfAbsent(path, { file });
        return { path, rows, sha256 };
      } finally {
        await rm(file, { force: true });
      }
    },
    async define(name, files, columns) {
      const paths = await Promise.all(files.map((file) => storage.localPath(file.path)));
      await session.define(name, paths, columns);
    },
    async observe(months) {
      const files = snapshot.files.filter((file) => months?.includes(file.month ?? '') ?? true);
      await session.define('observations', await options.table.localPaths(files), options.columns);
    },
  };
}

/** The state files of every month of the table: changed months anew, the others as they were. */
async function refreshMonths(
  run: Run,
  before: Publication | null,
  changedMonths: readonly string[] | null,
  signal?: AbortSignal,
): Promise<Record<string, MonthStates>> {
  const all = [...new Set(run.snapshot.files.map((file) => file.month ?? ''))].sort();
  const changed = new Set(changedMonths ?? all);
  const months: Record<string, MonthStates> = {};
  for (const month of all) {
    signal?.throwIfAborted();
    const there = before?.states.months[month];
    if (there !== undefined && !changed.has(month)) {
      months[month] = there;
      continue;
    }
    await run.observe([month]);
    months[month] = {
      city_statistics: await run.write('_state', queryText('city_statistics_state')),
      hourly_trends: await run.write('_state', queryText('hourly_trends_state')),
    };
  }
  return months;
}

/** The merged states of all but the newest months: as before while they did not change. */
async function refreshBase(
  run: Run,
  before: Publication | null,
  months: Readonly<Record<string, MonthStates>>,
  changedMonths: readonly string[] | null,
): Promise<Publication['states']['base']> {
  const all = Object.keys(months).sort();
  const base = before?.states.base ?? null;
  if (base !== null && changedMonths !== null) {
    const untouched = base.months.every((month) => !changedMonths.includes(month));
    const there = base.months.every((month) => month in months);
    if (untouched && there && all.length - base.months.length <= FREE_MONTHS.most) return base;
  }
  const merged = all.slice(0, Math.max(0, all.length - FREE_MONTHS.least));
  if (merged.length < 2) return null;
  const layers = merged.flatMap((month) => months[month] ?? []);
  await stateViews(run, layers);
  return {
    months: merged,
    files: {
      city_statistics: await run.write('_state', queryText('city_statistics_merge')),
      hourly_trends: await run.write('_state', queryText('hourly_trends_merge')),
    },
  };
}

async function stateViews(run: Run, layers: readonly MonthStates[]): Promise<void> {
  const of = (name: keyof MonthStates) => layers.map((layer) => layer[name]);
  await run.define('city_statistics_states', of('city_statistics'), CITY_STATE_COLUMNS);
  await run.define('hourly_trends_states', of('hourly_trends'), HOURLY_STATE_COLUMNS);
}

async function mergeViews(run: Run, layers: readonly MonthStates[]): Promise<void> {
  await stateViews(run, layers);
  await view(run.session, 'city_statistics_merged', queryText('city_statistics_merge'));
  await view(run.session, 'hourly_trends_merged', queryText('hourly_trends_merge'));
}
