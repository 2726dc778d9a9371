/**
 * Checkpoints: the whole state of a table as one Parquet file, so that a reader need not replay
 * every commit. DuckDB writes the nested columns in one COPY.
 *
 * The pointer `_last_checkpoint` carries `"isobar": true`; which checkpoint a table is opened from
 * is in log-base.ts.
 */
import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IsobarError, isErrorCode } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { formatVersion } from '../lake/layout.ts';
import { readJson } from '../lake/read-json.ts';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import { fileLiteral, filesLiteral } from '../sql/text.ts';
import { type Action, formatAction, parseAction } from './delta.ts';
import type { ListedCheckpoint } from './log-listing.ts';
import type { TableState } from './snapshot.ts';

const POINTER_BYTES_MAX = 1024 * 1024;

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

/** Whether isobar wrote this checkpoint: nothing else writes them by DuckDB itself. */
export async function isOwnCheckpoint(
  storage: Storage,
  session: SqlSession,
  { paths, form }: ListedCheckpoint,
): Promise<boolean> {
  const [path] = paths;
  if (form !== 'single' || path === undefined) return false;
  const local = await storage.localPath(path);
  const [file] = await session.query<{ created_by: string }>(
    `SELECT created_by FROM parquet_file_metadata(${fileLiteral(local)})`,
  );
  return file?.created_by?.startsWith('DuckDB') === true;
}

/** The checkpoint of this version; rejects with LAKE_MISSING or TABLE_CORRUPT. */
export function readCheckpointOf(
  storage: Storage,
  session: SqlSession,
  folder: string,
  version: number,
): Promise<Checkpoint> {
  const paths = [checkpointPath(folder, version)];
  return readCheckpoint(storage, session, { version, paths, form: 'single' });
}

/** Rejects with LAKE_MISSING, TABLE_CORRUPT, or TABLE_PROTOCOL for one of version 2. */
export async function readCheckpoint(
  storage: Storage,
  session: SqlSession,
  { version, paths, form }: ListedCheckpoint,
): Promise<Checkpoint> {
  const [place = ''] = paths;
  if (form === 'v2') throw sidecars(place);
  const locals = filesLiteral(await Promise.all(paths.map((path) => storage.localPath(path))));
  const source = `read_parquet(${locals}, union_by_name = true)`;
  let rows: { action: string }[];
  try {
    const found = await session.query<{ column_name: string }>(`DESCRIBE FROM ${source}`);
    const names = new Set(found.map(({ column_name }) => column_name));
    if (names.has('sidecar')) {
      const [count] = await session.query<{ count: number }>(
        `SELECT count(sidecar) AS count FROM ${source}`,
      );
      if (count?.count !== 0) throw sidecars(place);
    }
    const columns = Object.keys(CHECKPOINT_COLUMNS).filter((name) => names.has(name));
    if (columns.length === 0) throw new IsobarError('TABLE_CORRUPT', `${place}: it has no action`);
    const pairs = columns.map((name) => `"${name}" := "${name}"`);
    rows = await session.query<{ action: string }>(
      `SELECT CAST(to_json(struct_pack(${pairs.join(', ')})) AS VARCHAR) AS action ` +
        `FROM ${source} WHERE ${columns.map((name) => `"${name}" IS NOT NULL`).join(' OR ')}`,
    );
  } catch (error) {
    if (!isErrorCode(error, 'QUERY_FAILED', 'QUERY_INVALID')) throw error;
    throw new IsobarError('TABLE_CORRUPT', `${place}: it is not a readable checkpoint`, {
      cause: error,
    });
  }
  const actions: Action[] = [];
  for (const row of rows) {
    const action = parseAction(row.action, place);
    if (action !== null) actions.push(action);
  }
  const has = (kind: 'protocol' | 'metaData') => actions.filter((one) => kind in one).length === 1;
  if (!has('protocol') || !has('metaData')) {
    throw new IsobarError('TABLE_CORRUPT', `${place}: expected one protocol and one metaData`);
  }
  return { version, actions, place };
}

function sidecars(place: string): IsobarError {
  return new IsobarError(
    'TABLE_PROTOCOL',
    `${place}: a checkpoint of version 2 (with sidecar files), which isobar does not read, and the ` +
      'commits below it are gone; write a classic checkpoint with that program',
  );
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
    const newest = await readPointerIfSound(storage, folder);
    if (newest !== null && newest.version >= state.version) {
      // One that names a checkpoint that is not there would keep every later one from being named.
      const named = checkpointPath(folder, newest.version);
      if ((await storage.stat(named)) !== null || newest.parts !== null) return;
    }
    const pointer = { version: state.version, size: actions.length, sizeInBytes: size };
    await storage.replace(
      pointerPath(folder),
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

export interface Pointer {
  readonly version: number;
  readonly isobar: boolean;
  /** Actions in the checkpoint and bytes of it, where the pointer says so. */
  readonly size: number | null;
  readonly sizeInBytes: number | null;
  /** Files of the checkpoint; null for one. */
  readonly parts: number | null;
}

export function pointerPath(folder: string): string {
  return `${folder}/_delta_log/_last_checkpoint`;
}

/** What the pointer says, or null when there is none. Rejects with TABLE_CORRUPT. */
export async function readPointer(storage: Storage, folder: string): Promise<Pointer | null> {
  const path = pointerPath(folder);
  const value = await readJson(storage, path, POINTER_BYTES_MAX);
  if (value === undefined) return null;
  const object = (typeof value === 'object' && value !== null ? value : {}) as Partial<Pointer>;
  const { version, isobar } = object;
  if (!Number.isSafeInteger(version) || Number(version) < 0) {
    throw new IsobarError('TABLE_CORRUPT', `${path}: version is not a whole number`);
  }
  const whole = (name: 'size' | 'sizeInBytes' | 'parts') => {
    const one = object[name] ?? null;
    if (one === null || (Number.isInteger(one) && one >= 0)) return one;
    throw new IsobarError('TABLE_CORRUPT', `${path}: ${name} is not a whole number`);
  };
  return {
    version: Number(version),
    isobar: isobar === true,
    size: whole('size'),
    sizeInBytes: whole('sizeInBytes'),
    parts: whole('parts'),
  };
}

/** The pointer only saves time: a damaged one is as good as none. */
export function readPointerIfSound(storage: Storage, folder: string): Promise<Pointer | null> {
  return readPointer(storage, folder).catch((error) => {
    if (isErrorCode(error, 'TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR')) return null;
    throw error;
  });
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
