/** Whether the newest publication says what its version of the table says. */
import { asIsobarError, isErrorCode } from '../errors.ts';
import { ANALYTICS_FOLDER, publicationPath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { isClose } from '../model/agreement.ts';
import { CLIMATE_DATASETS } from '../model/climate-datasets.ts';
import { DATASETS, type Dataset } from '../model/datasets.ts';
import type { Columns, Row, SqlSession } from '../sql/engine.ts';
import type { DataFile, Snapshot, Table } from '../table/table.ts';
import { computeClimate, readClimate } from './climate.ts';
import { ANOMALY_COLUMNS } from './columns.ts';
import { compareRows } from './compare-rows.ts';
import { computeCityStatistics, computeHourlyTrends, view, withPartials } from './compute.ts';
import { finishRow, readDataset, readMark } from './export.ts';
import {
  aggregatesOf,
  aggregatesProblem,
  filesOf,
  isOutdated,
  listPublications,
  type Publication,
  readOne,
  readPublication,
} from './publication.ts';
import { summarise } from './publish.ts';
import { lineOf } from './published-files.ts';
import { failedFlagPaths } from './published-quality.ts';
import type { PlacesById } from './quality-control.ts';
import { queryText } from './queries.ts';
import { verifyAggregates, verifyFiles } from './verify-files.ts';
import { verifyQuality } from './verify-quality.ts';

export interface VerifyPublicationOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly columns: Columns;
  readonly table: Table;
  /** Where the stations are; without it flags of quality control are taken as they are. */
  readonly places?: () => Promise<PlacesById>;
  /** Data files of an earlier version of the table; null when it is not kept any more. */
  readonly filesOfVersion?: (version: number) => Promise<readonly DataFile[] | null>;
}

const ENGINES: readonly string[] = ['duckdb', 'spark'];

const DAMAGED = ['TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR'] as const;
/** Publications of a week, one a minute. */
const GAPS_MAX = 10_000;
/** Another process may publish meanwhile; differences are then checked again. */
const ATTEMPTS_MAX = 5;

/**
 * Reads the newest publication again and computes it anew; resolves with what differs, a sentence
 * each. A publication of an older version of the table is compared only as far as its own files
 * go: the rows that landed since are not in it.
 */
export async function verifyPublication(
  options: VerifyPublicationOptions,
): Promise<PublicationReport> {
  for (let attempt = 1; ; attempt += 1) {
    const garbled = new Set<string>();
    const onGarbled = (_: string, problem: string) => void garbled.add(problem);
    const publication = await readPublication(options.storage, null, onGarbled);
    // A publication is of a version that is there: the table is looked at after it.
    const snapshot = await options.table.refresh();
    const others = await verifyOthers(options, publication, snapshot, garbled);
    if (publication === null) return { version: 0, differences: others };
    const { version, differences } = await verifyAt(options, publication, snapshot);
    const report = { version, differences: [...others, ...differences] };
    if (report.differences.length === 0 || attempt === ATTEMPTS_MAX) return report;
    const newest = await readPublication(options.storage);
    if (newest?.version === publication.version) return report;
  }
}

interface PublicationReport {
  readonly version: number;
  readonly differences: string[];
}

async function verifyAt(
  options: VerifyPublicationOptions,
  publication: Publication,
  snapshot: Snapshot,
): Promise<PublicationReport> {
  const { storage, session } = options;
  const { version, table_version } = publication;
  const differences = await verifyFiles(options, publication);
  differences.push(...engineProblems(publication));
  if (table_version > snapshot.version) {
    differences.push(
      `analytics ${version}: made from version ${table_version} of the ` +
        `table, whose newest is ${snapshot.version}: the last commits are missing`,
    );
  }
  if (differences.length > 0) return { version, differences };
  await compareExports(storage, session, publication, differences);
  // What an earlier version of this program counted otherwise, the next refresh makes anew.
  if (isOutdated(publication)) return { version, differences };
  const files = await filesAt(options, table_version, snapshot);
  if (files !== null) await compareComputed(options, publication, files, differences);
  if (options.places !== undefined) {
    const own = { ...options, places: options.places };
    differences.push(...(await verifyQuality(own, publication, snapshot)));
  }
  return { version, differences };
}

/** Of the publication, and of each of its partial aggregates. */
function engineProblems(publication: Publication): string[] {
  const { version, engine } = publication;
  const partials = aggregatesOf(publication)?.partials ?? [];
  const others = partials.flatMap((partial) => partial.engine ?? []);
  return [...new Set([engine, ...others])]
    .filter((name) => !ENGINES.includes(name))
    .map((name) => `publication ${version}: the engine ${JSON.stringify(name)} is unknown`);
}

/** The data files that it was made from; null when they are no longer all there. */
async function filesAt(
  { table, storage, filesOfVersion }: VerifyPublicationOptions,
  version: number,
  snapshot: Snapshot,
): Promise<readonly DataFile[] | null> {
  // Commits since that changed no row (compaction) leave it comparable.
  const changes = await table.changes(version, snapshot);
  if (changes?.months.length === 0) return snapshot.files;
  const files = (await filesOfVersion?.(version)) ?? null;
  for (const { storagePath } of files ?? []) {
    if ((await storage.stat(storagePath)) === null) return null;
  }
  return files;
}

