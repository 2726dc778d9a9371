/** Whether the newest publication says what its version of the table says. */
import { createHash } from 'node:crypto';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { DATASETS, type Dataset } from '../model/datasets.ts';
import type { Snapshot, Table } from '../table/table.ts';
import { ANOMALY_COLUMNS } from './columns.ts';
import { computeCityStatistics, computeHourlyTrends, view, withStates } from './compute.ts';
import type { Columns, Row, SqlSession } from './engine.ts';
import { exportedVersion, finishRow, readDataset } from './export.ts';
import { filesOf, isOutdated, type Publication, readPublication } from './publication.ts';
import { queryText } from './queries.ts';

export interface VerifyPublicationOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly columns: Columns;
  readonly table: Table;
}

/** Two engines, or two orders of adding, agree to this relative difference. */
const RELATIVE_DIFFERENCE_MAX = 1e-9;
const EXAMPLES_MAX = 5;
/** Somebody may publish meanwhile: then what differs is looked at again. */
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
    const publication = await readPublication(options.storage);
    if (publication === null) return { version: 0, differences: [] };
    // A publication is of a version that is there: the table is looked at after it.
    const snapshot = await options.table.refresh();
    const report = await verifyAt(options, publication, snapshot);
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
  const differences: string[] = [];
  await compareFiles(storage, publication, differences);
  if (publication.table_version > snapshot.version) {
    differences.push(
      `analytics ${publication.version}: made from version ${publication.table_version} of the ` +
        `table, whose newest is ${snapshot.version}: the last commits are missing`,
    );
  }
  if (differences.length > 0) return { version: publication.version, differences };
  await compareExports(storage, session, publication, differences);
  // What an earlier version of this program counted otherwise, the next refresh makes anew.
  if (isOutdated(publication)) return { version: publication.version, differences };
  // Commits since that changed no row (compaction) leave it comparable.
  const changes = await options.table.changes(publication.table_version, snapshot);
  if (changes?.months.length === 0) {
    await compareComputed(options, publication, snapshot, differences);
  }
  return { version: publication.version, differences };
}

async function compareFiles(
  storage: Storage,
  publication: Publication,
  differences: string[],
): Promise<void> {
  for (const { path, sha256 } of filesOf(publication)) {
    if ((await storage.stat(path)) === null) {
      differences.push(`${path}: the file is missing`);
      continue;
    }
    const found = createHash('sha256')
      .update(await storage.read(path))
      .digest('hex');
    if (found !== sha256) differences.push(`${path}: its content was changed (sha256)`);
  }
}

/** The files for people hold what was published, once the publisher came to write them. */
async function compareExports(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  differences: string[],
): Promise<void> {
  if ((await exportedVersion(storage)) !== publication.version) return;
  for (const dataset of DATASETS) {
    const path = `${ANALYTICS_FOLDER}/${dataset}/${dataset}.jsonl`;
    if ((await storage.stat(path)) === null) continue;
    const rows = await readDataset(storage, session, publication, dataset);
    const wanted = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    const found = new TextDecoder().decode(await storage.read(path));
    if (found !== wanted) {
      differences.push(`${path}: it differs from publication ${publication.version}`);
    }
  }
}

async function compareComputed(
  options: VerifyPublicationOptions,
  publication: Publication,
  snapshot: Snapshot,
  differences: string[],
): Promise<void> {
  const { storage, session, columns } = options;
  const paths = await options.table.localPaths(snapshot.files);
  const selection = { paths, columns, cities: [], from: null, to: null };
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
}

/** By the rule's own words, without candidates: over the view `observations` as it is now. */
async function computeAnomalies(session: SqlSession): Promise<Row[]> {
  await withStates(session, 'city_statistics', () =>
    session.materialize('city_statistics', queryText('city_statistics')),
  );
  await view(
    session,
    'anomaly_candidates',
    'SELECT city_id, observed_at, temperature_c FROM observations WHERE temperature_c IS NOT NULL',
  );
  const names = Object.keys(ANOMALY_COLUMNS).join(', ');
  return session.query(`SELECT ${names} FROM (${queryText('anomalies')}) AS flagged
    ORDER BY observed_at DESC, city_id`);
}

function compareRows(
  dataset: Dataset,
  wanted: readonly Row[],
  published: readonly Row[],
  differences: string[],
): void {
  if (wanted.length !== published.length) {
    differences.push(`${dataset}: ${published.length} rows published, ${wanted.length} computed`);
  }
  let told = 0;
  for (const [index, row] of wanted.entries()) {
    for (const [name, value] of Object.entries(row)) {
      const other = published[index]?.[name];
      if (name === 'reason' || isClose(value, other)) continue;
      told += 1;
      if (told > EXAMPLES_MAX) return;
      differences.push(
        `${dataset} row ${index + 1} ${name}: ${other} published, ${value} computed`,
      );
    }
  }
}

function isClose(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  // Means near zero and directions near north are compared by their distance.
  const difference = Math.abs(a - b);
  return difference <= RELATIVE_DIFFERENCE_MAX * Math.max(1, Math.abs(a), Math.abs(b));
}
