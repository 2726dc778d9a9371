/**
 * A Delta table in the storage: read its commits, add one.
 *
 * A commit is *put if absent* of the next number. A lost race, of any kind, means: read what came
 * in between and build the commit again from there. A commit carries a random id, so that one
 * whose answer was lost is recognised as ours.
 */
import { randomUUID } from 'node:crypto';
import { IsobarError } from '../errors.ts';
import { type TableName, tableFolder } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { Columns, SqlSession } from '../sql/engine.ts';
import { orAborted } from '../waiting.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { type Action, formatSchema, OUR_PROTOCOL, SCHEMA_VERSION } from './delta.ts';
import { foreignCheckpoint, schemaProblem } from './foreign.ts';
import { readBase } from './log-base.ts';
import { applyCommit, assertReadable, assertWritable, type TableState } from './snapshot.ts';
import type { Changes, DataFile, Table } from './table.ts';
import { TableLog } from './table-log.ts';

export interface DeltaTable extends Table {
  readonly name: TableName;
  /** Where the table lies in the storage. */
  readonly folder: string;
  readonly columns: Columns;
  readonly partitionColumns: readonly string[];
  readonly latest: TableState | null;
  refresh(signal?: AbortSignal): Promise<TableState>;
  /** Calls the listener after each new version, of whatever process; returns how to stop. */
  onVersion(listener: () => void): () => void;

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

interface CommitOptions {
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

/** The table as it is; it is made by its first commit. */
export function openTable(options: TableOptions): DeltaTable {
  return new CommittedTable(options);
}

class CommittedTable implements DeltaTable {
  readonly name: TableName;
  readonly folder: string;
  readonly columns: Columns;
  readonly partitionColumns: readonly string[];
  readonly #options: TableOptions;
  readonly #log: TableLog;
  readonly #clock: () => Date;
  readonly #listeners = new Set<() => void>();
  #latest: TableState | null = null;
  #looking: Promise<TableState> | null = null;
  #lookingNext: Promise<TableState> | null = null;
  /** The foreign checkpoint that was proven to lose no row. */
  #proven: string | null = null;
  #proving: Promise<readonly string[]> | null = null;

  constructor(options: TableOptions) {
    this.name = options.name;
    this.folder = tableFolder(options.name);
    this.columns = options.columns;
    this.partitionColumns = options.partitionColumns;
    this.#options = options;
    this.#log = new TableLog(options.storage, this.folder);
    this.#clock = options.clock ?? (() => new Date());
  }

  get latest(): TableState | null {
    return this.#latest;
  }

