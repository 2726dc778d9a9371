/** The lines of the raw export: the rows of some hours of a day, an hour at a time. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content } from '../lake/storage.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { parquetSql } from '../sql/text.ts';
import { sha256OfFile } from './data-file.ts';
import { OBSERVATION_COLUMNS } from './table.ts';

export interface HourFile {
  /** ISO 8601, such as `2024-10-31T14:00:00Z`. */
  readonly hour: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly content: Content;
}

export interface HoursOptions {
  readonly session: SqlSession;
  readonly scratch: string;
  /** Local paths of the data files that hold the hours. */
  readonly paths: readonly string[];
  readonly hours: readonly string[];
  /** The columns of the lines; all when not given. */
  readonly columns?: Columns;
}

/** Rows up to which the hours of a day are read in one query. */
const ONE_QUERY_ROWS_MAX = 200_000;
const HOUR_FILE_BYTES_MAX = 512 * 1024 * 1024;

/** Yields each hour that has rows; its content may be moved away by the consumer. */
export async function* writeHours(options: HoursOptions): AsyncGenerator<HourFile> {
  const { session, paths, hours } = options;
  if (paths.length === 0 || hours.length === 0) return;
  const counts = await session.query<{ hour: string; rows: number }>(
    `SELECT date_trunc('hour', observed_at) AS hour, count(*) AS rows FROM ${source(paths)} ` +
      `WHERE ${within(hours)} GROUP BY ALL ORDER BY hour`,
  );
  const total = counts.reduce((sum, { rows }) => sum + rows, 0);
  if (total <= ONE_QUERY_ROWS_MAX) yield* splitDay(options, counts);
  else for (const { hour, rows } of counts) yield await writeHour(options, hour, rows);
}

/** All hours in one file of lines in order of hours, cut by their counts. */
async function* splitDay(
  options: HoursOptions,
  counts: readonly { readonly hour: string; readonly rows: number }[],
): AsyncGenerator<HourFile> {
  const file = join(options.scratch, `hours-${randomUUID()}.jsonl`);
  try {
    await options.session.copy(
      `${rowsSql(options)} WHERE ${within(options.hours)} ` +
        `ORDER BY date_trunc('hour', source.observed_at), source.city_id, source.observed_at`,
      file,
      'jsonl',
    );
    const bytes = await readFile(file);
    let from = 0;
    for (const { hour, rows } of counts) {
      let to = from;
      for (let row = 0; row < rows; row++) to = bytes.indexOf(0x0a, to) + 1;
      const content = bytes.subarray(from, to);
      yield { hour, rows, bytes: content.length, sha256: sha256(content), content };
      from = to;
    }
  } finally {
    await rm(file, { force: true });
  }
}

async function writeHour(options: HoursOptions, hour: string, rows: number): Promise<HourFile> {
  const file = join(options.scratch, `hour-${randomUUID()}.jsonl`);
  await options.session.copy(
    `${rowsSql(options)} WHERE ${within([hour])} ORDER BY source.city_id, source.observed_at`,
    file,
    'jsonl',
  );
  const { size } = await stat(file);
  if (size > HOUR_FILE_BYTES_MAX) {
    return { hour, rows, bytes: size, sha256: await sha256OfFile(file), content: { file } };
  }
  return { hour, rows, bytes: size, sha256: sha256(await readFile(file)), content: { file } };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One row per observation: the table's columns, times as ISO 8601, the answer as JSON. */
function rowsSql({ paths, columns: wanted = OBSERVATION_COLUMNS }: HoursOptions): string {
  const columns = Object.entries(wanted).map(([name, type]) => {
    if (name === 'response') {
      return (
        'CASE WHEN response IS NULL THEN NULL WHEN json_valid(response) THEN json(response) ' +
        'ELSE to_json(response) END AS response'
      );
    }
    if (type !== 'TIMESTAMPTZ') return `source.${name}`;
    const text = `strftime(source.${name}, '%Y-%m-%dT%H:%M:%S.%fZ')`;
    return `replace(${text}, '.000000Z', 'Z') AS ${name}`;
  });
  return `SELECT ${columns.join(', ')} FROM ${source(paths)}`;
}

function source(paths: readonly string[]): string {
  return `${parquetSql(paths, OBSERVATION_COLUMNS)} AS source`;
}

/** The hours lie in one day, so one range and a list say which rows are meant. */
function within(hours: readonly string[]): string {
  const sorted = [...hours].sort();
  const [first, last] = [sorted[0], sorted.at(-1)];
  const list = sorted.map((hour) => `TIMESTAMPTZ '${hour}'`).join(', ');
  return (
    `source.observed_at >= TIMESTAMPTZ '${first}' ` +
    `AND source.observed_at < TIMESTAMPTZ '${last}' + INTERVAL 1 HOUR ` +
    `AND date_trunc('hour', source.observed_at) IN (${list})`
  );
}
