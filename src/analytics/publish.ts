/** One publication: what a run computes of its snapshot, and how that becomes the newest. */
import { reachFaultPoint } from '../fault.ts';
import type { Storage } from '../lake/storage.ts';
import { type CityStatistics, HOURS_OF_A_CITY, type HourlyTrend } from '../model/datasets.ts';
import type { SqlSession } from '../sql/engine.ts';
import { refreshAnomalies } from './anomalies.ts';
import { type AppendedTrends, TrendLines, TrendTable, type WrittenRow } from './appended-trends.ts';
import { Appendable } from './appending.ts';
import { writeDays } from './climate.ts';
import { exportForPeople, writeDataset } from './export.ts';
import { defineAggregates, refreshAggregates } from './partials.ts';
import {
  AGGREGATES_FORMAT,
  type Aggregates,
  nextVersion,
  type Publication,
  type PublishedFile,
  putPublication,
} from './publication.ts';
import { queryText } from './queries.ts';
import type { Run } from './run.ts';
import { COUNT_LEAST } from './three-sigma.ts';

/** What a publication says, but for its number and its time. */
export type Computed = Omit<Publication, 'version' | 'computed_at'>;

export interface ComputeOptions {
  /** What to go on from; null computes everything from rows. */
  readonly before: Aggregates | null;
  /** Null for all. */
  readonly changedMonths: readonly string[] | null;
  /** Whether every month gets a partial aggregate, the newest ones as well. */
  readonly settles?: boolean;
}

const SELECT_CITIES = 'SELECT * FROM city_statistics';

/** Computes all datasets of the run's snapshot, and writes their files. */
export async function computeDatasets(run: Run, options: ComputeOptions): Promise<Computed> {
  const { before, changedMonths, settles } = options;
  reachFaultPoint('publish.before-files');
  const { session } = run;
  const aggregates = await refreshAggregates(run, before, changedMonths, settles);
  await defineAggregates(run, aggregates);
  const daysLive = aggregates.live.length === 0 ? null : await writeDays(run);
  await session.materialize('city_statistics', queryText('city_statistics'), run.signal);
  await run.view('city_names', 'SELECT city_id, city FROM city_statistics');
  const { cities, ...summary } = await summarise(session);
  const { candidates, bounds } = await refreshAnomalies(run, before, aggregates);
  run.memory.appendable = null;
  // Without months that are computed from rows no landing could be merged.
  const canAppend = run.reach === 'machine' && aggregates.live.length > 0;
  const { statistics, trends, ...files } = await writeTrends(run, cities, canAppend);
  const anomalies = await writeDataset(run, 'anomalies', queryText('anomalies'), null);
  const { path } = files.city_statistics;
  const areTexts = [path, anomalies.path].every((one) => one.endsWith('.jsonl'));
  if (canAppend && areTexts) {
    run.memory.appendable = Appendable.of(path, aggregates.live, statistics, trends);
  }
  return {
    table_version: run.snapshot.version,
    engine: run.engineName,
    ...summary,
    ...(run.quality === null ? {} : { quality: run.quality }),
    datasets: { ...files, anomalies },
    aggregates: {
      format: AGGREGATES_FORMAT,
      partials: [...aggregates.partials],
      rollup: aggregates.rollup,
      days_live: daysLive,
      days_appended: null,
      anomaly_candidates: candidates,
      anomaly_bounds: bounds,
    } satisfies Aggregates,
  };
}

interface WrittenTrends {
  readonly city_statistics: PublishedFile;
  readonly hourly_trends: PublishedFile;
  readonly statistics: readonly WrittenRow<CityStatistics>[];
  readonly trends: AppendedTrends | null;
}

/** Writes city statistics and trends; with `keeps`, keeps what further rows can be merged into. */
async function writeTrends(run: Run, cities: number, keeps: boolean): Promise<WrittenTrends> {
  const statistics: WrittenRow<CityStatistics>[] = [];
  const city_statistics = await writeDataset(
    ...([run, 'city_statistics', SELECT_CITIES, cities] as const),
    (row, line) => keeps && statistics.push({ row: row as unknown as CityStatistics, line }),
  );
  const [sums, rowsMost] = [queryText('hour_sums'), cities * HOURS_OF_A_CITY];
  const isLarge = keeps && rowsMost > run.textRowsMax;
  if (isLarge) {
    const inOrder = `SELECT * FROM (${sums}) AS sums ORDER BY city_id, clock, hour`;
    await run.session.materialize('hour_sums_kept', inOrder, run.signal);
  } else if (run.reach === 'machine') await run.session.drop('hour_sums_kept');
  await run.view('hour_sums', isLarge ? 'SELECT * FROM hour_sums_kept' : sums);
  const rows: WrittenRow<HourlyTrend>[] = [];
  const hourly_trends = await writeDataset(
    ...([run, 'hourly_trends', queryText('hourly_trends'), rowsMost] as const),
    (row, line) => keeps && rows.push({ row: row as unknown as HourlyTrend, line }),
  );
  const trends = isLarge ? new TrendTable() : TrendLines.of(rows);
  return { city_statistics, hourly_trends, statistics, trends };
}

/** Rejects with LAKE_EXISTS when another process has published after `before`. */
export async function publish(
  storage: Storage,
  computed: Computed,
  before: Publication | null,
  at: Date,
): Promise<Publication> {
  const { table_version, ...rest } = computed;
  const publication: Publication = {
    version: await nextVersion(storage, before),
    table_version,
    computed_at: at.toISOString(),
    ...rest,
  };
  reachFaultPoint('publish.before-version');
  await putPublication(storage, publication, before);
  reachFaultPoint('publish.after-version');
  await exportForPeople(storage, publication);
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
    `SELECT city_id FROM city_statistics WHERE temperature_c_count < ${COUNT_LEAST} ORDER BY city_id`,
  );
  return {
    cities: sum?.cities ?? 0,
    coverage_pct: sum?.coverage ?? null,
    observed_from: sum?.first ?? null,
    observed_to: sum?.last ?? null,
    not_enough_values: few.map((row) => row.city_id),
  };
}
