/** The Parquet files of one landing: new ones, and rewritten ones without superseded rows. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Storage } from '../lake/storage.ts';
import type { Log } from '../log/log.ts';
import type { SqlSession } from '../sql/engine.ts';
import { fileLiteral, parquetSql } from '../sql/text.ts';
import type { Attempt } from './attempt.ts';
import { putDataFile } from './data-file.ts';
import { type Action, type AddFile, PARTITION_COLUMN } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { openInFlight } from './in-flight.ts';
import { landedRowsSql } from './landing-sql.ts';
import { ceilMs, type MonthRange } from './overlap.ts';
import { type DataFile, OBSERVATION_COLUMNS } from './table.ts';

export interface FileWriting {
  readonly log: Log;
  readonly observations: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly fileBytesMax: number;
  readonly clock?: () => Date;
}

/** zstd makes a tenth and less of the records' JSON; pieces are cut for a sixth. */
const COMPRESSION_AT_LEAST = 6;

/** Writes the rows to land, a file or more a month; `condition` names a file's rows in `landing`. */
export async function writeLandedFiles(
  options: FileWriting,
  made: Attempt,
): Promise<{ readonly add: AddFile; readonly condition: string }[]> {
  const rows = landedRowsSql(options.log.id, made.partition);
  const files: { add: AddFile; condition: string }[] = [];
  const flight = openInFlight();
  try {
    for (const month of made.months) {
      for (const condition of await pieces(options, month)) {
        const select = `${rows} WHERE ${condition} ORDER BY city_id, observed_at`;
        const file = await makeDataFile(options, select);
        // The session makes the next file while this one is on its way.
        const put = async () => {
          const add = await putMadeFile(options, file, month.month);
          if (add !== null) files.push({ add, condition });
        };
        await flight.add(0, put).catch(async (error) => {
          await rm(file.file, { force: true });
          throw error;
        });
      }
    }
  } finally {
    await flight.settle();
  }
  return files;
}

/** Conditions that cut a month into files of bearable size, disjoint in time. */
async function pieces(options: FileWriting, month: MonthRange): Promise<string[]> {
  const start = `TIMESTAMPTZ '${month.month}-01T00:00:00Z'`;
  const inMonth = `observed_at >= ${start} AND observed_at < ${start} + INTERVAL 1 MONTH`;
  const count = Math.ceil(month.bytes / (options.fileBytesMax * COMPRESSION_AT_LEAST));
  if (count <= 1) return [inMonth];
  const shares = Array.from({ length: count - 1 }, (_, index) => (index + 1) / count);
  const cuts: { at: string }[] = [];
  for (const share of shares) {
    const [cut] = await options.session.query<{ at: string }>(
      `SELECT quantile_disc(observed_at, ${share}) AS at FROM landing WHERE ${inMonth}`,
    );
    if (cut !== undefined) cuts.push(cut);
  }
  const edges = [...new Set(cuts.map(({ at }) => `TIMESTAMPTZ '${at}'`))];
  return [null, ...edges].map((edge, index) => {
    const next = edges[index];
    const from = edge === null ? '' : ` AND observed_at >= ${edge}`;
    return `${inMonth}${from}${next === undefined ? '' : ` AND observed_at < ${next}`}`;
  });
}

/** Removes superseded rows from the files that hold them: each is removed and a smaller one added. */
export async function rewriteSuperseded(options: FileWriting, made: Attempt): Promise<Action[]> {
  const superseded =
    '(SELECT city_id, observed_at FROM decided WHERE log_offset < 0 AND outcome IS NOT NULL)';
  const files = made.superseded.map(({ file }) => file);
  return rewriteFiles(options, files, `ANTI JOIN ${superseded} USING (city_id, observed_at)`);
}

/** Each file is removed and added anew with the rows that remain. */
export async function rewriteFiles(
  options: MakingFiles,
  files: readonly DataFile[],
  remaining: string,
): Promise<Action[]> {
  const { observations, clock = () => new Date() } = options;
  const actions: Action[] = [];
  const paths = await observations.localPaths(files);
  for (const [index, file] of files.entries()) {
    const select =
      `SELECT * FROM ${parquetSql([paths[index] ?? ''], OBSERVATION_COLUMNS)} ${remaining} ` +
      'ORDER BY city_id, observed_at';
    const add = await writeDataFile(options, select, file.month ?? '');
    actions.push({
      remove: {
        path: file.path,
        deletionTimestamp: clock().getTime(),
        dataChange: true,
        partitionValues: { [PARTITION_COLUMN]: file.month },
        size: file.bytes,
      },
    });
    if (add !== null) actions.push({ add });
  }
  return actions;
}

type MakingFiles = Pick<FileWriting, 'observations' | 'storage' | 'session' | 'scratch' | 'clock'>;

/** Writes rows of `observations` as one file of the month; null without rows. */
export async function writeDataFile(
  options: MakingFiles,
  select: string,
  month: string,
): Promise<AddFile | null> {
  return putMadeFile(options, await makeDataFile(options, select), month);
}

interface MadeFile {
  /** On this machine. */
  readonly file: string;
  readonly rows: number;
  readonly range: Record<string, string>;
}

async function makeDataFile(options: MakingFiles, select: string): Promise<MadeFile> {
  const { session } = options;
  const file = join(options.scratch, `rows-${randomUUID()}.parquet`);
  try {
    const rows = await session.copy(select, file, 'parquet');
    if (rows === 0) return { file, rows, range: {} };
    const [range = {}] = await session.query<Record<string, string>>(
      'SELECT min(city_id) AS city_min, max(city_id) AS city_max, min(observed_at) AS time_min, ' +
        `max(observed_at) AS time_max FROM read_parquet(${fileLiteral(file)})`,
    );
    return { file, rows, range };
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/** Puts it into the table's folder; the file here is gone afterwards. */
async function putMadeFile(
  options: MakingFiles,
  { file, rows, range }: MadeFile,
  month: string,
): Promise<AddFile | null> {
  try {
    if (rows === 0) return null;
    return await putDataFile({
      table: options.observations,
      storage: options.storage,
      file,
      month,
      stats: makeStats(rows, range),
      clock: options.clock,
    });
  } finally {
    await rm(file, { force: true });
  }
}

function makeStats(rows: number, range: Record<string, string>): object {
  const { city_min, city_max, time_min = '', time_max = '' } = range;
  return {
    numRecords: rows,
    minValues: { city_id: city_min, observed_at: new Date(Date.parse(time_min)).toISOString() },
    maxValues: { city_id: city_max, observed_at: new Date(ceilMs(time_max)).toISOString() },
    nullCount: { city_id: 0, observed_at: 0 },
  };
}
