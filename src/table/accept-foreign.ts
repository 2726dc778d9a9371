/**
 * An operator keeps what other programs committed.
 *
 * Their rows are checked (schema, identity, offsets), offsets whose rows are gone become rows of
 * `rejected` with the reason `lost`, and the table's configuration says up to which commit others
 * are accepted.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError } from '../errors.ts';
import { fileLiteral, filesLiteral, literal } from '../sql/text.ts';
import { putDataFile, sha256OfFile } from './data-file.ts';
import { type AddFile, PARTITION_COLUMN } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import {
  type CommitOrigin,
  formatOrigin,
  RESOLVED_KEY,
  ROWS_KEY,
  schemaProblem,
} from './foreign.ts';
import { ceilMs } from './overlap.ts';
import { assertUnchanged, type RepairOptions, withConfiguration } from './repair.ts';
import { type TableState, writeRefusal } from './snapshot.ts';
import { columnsOfSchema, REJECTED_COLUMNS } from './table.ts';
import { BOUNDED } from './verify-file.ts';
import {
  countForeignRows,
  definePlaces,
  GAPS,
  REMOVED_BY,
  verifyOffsets,
} from './verify-offsets.ts';

export interface Accepted {
  readonly version: number;
  readonly commits: readonly CommitOrigin[];
  /** Offsets whose rows are gone, recorded as lost. */
  readonly lostOffsets: number;
  /** Rows in the table that no log brought. */
  readonly foreignRows: number;
}

/**
 * Accepts the commits of others up to this one. Rejects with USAGE when there is none to accept,
 * with TABLE_FOREIGN, naming what is wrong, when their rows cannot be kept.
 */
export async function acceptForeign(options: RepairOptions, version: number): Promise<Accepted> {
  const { table } = options;
  const state = await table.refresh();
  const commits = commitsToAccept(table, state, version);
  const problem = schemaProblem(
    state.metadata?.schemaString ?? '',
    columnsOfSchema(Number(state.metadata?.configuration['isobar.schema']), table.columns),
    table.partitionColumns,
  );
  if (problem !== null) throw refuse(table, `the schema was changed: ${problem}`);
  const adopted: AddFile[] = [];
  for (const add of state.adds.values()) {
    if (add.tags?.['isobar.sha256'] === undefined) adopted.push(await adopt(options, add));
  }
  const { lostOffsets, foreignRows } = await account(options, state, commits);
  const configuration = {
    [RESOLVED_KEY]: String(version),
    ...(table === options.observations ? { [ROWS_KEY]: String(foreignRows) } : {}),
  };
  const after = await table.commit(
    'ACCEPT FOREIGN',
    async (newest) => {
      assertUnchanged(table, state, newest);
      return [withConfiguration(newest, configuration), ...adopted.map((add) => ({ add }))];
    },
    { repair: true, parameters: { upTo: String(version) } },
  );
  return { version: after.version, commits, lostOffsets, foreignRows };
}

function commitsToAccept(
  { folder }: DeltaTable,
  state: TableState,
  version: number,
): readonly CommitOrigin[] {
  const commits = state.foreign.filter((commit) => commit.version <= version);
  const isLast = commits.at(-1)?.version === version;
  if (isLast || (state.unproven !== null && version === state.version)) return commits;
  const waiting = state.foreign.map(formatOrigin).join(', ');
  throw new IsobarError(
    'USAGE',
    waiting === ''
      ? `${folder}: no commit of another program waits to be accepted`
      : `${folder}: ${version} is not one of the commits that wait to be accepted: ${waiting}`,
  );
}

