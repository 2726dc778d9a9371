/**
 * Checkpoints: the whole state of a table as one Parquet file, so that a reader need not replay
 * every commit. DuckDB writes the nested columns in one COPY.
 *
 * The pointer `_last_checkpoint` carries `"isobar": true`: a checkpoint of another program may hide
 * a commit that changed rows, so writers refuse to go on from one.
 */
import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SqlSession } from '../analytics/engine.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { formatVersion } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { fileLiteral } from '../sql/text.ts';
import { type Action, formatAction, parseAction } from './delta.ts';
import type { TableState } from './snapshot.ts';

const CHECKPOINT_COLUMNS: Readonly<Record<string, string>> = {
  txn: 'STRUCT("appId" VARCHAR, "version" BIGINT, "lastUpdated" BIGINT)',
  add:
    'STRUCT("path" VARCHAR, "partitionValues" MAP(VARCHAR, VARCHAR), "size" BIGINT, ' +
    '"modificationTime" BIGINT, "dataChange" BOOLEAN, "stats" VARCHAR, ' +
    '"tags" MAP(VARCHAR, VARCHAR))',
  remove:
    'STRUCT("path" VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN, ' +
    '"extendedFileMetadata" BOOLEAN, "partitionValues" MAP(VARCHAR, VARCHAR), "size" BIGINT)',
  metaData:
    'STRUCT("id" VARCHAR, "name" VARCHAR, ' +
    '"format" STRUCT("provider" VARCHAR, "options" MAP(VARCHAR, VARCHAR)), ' +
    '"schemaString" VARCHAR, "partitionColumns" VARCHAR[], ' +
    '"configuration" MAP(VARCHAR, VARCHAR), "createdTime" BIGINT)',
  protocol: 'STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER)',
};

export interface Checkpoint {
  readonly version: number;
  readonly actions: readonly Action[];
  readonly place: string;
}

/** The newest checkpoint that the pointer names, or null when there is none. */
export async function readCheckpoint(
  storage: Storage,
  session: SqlSession,
  folder: string,
): Promise<Checkpoint | null> {
  const pointer = await readPointer(storage, folder);
  if (pointer === null) return null;
  if (!pointer.isobar) {
    const place = checkpointPath(folder, pointer.version);
    throw new IsobarError('TABLE_FOREIGN', `${place}: the checkpoint is none of ours`);
  }
  return readCheckpointOf(storage, session, folder, pointer.version);
}

/** The checkpoint of this version; rejects with LAKE_MISSING or TABLE_CORRUPT. */
export async function readCheckpointOf(
  storage: Storage,
  session: SqlSession,
  folder: string,
  version: number,
): Promise<Checkpoint> {
  const place = checkpointPath(folder, version);
  const local = await storage.localPath(place);
  const columns = Object.keys(CHECKPOINT_COLUMNS);
  let rows: { action: string }[];
  try {
    rows = await session.query<{ action: string }>(
      `SELECT CAST(to_json(struct_pack(${columns.map((name) => `"${name}" := "${name}"`)})) ` +
        `AS VARCHAR) AS action FROM read_parquet(${fileLiteral(local)})`,
    );
  } catch (error) {
    throw new IsobarError('TABLE_CORRUPT', `${place}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const actions: Action[] = [];
  for (const row of rows) {
    const action = parseAction(row.action, place);
    if (action !== null) actions.push(action);
  }
  return { version, actions, place };
}

/** Writes the state as a checkpoint and points to it. A crash between the two is harmless. */
export async function writeCheckpoint(
  storage: Storage,
  session: SqlSession,
  options: {
    readonly state: TableState;
    readonly folder: string;
    readonly scratch: string;
    /** Milliseconds: removed files older than this are forgotten. */
    readonly tombstonesFrom: number;
  },
): Promise<void> {
  const { state, folder } = options;
  reachFaultPoint('checkpoint.before-write');
  const base = join(options.scratch, `checkpoint-${randomUUID()}`);
  try {
    const actions = checkpointActions(state, options.tombstonesFrom);
    await writeFile(
      `${base}.jsonl`,
      actions.map((action) => `${JSON.stringify(formatAction(action))}\n`).join(''),
    );
    const types = Object.entries(CHECKPOINT_COLUMNS).map(([name, type]) => `"${name}": '${type}'`);
    await session.copy(
      `SELECT * FROM read_json(${fileLiteral(`${base}.jsonl`)}, format = 'newline_delimited', ` +
        `columns = {${types.join(', ')}}, maximum_object_size = 67108864)`,
      `${base}.parquet`,
      'parquet',
    );
    const { size } = await stat(`${base}.parquet`);
    // Replacing and not putting: a checkpoint cut short by a crash was never visible, and two
    // writers of the same version write the same state.
    await storage.replace(checkpointPath(folder, state.version), { file: `${base}.parquet` });
    reachFaultPoint('checkpoint.before-pointer');
    const newest = await readPointer(storage, folder);
    if (newest !== null && newest.version >= state.version) return;
    const pointer = { version: state.version, size: actions.length, sizeInBytes: size };
    await storage.replace(
      `${folder}/_delta_log/_last_checkpoint`,
      Buffer.from(JSON.stringify({ ...pointer, isobar: true })),
    );
  } finally {
    await rm(`${base}.jsonl`, { force: true });
    await rm(`${base}.parquet`, { force: true });
  }
}

export function checkpointPath(folder: string, version: number): string {
  return `${folder}/_delta_log/${formatVersion(version)}.checkpoint.parquet`;
}

/** What the pointer says, or null when there is none. */
export async function readPointer(
  storage: Storage,
  folder: string,
): Promise<{ readonly version: number; readonly isobar: boolean } | null> {
  const path = `${folder}/_delta_log/_last_checkpoint`;
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(path);
  } catch (error) {
    if (isErrorCode(error, 'LAKE_MISSING')) return null;
    throw error;
  }
  try {
    const { version, isobar } = JSON.parse(new TextDecoder().decode(bytes));
    if (!Number.isSafeInteger(version)) throw new Error('version is no whole number');
    return { version, isobar: isobar === true };
  } catch (error) {
    throw new IsobarError('TABLE_CORRUPT', `${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function checkpointActions(state: TableState, tombstonesFrom: number): Action[] {
  const actions: Action[] = [];
  if (state.protocol) actions.push({ protocol: state.protocol });
  if (state.metadata) actions.push({ metaData: state.metadata });
  for (const txn of state.txns.values()) actions.push({ txn });
  // In a checkpoint a file is a fact, no change: the protocol asks for dataChange = false.
  for (const add of state.adds.values()) actions.push({ add: { ...add, dataChange: false } });
  for (const remove of state.removes.values()) {
    if (remove.deletionTimestamp < tombstonesFrom) continue;
    actions.push({ remove: { ...remove, dataChange: false } });
  }
  return actions;
}
