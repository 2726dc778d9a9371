/**
 * What makes no row of `observations`: every such record becomes a row of `rejected`, with its
 * reason and its content. Committed before the observations, under the same transaction.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reachFaultPoint } from '../fault.ts';
import type { Storage } from '../lake/storage.ts';
import type { Log } from '../log/log.ts';
import type { SqlSession } from '../sql/engine.ts';
import { literal, parquetSql } from '../sql/text.ts';
import type { Attempt } from './attempt.ts';
import { putDataFile } from './data-file.ts';
import { type AddFile, parseStats } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import {
  lostOffsetsSql,
  rejectedRecordsSql,
  supersededRowsSql,
  undoneRowsSql,
} from './landing-sql.ts';
import type { TableState } from './snapshot.ts';
import { type DataFile, REJECTED_COLUMNS } from './table.ts';

export interface RejectedWriting {
  readonly log: Log;
  readonly observations: DeltaTable;
  readonly rejected: DeltaTable;
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly scratch: string;
  readonly clock?: () => Date;
}

/** A range of offsets that an operator gives up. */
export interface Loss {
  readonly state: TableState;
  readonly appId: string;
  readonly partition: number;
  readonly lost: { readonly from: bigint; readonly to: bigint };
}

/** Rows of an import that was undone, for which no other version is known. */
export interface Removal {
  readonly importId: number;
  readonly files: readonly DataFile[];
}

/**
 * Commits the rejected rows, but none whose offset is there already (a landing that died
 * between its two commits left it); resolves with how many records of this landing they are.
 */
export async function commitRejected(
  options: RejectedWriting,
  made: Attempt | Loss | Removal,
): Promise<number> {
  const { session, rejected, clock = () => new Date() } = options;
  const { selects, own, txn } = await chooseRejected(options, made);
  await session.execute(
    `CREATE OR REPLACE TEMP TABLE rejecting AS ${selects.join('\nUNION ALL BY NAME\n')}`,
  );
  const [sum] = await session.query<{ all_rows: number; own_rows: number }>(
    `SELECT count(*) AS all_rows, count(*) FILTER (${own}) AS own_rows FROM rejecting`,
  );
  if (sum === undefined || sum.all_rows === 0) return 0;
  await rejected.commit('WRITE', async (state) => {
    await chooseUnwritten(options, state);
    const add = await writeFile(options);
    if (add === null) return null;
    reachFaultPoint('rejected.before-commit');
    const lastUpdated = clock().getTime();
    return txn === null ? [{ add }] : [{ add }, { txn: { ...txn, lastUpdated } }];
  });
  reachFaultPoint('rejected.after-commit');
  return sum.own_rows;
}

interface Chosen {
  /** The rows. */
  readonly selects: readonly string[];
  /** Which of them are records of this landing, as SQL. */
  readonly own: string;
  readonly txn: { readonly appId: string; readonly version: number } | null;
}

async function chooseRejected(
  { log, observations }: RejectedWriting,
  made: Attempt | Loss | Removal,
): Promise<Chosen> {
  if ('importId' in made) {
    const paths = await observations.localPaths(made.files);
    return { selects: [undoneRowsSql(paths, made.importId)], own: 'true', txn: null };
  }
  const { appId, partition } = made;
  const { from, to } =
    'lost' in made ? made.lost : { from: made.staged.from, to: made.staged.last };
  const own = `log_id = ${literal(log.id)} AND log_partition = ${partition} AND log_offset >= ${from}`;
  const txn = { appId, version: Number(to) };
  if ('lost' in made) return { selects: [lostOffsetsSql(log.id, partition, made.lost)], own, txn };
  const selects = [rejectedRecordsSql(log.id, partition)];
  if (made.superseded.length > 0) {
    const paths = await observations.localPaths(made.superseded.map(({ file }) => file));
    selects.push(supersededRowsSql(paths, partition));
  }
  return { selects, own, txn };
}

/** Makes the temporary table `unwritten`: the rows of `rejecting` whose offset is not there yet. */
async function chooseUnwritten(options: RejectedWriting, state: TableState): Promise<void> {
  const { session, rejected } = options;
  const [range] = await session.query<{ least: number | null; most: number | null }>(
    'SELECT min(log_offset) AS least, max(log_offset) AS most FROM rejecting',
  );
  const { least, most } = range ?? { least: null, most: null };
  const files = state.files.filter((file) => {
    if (least === null || most === null) return false;
    const stats = parseStats(state.adds.get(file.path)?.stats ?? null);
    const [first, last] = [stats?.minValues.log_offset, stats?.maxValues.log_offset];
    if (typeof first !== 'number' || typeof last !== 'number') return true;
    return first <= most && last >= least;
  });
  const written =
    files.length === 0
      ? ''
      : `ANTI JOIN (SELECT log_id, log_partition, log_offset
           FROM ${parquetSql(await rejected.localPaths(files), REJECTED_COLUMNS)} w
           WHERE log_offset BETWEEN ${least} AND ${most})
         USING (log_id, log_partition, log_offset)`;
  await session.execute(
    `CREATE OR REPLACE TEMP TABLE unwritten AS SELECT * FROM rejecting ${written}`,
  );
}

/** A file of the rows of `unwritten`; null without any. */
async function writeFile(options: RejectedWriting): Promise<AddFile | null> {
  const { session, rejected, storage, clock = () => new Date() } = options;
  const scratch = join(options.scratch, `rejecting-${randomUUID()}.parquet`);
  const columns = Object.entries(REJECTED_COLUMNS).map(
    ([name, type]) => `CAST(${name} AS ${type}) AS ${name}`,
  );
  try {
    const count = await session.copy(
      `SELECT ${columns.join(', ')} FROM unwritten ORDER BY log_offset`,
      scratch,
      'parquet',
    );
    if (count === 0) return null;
    const [range] = await session.query<Record<string, number>>(
      'SELECT min(log_offset) AS least, max(coalesce(log_offset_last, log_offset)) AS most ' +
        'FROM unwritten',
    );
    const stats = {
      numRecords: count,
      minValues: { log_offset: range?.least },
      maxValues: { log_offset: range?.most },
      nullCount: { log_offset: 0 },
    };
    return await putDataFile({
      table: rejected,
      storage,
      file: scratch,
      month: null,
      stats,
      clock,
    });
  } finally {
    await rm(scratch, { force: true });
  }
}