/** The file with the statistics and the checksum that ours have. */
async function adopt(options: RepairOptions, add: AddFile): Promise<AddFile> {
  const { table, storage, session } = options;
  const place = `${table.folder}/${add.path}`;
  const stored = await storage.stat(place);
  if (stored?.bytes !== add.size) {
    const found = stored === null ? 'it is missing' : `it has ${stored.bytes} bytes`;
    throw refuse(table, `${place}: ${found}, the table says ${add.size} bytes`);
  }
  const local = await storage.localPath(place);
  const source = `read_parquet(${fileLiteral(local)}, hive_partitioning = false)`;
  const described = await session
    .query<{ column_name: string; column_type: string }>(`DESCRIBE FROM ${source}`)
    .catch(() => {
      throw refuse(table, `${place}: it is not a readable Parquet file`);
    });
  const types = new Map(described.map((row) => [row.column_name, row.column_type]));
  for (const [name, type] of Object.entries(table.columns)) {
    const found = types.get(name)?.replace('TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ');
    // What an older isobar did not have is NULL in its rows, also after another program's hands.
    const mayLack = !(name in columnsOfSchema(1, table.columns));
    if (found !== type && !(found === undefined && mayLack)) {
      throw refuse(table, `${place}: column ${name}: expected ${type}, found ${found ?? 'none'}`);
    }
  }
  const stats = await statsOf(options, add, source, place);
  const sha256 = await sha256OfFile(local);
  return {
    ...add,
    dataChange: false,
    stats: JSON.stringify(stats),
    tags: { ...add.tags, 'isobar.sha256': sha256 },
  };
}

async function statsOf(
  { table, session }: RepairOptions,
  add: AddFile,
  source: string,
  place: string,
): Promise<object> {
  const bounds = BOUNDED[table.name] ?? [];
  const month = add.partitionValues[PARTITION_COLUMN] ?? null;
  const misplaced =
    month === null ? 'false' : `strftime(observed_at, '%Y-%m') <> ${literal(month)}`;
  const columns = bounds.flatMap((name) => [
    `min(${name}) AS min_${name}`,
    `max(${name}) AS max_${name}`,
  ]);
  const unnamed = ['false', ...bounds.map((name) => `${name} IS NULL`)].join(' OR ');
  const [found = {}] = await session.query<Record<string, unknown>>(
    `SELECT ${['count(*) AS rows', ...columns].join(', ')}, ` +
      `count(*) FILTER (${unnamed}) AS unnamed, ` +
      `count(*) FILTER (${misplaced}) AS misplaced FROM ${source}`,
  );
  if (Number(found.unnamed) > 0 && table.name !== 'rejected') {
    throw refuse(table, `${place}: ${found.unnamed} rows have no ${bounds.join(' or ')}`);
  }
  if (Number(found.misplaced) > 0) {
    throw refuse(table, `${place}: ${found.misplaced} rows are not of the month ${month}`);
  }
  const values = (of: 'min' | 'max') =>
    Object.fromEntries(bounds.map((name) => [name, boundOf(found[`${of}_${name}`], name, of)]));
  return { numRecords: Number(found.rows), minValues: values('min'), maxValues: values('max') };
}

/** Statistics have milliseconds, rows microseconds. */
function boundOf(value: unknown, name: string, of: 'min' | 'max'): unknown {
  if (name !== 'observed_at' || typeof value !== 'string') return value;
  return new Date(of === 'min' ? Date.parse(value) : ceilMs(value)).toISOString();
}

/** Compares offsets and identities of both tables, and records what is gone as lost. */
async function account(
  options: RepairOptions,
  state: TableState,
  commits: readonly CommitOrigin[],
): Promise<{ lostOffsets: number; foreignRows: number }> {
  const { table, observations, rejected, session } = options;
  if (table !== observations && table !== rejected) return { lostOffsets: 0, foreignRows: 0 };
  const ofObservations = table === observations ? state : await observations.refresh();
  const ofRejected = table === rejected ? state : await rejected.refresh();
  if (table === observations) {
    const refusal = writeRefusal(ofRejected, rejected.folder);
    if (refusal !== null) throw refusal;
  } else if (ofObservations.foreign.length > 0) {
    // Accepting those comes next, and counts what is gone from both.
    return { lostOffsets: 0, foreignRows: 0 };
  }
  await definePlaces(options, ofObservations, ofRejected);
  const foreignRows = await countForeignRows(session);
  const removed = await removedFiles(options, commits);
  const lostOffsets = await recordLost(options, removed, commits);
  const findings = { sums: {}, differences: [] as string[] };
  const rejectedNow = table === rejected ? ofRejected : await rejected.refresh();
  await verifyOffsets(options, ofObservations, rejectedNow, findings);
  const [left] = findings.differences.filter((text) => !text.includes('rows are of no log'));
  if (left !== undefined && (table === observations || lostOffsets === 0)) {
    throw refuse(table, left);
  }
  return { lostOffsets, foreignRows };
}