  onVersion(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A look of another caller, or a commit of this process, may have gone further meanwhile. */
  #advance(state: TableState): void {
    const before = this.#latest;
    if (before !== null && state.version < before.version) return;
    this.#latest = state;
    if (state.version === before?.version) return;
    for (const listener of this.#listeners) listener();
  }

  async refresh(signal?: AbortSignal): Promise<TableState> {
    const state = await this.#lookShared(signal);
    assertReadable(state, this.folder);
    return state;
  }

  refreshForRepair(): Promise<TableState> {
    return this.#lookShared();
  }

  /**
   * Callers that come during a look share the next one: each sees at least what was there when it
   * asked, and when the lake is away all fail at once instead of one after the other.
   */
  #lookShared(signal?: AbortSignal): Promise<TableState> {
    if (this.#looking === null && this.#lookingNext === null) {
      return orAborted(this.#look(), signal);
    }
    const look = () => this.#look();
    this.#lookingNext ??= this.#looking?.then(look, look) ?? look();
    return orAborted(this.#lookingNext, signal);
  }

  #look(): Promise<TableState> {
    this.#lookingNext = null;
    this.#looking = this.#load().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #load(): Promise<TableState> {
    const { storage, session } = this.#options;
    const log = this.#log;
    const isFirst = this.#latest === null;
    const readCommit = (version: number) => log.read(version);
    const base =
      this.#latest ?? (await readBase({ storage, session, folder: this.folder, readCommit }));
    let state = await log.replay(base);
    while (isFirst) {
      const above = await log.findAbove(state.version);
      if (above === null) break;
      const { version } = state;
      state = await log.replay(state);
      // Otherwise another writer committed between the two reads.
      if (state.version === version) {
        const missing = `${log.pathOf(version + 1)} is missing, but ${above} is there`;
        throw new IsobarError('TABLE_GAP', missing);
      }
    }
    this.#advance(state);
    return this.#latest ?? state;
  }

  async commit(
    operation: string,
    build: (state: TableState) => Promise<readonly Action[] | null>,
    { repair = false, parameters = {} }: CommitOptions = {},
  ): Promise<TableState> {
    for (let lost = 0; lost < LOST_RACES_MAX; lost++) {
      const state = repair ? await this.#lookShared() : await this.refresh();
      if (!repair) await this.#assertMayWrite(state);
      const built = await build(state);
      if (built === null) return state;
      const actions: Action[] = [
        {
          commitInfo: {
            timestamp: this.#clock().getTime(),
            operation,
            engine: 'isobar',
            parameters,
            isobarCommitId: randomUUID(),
          },
        },
        // A repair writes metadata of its own, and a commit holds one.
        ...(state.version < 0 ? this.#creation() : repair ? [] : this.#upgrade(state)),
        ...built,
      ];
      if (!(await this.#log.put(state.version + 1, actions))) continue;
      const next = applyCommit(state, actions, state.version + 1, this.folder);
      this.#advance(next);
      await this.#checkpoint(next, state.unproven !== null || repair);
      return next;
    }
    const text = `${this.folder}: lost ${LOST_RACES_MAX} races in a row`;
    throw new IsobarError('COMMIT_CONFLICT', text);
  }

  async #assertMayWrite(state: TableState): Promise<void> {
    const { columns, partitionColumns, simulated } = this.#options;
    assertWritable(state, this.folder, simulated);
    const { metadata, unproven } = state;
    if (metadata === null) return;
    const isOurs = metadata.configuration['isobar.schema'] === String(SCHEMA_VERSION);
    const problem = isOurs ? schemaProblem(metadata.schemaString, columns, partitionColumns) : null;
    if (problem !== null) throw new IsobarError('TABLE_FOREIGN', `${this.folder}: ${problem}`);
    if (unproven === null || unproven === this.#proven) return;
    this.#proving ??= (this.#options.prove?.(state) ?? Promise.resolve([])).finally(() => {
      this.#proving = null;
    });
    const [difference] = await this.#proving;
    if (difference !== undefined) throw foreignCheckpoint(this.folder, state, difference);
    this.#proven = unproven;
  }

  #creation(): Action[] {
    const { name, columns, partitionColumns, simulated } = this.#options;
    return [
      { protocol: OUR_PROTOCOL },
      {
        metaData: {
          id: randomUUID(),
          name,
          schemaString: formatSchema(columns, partitionColumns),
          partitionColumns,
          configuration: {
            'isobar.schema': String(SCHEMA_VERSION),
            'isobar.simulated': String(simulated),
          },
          createdTime: this.#clock().getTime(),
        },
      },
    ];
  }

  /** A table of an older isobar gets the columns that it lacks; they are NULL in its rows. */
  #upgrade({ metadata }: TableState): Action[] {
    if (metadata === null) return [];
    if (Number(metadata.configuration['isobar.schema']) >= SCHEMA_VERSION) return [];
    const schemaString = formatSchema(this.columns, this.partitionColumns);
    const configuration = { ...metadata.configuration, 'isobar.schema': String(SCHEMA_VERSION) };
    return [{ metaData: { ...metadata, schemaString, configuration } }];
  }

  async #checkpoint(state: TableState, always: boolean): Promise<void> {
    const { checkpointCommits, keepDays, storage, session, scratch } = this.#options;
    const isDue = state.version > 0 && state.version % checkpointCommits === 0;
    if (!isDue && !always) return;
    const tombstonesFrom = this.#clock().getTime() - keepDays * 86_400_000;
    const { folder } = this;
    await writeCheckpoint(storage, session, { state, folder, scratch, tombstonesFrom });
  }

  readCommit(version: number): Promise<readonly Action[] | null> {
    return this.#log.read(version);
  }

  changes(fromVersion: number, to: Pick<TableState, 'version'>): Promise<Changes | null> {
    return this.#log.changes(fromVersion, to.version);
  }

  localPaths(files: readonly DataFile[]): Promise<string[]> {
    return Promise.all(files.map((file) => this.#options.storage.localPath(file.storagePath)));
  }
}
