/**
 * Taking an import back, as if it had never been.
 *
 *     mark      the transaction `isobar-undo-N` of observations: from here on no record of the
 *               import counts, whenever it lands
 *     restore   for each row of the import the best of the other versions goes through the log again
 *               and takes its place
 *     remove    rows without another version move to `rejected`, as `undone`
 *
 * Each step looks at what is left to do, so that an undo that was killed is finished by the next one.
 */
import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import type { Storage } from '../lake/storage.ts';
import type { Log, NewRecord } from '../log/log.ts';
import { versionSql } from '../model/versions.ts';
import type { SqlSession } from '../sql/engine.ts';
import { literal, parquetSql } from '../sql/text.ts';
import type { DeltaTable } from './delta-table.ts';
import type { Sink } from './landing.ts';
import { rewriteFiles } from './landing-files.ts';
import { parsedSql, RECORD_FIELDS } from './parsing-sql.ts';
import { commitRejected } from './rejected.ts';
import type { TableState } from './snapshot.ts';
import { formatStaged } from './staging.ts';
import { type DataFile, OBSERVATION_COLUMNS, REJECTED_COLUMNS } from './table.ts';
import { parseLandingAppId, undoAppId, undoneImports } from './transactions.ts';

export interface UndoOptions {
  readonly log: Log;
  readonly sink: Sink;
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly storage: Storage;
  /** Of its own: its temporary tables live there. */
  readonly session: SqlSession;
  readonly scratch: string;
  readonly simulated: boolean;
  readonly fileBytesMax: number;
  readonly signal: AbortSignal;
  readonly clock?: () => Date;
}

export interface Undone {
  /** Rows in whose place an earlier or other version is now. */
  readonly restored: number;
  /** Rows that are gone. */
  readonly removed: number;
}

const SLICE_RECORDS = 2_000;

export async function undoImport(options: UndoOptions, importId: number): Promise<Undone> {
  const { observations, signal, clock = () => new Date() } = options;
  const appId = undoAppId(importId);
  await assertKept(options, importId);
  await observations.commit('WRITE', async ({ transactions }) =>
    transactions.has(appId)
      ? null
      : [{ txn: { appId, version: importId, lastUpdated: clock().getTime() } }],
  );
  reachFaultPoint('undo.after-mark');
  await landAll(options);
  signal.throwIfAborted();
  const restored = await restore(options, importId);
  reachFaultPoint('undo.after-restore');
  const removed = await remove(options, importId);
  return { restored, removed };
}

/** Versions that an older isobar kept only in part cannot be brought back. */
async function assertKept(options: UndoOptions, importId: number): Promise<void> {
  const { session } = options;
  await defineRows(options);
  const [cut] = await session.query<{ city_id: string; observed_at: string }>(`
    SELECT s.city_id, s.observed_at FROM undo_other s
    JOIN undo_rows r USING (city_id, observed_at)
    WHERE r.import_id = ${importId} AND s.reason IN ('duplicate', 'superseded')
      AND s.length > strlen(s.bytes) LIMIT 1`);
  if (cut === undefined) return;
  const place = `${cut.city_id} at ${cut.observed_at}`;
  const text = `import ${importId}: an earlier version of ${place} was kept only in part`;
  throw new IsobarError('IMPORT_KEPT', text);
}

/** The views of all rows of both tables; resolves with the state of observations. */
async function defineRows({ session, observations, rejected }: UndoOptions): Promise<TableState> {
  const state = await observations.refresh();
  const { files: rejectedFiles } = await rejected.refresh();
  const paths = await observations.localPaths(state.files);
  await session.define('undo_rows', paths, OBSERVATION_COLUMNS);
  await session.define('undo_other', await rejected.localPaths(rejectedFiles), REJECTED_COLUMNS);
  return state;
}

async function landAll({ log, sink, signal }: UndoOptions): Promise<void> {
  for (let partition = 0; partition < log.partitionCount; partition++) {
    while ((await sink.land(partition, signal)) !== null) {}
  }
}

/** Appends the best other version of each row of the import; resolves with their number. */
async function restore(options: UndoOptions, importId: number): Promise<number> {
  const { session, scratch, simulated } = options;
  const state = await defineRows(options);
  const undone = undoneImports(state).join(', ');
  const file = join(scratch, `undo-${randomUUID()}.tsv`);
  try {
    await session.execute(`
      CREATE OR REPLACE TEMP TABLE undo_versions AS
      SELECT row_number() OVER () AS number, s.bytes
      FROM undo_other s
      JOIN (SELECT city_id, observed_at FROM undo_rows WHERE import_id = ${importId}) r
        USING (city_id, observed_at)
      JOIN (${landedSql(state)}) l ON l.log_id = s.log_id AND l.log_partition = s.log_partition
      WHERE s.reason IN ('duplicate', 'superseded') AND s.log_offset <= l.last
        AND coalesce(s.import_id NOT IN (${undone}), true)`);
    await stageVersions(options, file);
    await session.execute(parsedSql(file, simulated));
    const version = versionSql('', [], { imported: 'imported', hash: 'content_hash' });
    await session.execute(`
      CREATE OR REPLACE TEMP TABLE undo_best AS
      SELECT row_number() OVER () AS number, arg_max(text, ${version}) AS text
      FROM parsed WHERE reason IS NULL GROUP BY city_id, observed_at`);
    return await appendVersions(options);
  } finally {
    await rm(file, { force: true });
    for (const table of ['undo_versions', 'undo_best', 'parsed']) await session.drop(table);
  }
}