/** Files that these commits removed and that are still there: they name the rows that are gone. */
async function removedFiles(
  { table, storage }: RepairOptions,
  commits: readonly CommitOrigin[],
): Promise<string[]> {
  const paths = new Set<string>();
  for (const { version } of commits) {
    for (const action of (await table.readCommit(version)) ?? []) {
      if ('remove' in action) paths.add(`${table.folder}/${action.remove.path}`);
    }
  }
  const there: string[] = [];
  for (const path of paths) {
    if ((await storage.stat(path)) !== null) there.push(await storage.localPath(path));
  }
  return there;
}

/** Writes rows of reason `lost` for every committed offset that is in no place. */
async function recordLost(
  options: RepairOptions,
  removed: readonly string[],
  commits: readonly CommitOrigin[],
): Promise<number> {
  const { table, observations, session } = options;
  const by = commits.length === 0 ? 'another program' : commits.map(formatOrigin).join(', ');
  const named = removed.length > 0 && table === observations;
  const source = named
    ? `SELECT DISTINCT log_id, log_partition, log_offset, city_id, observed_at, collected_at
       FROM read_parquet(${filesLiteral(removed)}, hive_partitioning = false, union_by_name = true)`
    : `SELECT log_id, log_partition, log_offset, city_id, observed_at, collected_at
       FROM v_observations LIMIT 0`;
  await session.execute(`
    CREATE OR REPLACE TEMP TABLE gaps AS ${GAPS};
    CREATE OR REPLACE TEMP TABLE gone AS
    SELECT r.*, log_offset AS log_offset_last FROM (${source}) AS r
    JOIN gaps USING (log_id, log_partition) WHERE log_offset BETWEEN gaps.first AND gaps.last;
    INSERT INTO places SELECT log_id, log_partition, log_offset, log_offset, 'lost' FROM gone;
    INSERT INTO gone (log_id, log_partition, log_offset, log_offset_last)
    SELECT log_id, log_partition, first, last FROM (${GAPS})`);
  const [found] = await session.query<{ offsets: number | null }>(
    'SELECT CAST(sum(log_offset_last - log_offset + 1) AS BIGINT) AS offsets FROM gone',
  );
  const offsets = found?.offsets ?? 0;
  if (offsets > 0) await commitLost(options, `${REMOVED_BY}${by}`);
  return offsets;
}

async function commitLost(options: RepairOptions, detail: string): Promise<void> {
  const { rejected, storage, session, scratch, table, clock = () => new Date() } = options;
  const file = join(scratch, `lost-${randomUUID()}.parquet`);
  const given: Readonly<Record<string, string>> = {
    reason: `'lost'`,
    detail: literal(detail),
    length: '0',
  };
  const own = ['log_id', 'log_partition', 'log_offset', 'log_offset_last'];
  const names = [...own, 'city_id', 'observed_at', 'collected_at'];
  const columns = Object.entries(REJECTED_COLUMNS).map(([name, type]) => {
    const value = given[name] ?? (names.includes(name) ? name : 'NULL');
    return `CAST(${value} AS ${type}) AS ${name}`;
  });
  try {
    const select = `SELECT ${columns.join(', ')} FROM gone ORDER BY log_offset`;
    const rows = await session.copy(select, file, 'parquet');
    const [range] = await session.query<Record<string, number>>(
      'SELECT min(log_offset) AS least, max(log_offset_last) AS most FROM gone',
    );
    const stats = {
      numRecords: rows,
      minValues: { log_offset: range?.least },
      maxValues: { log_offset: range?.most },
    };
    const add = await putDataFile({ table: rejected, storage, file, month: null, stats, clock });
    await rejected.commit('WRITE', async () => [{ add }], { repair: table === rejected });
  } finally {
    await rm(file, { force: true });
  }
}

function refuse({ folder }: DeltaTable, why: string): IsobarError {
  return new IsobarError('TABLE_FOREIGN', `${folder}: it cannot be accepted: ${why}`);
}
