/**
 * A Delta table in the storage: read its commits, add one.
 *
 * A commit is *put if absent* of the next number. A lost race, of any kind, means: read what came
 * in between and build the commit again from there. A commit carries a random id, so that one
 * whose answer was lost is recognised as ours.
 */
import { randomUUID } from 'node:crypto';
import type { Columns, SqlSession } from '../analytics/engine.ts';
import { IsobarError, isErrorCode } from '../errors.ts';
import { formatVersion, type TableName, tableFolder } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import {
  type Action,
  formatActions,
  formatSchema,
  parseActions,
  READER_VERSION,
  SCHEMA_VERSION,
  WRITER_VERSION,
} from './delta.ts';
import { applyActions, assertWritable, dataFile, emptyState, type TableState } from './snapshot.ts';
import type { Changes, DataFile, Table } from './table.ts';

export interface DeltaTable extends Table {
  readonly name: TableName;
  /** Where the table lies in the storage. */
  readonly folder: string;
  readonly latest: TableState | null;
  refresh(signal?: AbortSignal): Promise<TableState>;

  /**
   * Commits what `build` makes of the newest state and resolves with the state after it; null from
   * `build` means that there is nothing to commit. `build` runs again after each lost race.
   * Rejects with COMMIT_CONFLICT after 50 of them, else as `refresh` and the storage do.
   */
  commit(
    operation: string,
    build: (state: TableState) => Promise<readonly Action[] | null>,
  ): Promise<TableState>;

  /** The actions of one commit, or null when it is not there. */
  readCommit(version: number): Promise<readonly Action[] | null>;
}

export interface TableOptions {
  readonly name: TableName;
  readonly columns: Columns;
  readonly partitionColumns: readonly string[];
  readonly storage: Storage;
  /** For checkpoints; one statement at a time, so it may be shared. */
  readonly session: SqlSession;
  /** Folder on this machine for files in the making. */
  readonly scratch: string;
  readonly simulated: boolean;
  readonly checkpointCommits: number;
  readonly keepDays: number;
  readonly clock?: () => Date;
}

const LOST_RACES_MAX = 50;