/** One row per log and partition, with the last offset that landed. */
function landedSql({ transactions }: TableState): string {
  const values = [...transactions].flatMap(([appId, last]) => {
    const landed = parseLandingAppId(appId);
    return landed === null ? [] : [`(${literal(landed.logId)}, ${landed.partition}, ${last})`];
  });
  if (values.length === 0) values.push("('', 0, -1)");
  return `SELECT * FROM (VALUES ${values.join(', ')}) AS v(log_id, log_partition, last)`;
}

async function stageVersions({ session, signal }: UndoOptions, file: string): Promise<void> {
  await using handle = await open(file, 'w');
  for (let from = 1; ; from += SLICE_RECORDS) {
    const rows = await session.query<{
      number: number;
      bytes: string;
      length: number;
      city_id: string;
    }>(
      'SELECT number, bytes FROM undo_versions ' +
        `WHERE number BETWEEN ${from} AND ${from + SLICE_RECORDS - 1} ORDER BY number`,
      {},
      signal,
    );
    const records = rows.map((row) => ({
      offset: BigInt(row.number),
      value: Buffer.from(recordOf(row.bytes)),
    }));
    if (records.length > 0) await handle.appendFile(formatStaged(records));
    if (rows.length < SLICE_RECORDS) return;
  }
}

/** What `rejected` keeps, a record or a row of the table, as a record again. */
function recordOf(bytes: string): string {
  const kept: Record<string, unknown> = JSON.parse(bytes);
  const fields = RECORD_FIELDS.flatMap((name) => {
    const value = kept[name];
    if (value === undefined || value === null) return [];
    if (name === 'observed_at' || name === 'collected_at') return [[name, isoTime(String(value))]];
    const isList = name === 'rejected_fields' && typeof value === 'string';
    return [[name, isList ? JSON.parse(value) : value]];
  });
  return JSON.stringify(Object.fromEntries(fields));
}

/** `2024-10-31 22:00:00+00`, as DuckDB writes it into JSON, as ISO 8601. */
function isoTime(text: string): string {
  return text.replace(/^(\S+) (\S+)\+00$/, '$1T$2Z');
}

async function appendVersions(options: UndoOptions): Promise<number> {
  const { session, log, signal } = options;
  let appended = 0;
  for (;;) {
    const rows = await session.query<{ text: string }>(
      'SELECT text FROM undo_best ' +
        `WHERE number BETWEEN ${appended + 1} AND ${appended + SLICE_RECORDS} ORDER BY number`,
      {},
      signal,
    );
    if (rows.length === 0) break;
    const records: NewRecord[] = rows.map(({ text }) => ({
      key: (JSON.parse(text) as { city_id: string }).city_id,
      value: Buffer.from(text),
    }));
    await log.append(records);
    appended += rows.length;
    if (rows.length < SLICE_RECORDS) break;
  }
  reachFaultPoint('undo.after-append');
  await landAll(options);
  return appended;
}

/** Removes what is left of the import, a month a commit; resolves with the number of rows. */
async function remove(options: UndoOptions, importId: number): Promise<number> {
  const { observations, signal, session } = options;
  let removed = 0;
  for (;;) {
    signal.throwIfAborted();
    const state = await observations.refresh();
    const files = await filesOfImport(options, state.files, importId);
    const month = files[0]?.month;
    if (month === undefined) return removed;
    const inMonth = files.filter((file) => file.month === month);
    const rows = await commitRejected(options, { importId, files: inMonth });
    const condition = `WHERE import_id IS DISTINCT FROM ${importId}`;
    const actions = await rewriteFiles({ ...options, session }, inMonth, condition);
    reachFaultPoint('undo.before-commit');
    let isOvertaken = false;
    await observations.commit('DELETE', async (newest) => {
      isOvertaken = inMonth.some(({ path }) => !newest.adds.has(path));
      return isOvertaken ? null : actions;
    });
    if (!isOvertaken) removed += rows;
  }
}

async function filesOfImport(
  { observations, session }: UndoOptions,
  files: readonly DataFile[],
  importId: number,
): Promise<DataFile[]> {
  if (files.length === 0) return [];
  const paths = await observations.localPaths(files);
  const rows = await session.query<{ filename: string }>(
    'SELECT DISTINCT filename ' +
      `FROM ${parquetSql(paths, { ...OBSERVATION_COLUMNS, filename: 'VARCHAR' })} ` +
      `WHERE import_id = ${importId}`,
  );
  const found = new Set(rows.map(({ filename }) => filename));
  return files.filter((_, index) => found.has(paths[index] ?? ''));
}