/** Every publication that is kept can be read, and is of a version that the table has had. */
async function verifyOthers(
  { storage }: VerifyPublicationOptions,
  newest: Publication | null,
  snapshot: Snapshot,
  garbled: Set<string>,
): Promise<string[]> {
  const differences: string[] = [];
  const versions = await listPublications(storage, (_, problem) => void garbled.add(problem));
  for (const version of [...versions, ...between(versions)]) {
    if (version === newest?.version) continue;
    try {
      const publication = await readOne(storage, version);
      if (publication === null) continue;
      differences.push(...aggregatesProblem(publication), ...engineProblems(publication));
      if (publication.table_version > snapshot.version) {
        const of = `${publication.table_version} of the table, which it has not had`;
        differences.push(`${publicationPath(version)}: it says that it is of version ${of}`);
      }
      for (const { path } of filesOf(publication)) {
        if ((await storage.stat(path)) !== null) continue;
        // Cleaning may have removed both meanwhile.
        if ((await readOne(storage, version)) !== null) {
          differences.push(`${publicationPath(version)}: ${path} is missing`);
        }
      }
    } catch (error) {
      if (!isErrorCode(error, ...DAMAGED)) throw error;
      garbled.add(asIsobarError(error).message);
    }
  }
  return [...garbled, ...differences];
}

/** Numbers that no listed file has: something else than a file may bear them. */
function between(versions: readonly number[]): number[] {
  const there = new Set(versions);
  const [first = 0, last = 0] = [versions[0], versions.at(-1)];
  const count = Math.min(last - first, GAPS_MAX);
  return Array.from({ length: count }, (_, at) => first + at).filter((one) => !there.has(one));
}

/** The files for people hold what was published, once the publisher came to write them. */
async function compareExports(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  differences: string[],
): Promise<void> {
  const exported = await readMark(storage).catch((error) => {
    if (!isErrorCode(error, ...DAMAGED)) throw error;
    differences.push(asIsobarError(error).message);
    return 0;
  });
  if (exported > publication.version) {
    differences.push(`${ANALYTICS_FOLDER}: publication ${exported} was exported, but is not there`);
  }
  if (exported !== publication.version) return;
  for (const dataset of DATASETS) {
    const path = `${ANALYTICS_FOLDER}/${dataset}/${dataset}.jsonl`;
    if ((await storage.stat(path)) === null) continue;
    const rows = await readDataset(storage, session, publication, dataset);
    const wanted = rows.map(lineOf).join('');
    const found = new TextDecoder().decode(await storage.read(path));
    if (found !== wanted) {
      differences.push(`${path}: it differs from publication ${publication.version}`);
    }
  }
}

async function compareComputed(
  options: VerifyPublicationOptions,
  publication: Publication,
  files: readonly DataFile[],
  differences: string[],
): Promise<void> {
  const { storage, session, columns } = options;
  const paths = await options.table.localPaths(files);
  const flags = await failedFlagPaths(storage, publication, null);
  const selection = { paths, columns, cities: [], from: null, to: null, flags };
  const computed: Record<Dataset, readonly object[]> = {
    city_statistics: await computeCityStatistics(session, selection),
    hourly_trends: await computeHourlyTrends(session, selection),
    anomalies: await computeAnomalies(session),
  };
  for (const dataset of DATASETS) {
    const published = await readDataset(storage, session, publication, dataset);
    const wanted = computed[dataset].map((row) => finishRow(dataset, row as Row));
    compareRows(dataset, wanted, published as unknown as Row[], differences);
  }
  for (const dataset of CLIMATE_DATASETS) {
    const published = await readClimate(storage, session, publication, dataset);
    const wanted = await computeClimate(session, dataset);
    compareRows(dataset, wanted as unknown as Row[], published as unknown as Row[], differences);
  }
  const { cities: _, ...summary } = await summarise(session);
  for (const [name, value] of Object.entries(summary)) {
    const published = publication[name as keyof typeof summary];
    if (isClose(value, published) || JSON.stringify(value) === JSON.stringify(published)) continue;
    differences.push(
      `publication ${publication.version} ${name}: ${JSON.stringify(published)} published, ` +
        `${JSON.stringify(value)} computed`,
    );
  }
  differences.push(...(await verifyAggregates(options, publication)));
}

/** By the rule's own words, without candidates: over the view `observations` as it is now. */
async function computeAnomalies(session: SqlSession): Promise<Row[]> {
  await withPartials(session, 'city_statistics', () =>
    session.materialize('city_statistics', queryText('city_statistics')),
  );
  await view(
    session,
    'anomaly_candidates',
    'SELECT city_id, observed_at, temperature_c_reported AS temperature_c FROM observations ' +
      'WHERE temperature_c_reported IS NOT NULL',
  );
  const names = Object.keys(ANOMALY_COLUMNS).join(', ');
  return session.query(`SELECT ${names} FROM (${queryText('anomalies')}) AS flagged
    ORDER BY observed_at DESC, city_id`);
}
