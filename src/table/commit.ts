/**
 * A Delta table in the storage: read its commits, add one.
 *
 * A commit is *put if absent* of the next number. A lost race, of any kind, means: read what came
 * in between and build the commit again from there. A commit carries a random id, so that one
 * whose answer was lost is recognised as ours.
 */
import { randomUUID } from 'node:crypto';
import { IsobarError, isErrorCode } from '../errors.ts';
import { formatVersion, type TableName, tableFolder } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { orAborted } from '../waiting.ts';
import { writeCheckpoint } from './checkpoint.ts';
import {
  type Action,
  formatActions,
  formatSchema,
  OUR_PROTOCOL,
  parseActions,
  SCHEMA_VERSION,
} from './delta.ts';
import { foreignCheckpoint, schemaProblem } from './foreign.ts';
import { readBase } from './log-base.ts';
import {
  applyCommit,
  assertReadable,
  assertWritable,
  dataFile,
  type TableState,
} from './snapshot.ts';
import type { Changes, DataFile, Table } from './table.ts';

export interface DeltaTable extends Table {
  readonly name: TableName;
  /** Where the table lies in the storage. */
  readonly folder: string;
  readonly columns: Columns;
  readonly partitionColumns: readonly string[];
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
    options?: CommitOptions,
  ): Promise<TableState>;

  /** As `refresh`, also of a table that we can neither read nor write as it stands. */
  refreshForRepair(): Promise<TableState>;

  /** The actions of one commit, or null when it is not there. */
  readCommit(version: number): Promise<readonly Action[] | null>;
}

export interface CommitOptions {
  /** What an operator decided: it goes over commits of others that stop all other writers. */
  readonly repair?: boolean;
  /** For people who read the table's history, such as `{ version: '7' }`. */
  readonly parameters?: Readonly<Record<string, string>>;
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
  /**
   * What does not add up in this state, a sentence each. Asked once before the first commit on a
   * checkpoint of another program, below which commits are gone.
   */
  readonly prove?: (state: TableState) => Promise<readonly string[]>;
  readonly clock?: () => Date;
}

const LOST_RACES_MAX = 50;
/** A commit of a hundred thousand files has some 60 MiB. */
const COMMIT_BYTES_MAX = 512 * 1024 * 1024;

/** The table as it is; it is made by its first commit. */
export function openTable(options: TableOptions): DeltaTable {
  const { storage, simulated, clock = () => new Date() } = options;
  const folder = tableFolder(options.name);
  let latest: TableState | null = null;
  let looking: Promise<TableState> | null = null;
  let lookingNext: Promise<TableState> | null = null;
  /** The foreign checkpoint that was proven to lose no row. */
  let proven: string | null = null;
  let proving: Promise<readonly string[]> | null = null;

  /**
   * Callers that come during a look share the next one: each sees at least what was there when it
   * asked, and of a lake that is away all hear at once instead of one after the other.
   */
  async function refresh(signal?: AbortSignal): Promise<TableState> {
    const state = await lookShared(signal);
    assertReadable(state, folder);
    return state;
  }

  function lookShared(signal?: AbortSignal): Promise<TableState> {
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
    const { session } = options;
    const base = latest ?? (await readBase({ storage, session, folder, readCommit }));
    let state = await readOn(base);
    if (latest === null) {
      for (let above = await findAbove(state); above !== null; above = await findAbove(state)) {
        const { version } = state;
        state = await readOn(state);
        // Otherwise another writer committed between the two reads.
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

  /** Reads commits until there is none. */
  async function readOn(from: TableState): Promise<TableState> {
    for (let state = from; ; ) {
      const version = state.version + 1;
      const actions = await readCommit(version);
      if (actions === null) return state;
      state = applyCommit(state, actions, version, folder);
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
      const bytes = await storage.read(path, undefined, COMMIT_BYTES_MAX);
      return parseActions(new TextDecoder().decode(bytes), path);
    } catch (error) {
      if (isErrorCode(error, 'LAKE_MISSING')) return null;
      throw error;
    }
  }

  async function commit(
    operation: string,
    build: (state: TableState) => Promise<readonly Action[] | null>,
    { repair = false, parameters = {} }: CommitOptions = {},
  ): Promise<TableState> {
    for (let lost = 0; lost < LOST_RACES_MAX; lost++) {
      const state = repair ? await lookShared() : await refresh();
      if (!repair) await assertMayWrite(state);
      const built = await build(state);
      if (built === null) return state;
      const actions: Action[] = [
        {
          commitInfo: {
            timestamp: clock().getTime(),
            operation,
            engine: 'isobar',
            parameters,
            isobarCommitId: randomUUID(),
          },
        },
        // A repair writes metadata of its own, and a commit holds one.
        ...(state.version < 0 ? creation() : repair ? [] : upgrade(state)),
        ...built,
      ];
      if (!(await put(state.version + 1, actions))) continue;
      const next = applyCommit(state, actions, state.version + 1, folder);
      if (latest === null || next.version > latest.version) latest = next;
      await checkpoint(next, state.unproven !== null || repair);
      return next;
    }
    throw new IsobarError('COMMIT_CONFLICT', `${folder}: lost ${LOST_RACES_MAX} races in a row`);
  }

  async function assertMayWrite(state: TableState): Promise<void> {
    assertWritable(state, folder, simulated);
    const { metadata, unproven } = state;
    if (metadata === null) return;
    const { columns, partitionColumns } = options;
    const isOurs = metadata.configuration['isobar.schema'] === String(SCHEMA_VERSION);
    const problem = isOurs ? schemaProblem(metadata.schemaString, columns, partitionColumns) : null;
    if (problem !== null) throw new IsobarError('TABLE_FOREIGN', `${folder}: ${problem}`);
    if (unproven === null || unproven === proven) return;
    proving ??= (options.prove?.(state) ?? Promise.resolve([])).finally(() => {
      proving = null;
    });
    const [difference] = await proving;
    if (difference !== undefined) throw foreignCheckpoint(folder, state, difference);
    proven = unproven;
  }

  function creation(): Action[] {
    return [
      { protocol: OUR_PROTOCOL },
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
      // The answer to a put that succeeded may have been lost: compare the commit's id.
      const there = await readCommit(version);
      if (there !== null && commitId(there) === commitId(actions)) return true;
      if (there === null) throw error;
      return false;
    }
  }

  async function checkpoint(state: TableState, always: boolean): Promise<void> {
    const isDue = state.version > 0 && state.version % options.checkpointCommits === 0;
    if (!isDue && !always) return;
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
    columns: options.columns,
    partitionColumns: options.partitionColumns,
    get latest() {
      return latest;
    },
    refresh,
    refreshForRepair: () => lookShared(),
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
