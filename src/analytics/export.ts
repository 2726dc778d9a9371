/**
 * The published datasets as files: those that a publication names, and for people and other
 * programs the seed's paths, which hold the current JSON lines of each, by atomic replacement.
 */

import { IsobarError, isErrorCode } from '../errors.ts';
import { ANALYTICS_FOLDER } from '../lake/layout.ts';
import { readJson } from '../lake/read-json.ts';
import type { Storage } from '../lake/storage.ts';
import {
  type Anomaly,
  type CityStatistics,
  DATASETS,
  type Dataset,
  type HourlyTrend,
} from '../model/datasets.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { formatReason } from './anomaly-reason.ts';
import { ANOMALY_COLUMNS, CITY_STATISTICS_COLUMNS, HOURLY_TRENDS_COLUMNS } from './columns.ts';
import { type Publication, type PublishedFile, readPublication } from './publication.ts';
import { lineOf, readChecked } from './published-files.ts';
import type { Run } from './run.ts';

/** Above this a dataset is Parquet, and people have no text of it: they query it. */
export const TEXT_ROWS_MAX = 100_000;

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

const ORDER: Readonly<Record<Dataset, string>> = {
  city_statistics: 'city_id',
  hourly_trends: 'city_id, clock, hour',
  anomalies: 'observed_at DESC, city_id',
};

/**
 * Writes the rows of `source` as the JSON lines that people read, or as Parquet where that is too
 * much for a text. `rowsAtMost` is null when it is not known. `onRow` is called for each row of a text, with
 * its line.
 */
export async function writeDataset(
  run: Run,
  dataset: Dataset,
  source: string,
  rowsAtMost: number | null,
  onRow: (row: Record<string, unknown>, line: string) => void = () => {},
): Promise<PublishedFile> {
  const sql = `SELECT * FROM (${source}) AS dataset ORDER BY ${ORDER[dataset]}`;
  if (rowsAtMost !== null && rowsAtMost > run.textRowsMax) return run.write('_data', sql);
  const lines: string[] = [];
  const first = `${sql} LIMIT ${run.textRowsMax + 1}`;
  for await (const { rows } of run.session.stream(first, {}, run.signal)) {
    for (const row of rows) {
      const line = lineOf(finishRow(dataset, row));
      lines.push(line);
      onRow(row, line);
    }
  }
  if (lines.length > run.textRowsMax) return run.write('_data', sql);
  return run.writeLines(lines.join(''), lines.length);
}

/** A part of a dataset that is ordered by city. */
export interface DatasetPart {
  /** Ids; all when empty. */
  readonly cities: readonly string[];
  /** Rows of this city and those after it; null from the beginning. */
  readonly fromCity: string | null;
  readonly limit: number;
}

/** Whether only parts of it should be held in memory. */
export function isLarge(publication: Publication, dataset: Dataset): boolean {
  return !publication.datasets[dataset].path.endsWith('.jsonl');
}

let parts = 0;

/** The first rows of this part of a large dataset that is ordered by city. */
export async function readDatasetPart<D extends 'city_statistics' | 'hourly_trends'>(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  dataset: D,
  { cities, fromCity, limit }: DatasetPart,
): Promise<DatasetRows[D][]> {
  // Parts are read at the same time: each has a view of its own.
  const view = `published_part_${parts++}`;
  const path = await storage.localPath(publication.datasets[dataset].path);
  await session.define(view, [path], COLUMNS[dataset]);
  const reading = session.query(
    `SELECT * FROM ${view} WHERE city_id >= $from
     AND ($cities = '' OR city_id IN (SELECT unnest(string_split($cities, ','))))
     ORDER BY ${ORDER[dataset]} LIMIT $limit`,
    { from: fromCity ?? '', cities: cities.join(','), limit },
  );
  const rows = await reading.finally(() => session.execute(`DROP VIEW ${view}`));
  return rows.map((row) => finishRow(dataset, row)) as unknown as DatasetRows[D][];
}

/** All rows of a published dataset, in its order. */
export async function readDataset<D extends Dataset>(
  storage: Storage,
  session: SqlSession,
  publication: Publication,
  dataset: D,
): Promise<DatasetRows[D][]> {
  const file = publication.datasets[dataset];
  if (file.path.endsWith('.jsonl')) {
    const text = new TextDecoder().decode(await readChecked(storage, file));
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as DatasetRows[D]);
  }
  await session.define(
    `published_${dataset}`,
    [await storage.localPath(file.path)],
    COLUMNS[dataset],
  );
  const rows = await session.query(`SELECT * FROM published_${dataset} ORDER BY ${ORDER[dataset]}`);
  return rows.map((row) => finishRow(dataset, row)) as unknown as DatasetRows[D][];
}

/** A row as the dataset promises it: with the reason of an anomaly in words. */
export function finishRow(dataset: Dataset, row: Record<string, unknown>): Record<string, unknown> {
  if (dataset !== 'anomalies') return row;
  const { stddev, ...anomaly } = row;
  return { ...anomaly, reason: formatReason(anomaly as unknown as Anomaly, Number(stddev)) };
}

/** Which publication the files for people hold; written after them. */
const MARK_PATH = `${ANALYTICS_FOLDER}/_exported.json`;

/** As `exportedVersion`; rejects with TABLE_CORRUPT when the mark is damaged. */
export async function readMark(storage: Storage): Promise<number> {
  const mark = await readJson(storage, MARK_PATH);
  if (mark === undefined) return 0;
  const { version } = (typeof mark === 'object' && mark !== null ? mark : {}) as {
    readonly version?: unknown;
  };
  if (typeof version === 'number' && Number.isSafeInteger(version) && version > 0) return version;
  throw new IsobarError('TABLE_CORRUPT', `${MARK_PATH}: version is not that of a publication`);
}

/** The version of the publication that the files for people hold whole; 0 for none. */
async function exportedVersion(storage: Storage): Promise<number> {
  try {
    return await readMark(storage);
  } catch (error) {
    if (isErrorCode(error, 'TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR')) return 0;
    throw error;
  }
}

/**
 * Writes them, unless they are there: a run may have died between publishing and this. Whoever
 * finds that a newer publication has come leaves the files to its publisher.
 */
export async function exportForPeople(storage: Storage, publication: Publication): Promise<void> {
  if ((await exportedVersion(storage)) === publication.version) return;
  for (const dataset of DATASETS) {
    const path = `${ANALYTICS_FOLDER}/${dataset}/${dataset}.jsonl`;
    const file = publication.datasets[dataset];
    const bytes = file.path.endsWith('.jsonl') ? await readChecked(storage, file) : null;
    if ((await readPublication(storage, publication))?.version !== publication.version) return;
    if (bytes === null) await storage.delete(path);
    else await storage.replace(path, bytes);
  }
  const mark = JSON.stringify({ version: publication.version });
  await storage.replace(MARK_PATH, Buffer.from(`${mark}\n`));
}
