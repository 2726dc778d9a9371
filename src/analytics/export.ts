/**
 * The published datasets for people and other programs: the seed's paths hold the current
 * JSON-lines file of each, by atomic replacement.
 */
import { isErrorCode } from '../errors.ts';
import { ANALYTICS_FOLDER, publicationPath } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import {
  type Anomaly,
  type CityStatistics,
  DATASETS,
  type Dataset,
  type HourlyTrend,
} from '../model/datasets.ts';
import { VARIABLES } from '../model/variables.ts';
import { ANOMALY_COLUMNS, CITY_STATISTICS_COLUMNS, HOURLY_TRENDS_COLUMNS } from './columns.ts';
import type { Columns, SqlSession } from './engine.ts';
import type { Publication } from './publication.ts';

/** Above this a dataset is not written as text as well: programs of that size read Parquet. */
const TEXT_ROWS_MAX = 500_000;

export interface DatasetRows {
  readonly city_statistics: CityStatistics;
  readonly hourly_trends: HourlyTrend;
  readonly anomalies: Anomaly;
}

const COLUMNS: Readonly<Record<Dataset, Columns>> = {
  city_statistics: CITY_STATISTICS_COLUMNS,
  hourly_trends: HOURLY_TRENDS_COLUMNS,
  anomalies: ANOMALY_COLUMNS,
};

export const ORDER: Readonly<Record<Dataset, string>> = {
  city_statistics: 'city_id',
  hourly_trends: 'city_id, clock, hour',
  anomalies: 'observed_at DESC, city_id',
};

/** All rows of a published dataset, in its order. */
export async function readDataset<D extends Dataset>(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  dataset: D,
): Promise<DatasetRows[D][]> {
  const path = await storage.localPath(publication.datasets[dataset].path);
  await session.define(`published_${dataset}`, [path], COLUMNS[dataset]);
  return readRows(session, `published_${dataset}`, dataset);
}

/** All rows of the view as a dataset's, in its order. */
async function readRows<D extends Dataset>(
  session: SqlSession,
  name: string,
  dataset: D,
): Promise<DatasetRows[D][]> {
  const rows = await session.query(`SELECT * FROM ${name} ORDER BY ${ORDER[dataset]}`);
  return rows.map((row) => finishRow(dataset, row)) as unknown as DatasetRows[D][];
}

/** A row as the dataset promises it: states' columns left out, the reason in words added. */
export function finishRow(dataset: Dataset, row: Record<string, unknown>): Record<string, unknown> {
  if (dataset === 'hourly_trends') return row;
  if (dataset === 'city_statistics') {
    const { temperature_c_count: _, held_s: __, expected_s: ___, ...statistics } = row;
    return statistics;
  }
  const { stddev, ...anomaly } = row;
  return { ...anomaly, reason: formatReason(anomaly as unknown as Anomaly, Number(stddev)) };
}

/** One sentence that a layman understands, with the value, what is usual, and units. */
function formatReason(anomaly: Omit<Anomaly, 'reason'>, stddev: number): string {
  const { label, unit, digits } = VARIABLES.temperature_c;
  const text = (value: number) => `${value.toFixed(digits)} ${unit}`;
  const low = text(anomaly.expected - anomaly.threshold * stddev);
  const high = text(anomaly.expected + anomaly.threshold * stddev);
  const side = anomaly.score < 0 ? 'below' : 'above';
  return (
    `${label} ${text(anomaly.value)} is ${Math.abs(anomaly.score).toFixed(1)} deviations ${side} ` +
    `the mean of ${text(anomaly.expected)}; usual in ${anomaly.city} is ${low} to ${high}`
  );
}

/** Which publication the files for people hold; written after them. */
const MARK_PATH = `${ANALYTICS_FOLDER}/_exported.json`;

/** The version of the publication that the files for people hold whole; 0 for none. */
export async function exportedVersion(storage: Storage): Promise<number> {
  try {
    const mark = JSON.parse(new TextDecoder().decode(await storage.read(MARK_PATH)));
    return Number.isSafeInteger(mark.version) ? mark.version : 0;
  } catch (error) {
    if (isErrorCode(error, 'LAKE_MISSING') || error instanceof SyntaxError) return 0;
    throw error;
  }
}

/**
 * Writes them, unless they are there: a run may have died between publishing and this. Whoever
 * finds that a newer publication has come leaves the files to its publisher. `kept` names datasets
 * whose rows are in views of the session already.
 */
export async function exportForPeople(
  { storage, session }: { readonly storage: Storage; readonly session: SqlSession },
  publication: Publication,
  kept: readonly Dataset[] = [],
): Promise<void> {
  if ((await exportedVersion(storage)) === publication.version) return;
  for (const dataset of DATASETS) {
    const path = `${ANALYTICS_FOLDER}/${dataset}/${dataset}.jsonl`;
    if (publication.datasets[dataset].rows > TEXT_ROWS_MAX) {
      await storage.delete(path);
      continue;
    }
    const rows = kept.includes(dataset)
      ? await readRows(session, dataset, dataset)
      : await readDataset(storage, session, publication, dataset);
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    if ((await storage.stat(publicationPath(publication.version + 1))) !== null) return;
    await storage.replace(path, Buffer.from(text));
  }
  const mark = JSON.stringify({ version: publication.version });
  await storage.replace(MARK_PATH, Buffer.from(`${mark}\n`));
}