/** The table as it is; it is made by its first commit. */
export function openTable(options: TableOptions): DeltaTable {
  const { storage, simulated, clock = () => new Date() } = options;
  const folder = tableFolder(options.name);
  let latest: TableState | null = null;
  let looking: Promise<TableState> | null = null;
  let lookingNext: Promise<TableState> | null = null;

  /**
   * Callers that come during a look share the next one: each sees at least what was there when it
   * asked, and of a lake that is away all hear at once instead of one after the other.
   */
  function refresh(signal?: AbortSignal): Promise<TableState> {
    if (looking === null && lookingNext === null) return orAborted(look(), signal);
    lookingNext ??= looking?.then(look, look) ?? look();
    return orAborted(lookingNext, signal);
  }

  function look(): Promise<TableState> {
    lookingNext = null;
    looking = load().finally(() => {
      looking = null;
    });
    return looking;
  }

  async function load(): Promise<TableState> {
    let state = await readOn(latest ?? (await loadCheckpoint()));
    if (latest === null) {
      for (let above = await findAbove(state); above !== null; above = await findAbove(state)) {
        const { version } = state;
        state = await readOn(state);
        // Else somebody committed between the two looks.
        if (state.version === version) {
          const missing = `${folder}/_delta_log/${formatVersion(version + 1)}.json`;
          throw new IsobarError('TABLE_GAP', `${missing} is missing, but ${above} is there`);
        }
      }
    }
    // A commit of this process may have gone further in the meantime.
    if (latest === null || state.version >= latest.version) latest = state;
    return latest;
  }

  function apply(state: TableState, version: number, actions: readonly Action[]): TableState {
    const place = `${folder}/_delta_log/${formatVersion(version)}.json`;
    return applyActions(state, actions, { version, place, checkpoint: false }, folder);
  }

  async function loadCheckpoint(): Promise<TableState> {
    const checkpoint = await readCheckpoint(storage, options.session, folder);
    if (checkpoint === null) return emptyState(folder);
    const { version, actions, place } = checkpoint;
    return applyActions(emptyState(folder), actions, { version, place, checkpoint: true }, folder);
  }

  /** Reads commits until there is none. */
  async function readOn(from: TableState): Promise<TableState> {
    for (let state = from; ; ) {
      const version = state.version + 1;
      const actions = await readCommit(version);
      if (actions === null) return state;
      state = apply(state, version, actions);
    }
  }

  /** A commit or checkpoint above this state; null when there is none. */
  async function findAbove(state: TableState): Promise<string | null> {
    const after = `${folder}/_delta_log/${formatVersion(state.version + 1)}`;
    for await (const { path } of storage.list(`${folder}/_delta_log`, { after })) {
      if (/\/\d{20}\.(json|checkpoint\.parquet)$/.test(path)) return path;
    }
    return null;
  }

  async function readCommit(version: number): Promise<readonly Action[] | null> {
    const path = `${folder}/_delta_log/${formatVersion(version)}.json`;
    try {
      return parseActions(new TextDecoder().decode(await storage.read(path)), path);
    } catch (error) {
      if (isErrorCode(error, 'LAKE_MISSING')) return null;
      throw error;
    }
  }

  async function commit(
    operation: string,
    build: (state: TableState) => Promise<readonly Action[] | null>,
  ): Promise<TableState> {
    for (let lost = 0; lost < LOST_RACES_MAX; lost++) {
      const state = await refresh();
      assertWritable(state, folder, simulated);
      const built = await build(state);
      if (built === null) return state;
      const actions: Action[] = [
        {
          commitInfo: {
            timestamp: clock().getTime(),
            operation,
            isobarCommitId: randomUUID(),
          },
        },
        ...(state.version < 0 ? creation() : upgrade(state)),
        ...built,
      ];
      if (!(await put(state.version + 1, actions))) continue;
      const next = apply(state, state.version + 1, actions);
      if (latest === null || next.version > latest.version) latest = next;
      await checkpoint(next);
      return next;
    }
    throw new IsobarError('COMMIT_CONFLICT', `${folder}: lost ${LOST_RACES_MAX} races in a row`);
  }

  function creation(): Action[] {
    return [
      { protocol: { minReaderVersion: READER_VERSION, minWriterVersion: WRITER_VERSION } },
      {
        metaData: {
          id: randomUUID(),
          name: options.name,
          schemaString: formatSchema(options.columns, options.partitionColumns),
          partitionColumns: options.partitionColumns,
          configuration: {
            'isobar.schema': String(SCHEMA_VERSION),
            'isobar.simulated': String(simulated),
          },
          createdTime: clock().getTime(),
        },
      },
    ];
  }

  /** A table of an older isobar gets the columns that it lacks; they are NULL in its rows. */
  function upgrade({ metadata }: TableState): Action[] {
    if (metadata === null) return [];
    if (Number(metadata.configuration['isobar.schema']) >= SCHEMA_VERSION) return [];
    const schemaString = formatSchema(options.columns, options.partitionColumns);
    const configuration = { ...metadata.configuration, 'isobar.schema': String(SCHEMA_VERSION) };
    return [{ metaData: { ...metadata, schemaString, configuration } }];
  }

  /** Whether the commit of this number is ours now. */
  async function put(version: number, actions: readonly Action[]): Promise<boolean> {
    const path = `${folder}/_delta_log/${formatVersion(version)}.json`;
    try {
      await storage.putIfAbsent(path, Buffer.from(formatActions(actions), 'utf8'));
      return true;
    } catch (error) {
      if (!isErrorCode(error, 'LAKE_EXISTS', 'LAKE_UNAVAILABLE')) throw error;
      // The answer to a put that succeeded may have been lost: the commit's id tells.
      const there = await readCommit(version);
      if (there !== null && commitId(there) === commitId(actions)) return true;
      if (there === null) throw error;
      return false;
    }
  }

  async function checkpoint(state: TableState): Promise<void> {
    if (state.version === 0 || state.version % options.checkpointCommits !== 0) return;
    const oldest = clock().getTime() - options.keepDays * 86_400_000;
    await writeCheckpoint(storage, options.session, {
      state,
      folder,
      scratch: options.scratch,
      tombstonesFrom: oldest,
    });
  }

  async function changes(fromVersion: number, to: TableState): Promise<Changes | null> {
    const months = new Set<string>();
    const added = new Map<string, DataFile>();
    let onlyAdded = true;
    let rowsRemoved = false;
    for (let version = fromVersion + 1; version <= to.version; version++) {
      const actions = await readCommit(version);
      if (actions === null) return null;
      const keepsRows = KEEPING_ROWS.includes(operationOf(actions));
      // Compaction may have put rows that are new into a file with older ones.
      let compacted = false;
      for (const action of actions) {
        if (!('remove' in action)) continue;
        const { path, partitionValues, dataChange } = action.remove;
        const wasAdded = added.delete(path);
        if (dataChange) {
          months.add(partitionValues.observed_month ?? '');
          onlyAdded = false;
          rowsRemoved ||= !keepsRows;
        } else compacted ||= wasAdded;
      }
      for (const action of actions) {
        if (!('add' in action) || !(action.add.dataChange || compacted)) continue;
        const file = dataFile(folder, action.add);
        if (action.add.dataChange) months.add(file.month ?? '');
        added.set(file.path, file);
      }
    }
    return { months: [...months].sort(), added: [...added.values()], onlyAdded, rowsRemoved };
  }

  return {
    name: options.name,
    folder,
    get latest() {
      return latest;
    },
    refresh,
    commit,
    readCommit,
    changes: (fromVersion, to) => changes(fromVersion, to as TableState),
    localPaths: (files) => Promise.all(files.map((file) => storage.localPath(file.storagePath))),
  };
}

/** Operations of ours that leave a row for every observation that was there. */
const KEEPING_ROWS = ['WRITE', 'OPTIMIZE'];

function operationOf(actions: readonly Action[]): string {
  for (const action of actions) if ('commitInfo' in action) return action.commitInfo.operation;
  return '';
}

function commitId(actions: readonly Action[]): string | null {
  for (const action of actions) {
    if ('commitInfo' in action) return action.commitInfo.isobarCommitId;
  }
  return null;
}

/** The look itself goes on: others may share it. */
async function orAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  promise.catch(() => {});
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
