/** The log of a Delta table in the storage: its commits, one file each. */
import { isErrorCode } from '../errors.ts';
import { formatVersion } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { type Action, formatActions, parseActions } from './delta.ts';
import { applyCommit, dataFile, type TableState } from './snapshot.ts';
import type { Changes, DataFile } from './table.ts';

/** A commit of a hundred thousand files has some 60 MiB. */
const COMMIT_BYTES_MAX = 512 * 1024 * 1024;
/** Operations of ours that leave a row for every observation that was there. */
const KEEPING_ROWS = ['WRITE', 'OPTIMIZE'];

export class TableLog {
  readonly folder: string;
  readonly #storage: Storage;

  constructor(storage: Storage, folder: string) {
    this.#storage = storage;
    this.folder = folder;
  }

  pathOf(version: number): string {
    return `${this.folder}/_delta_log/${formatVersion(version)}.json`;
  }

  /** The actions of one commit, or null when it is not there. */
  async read(version: number): Promise<readonly Action[] | null> {
    const path = this.pathOf(version);
    try {
      const bytes = await this.#storage.read(path, undefined, COMMIT_BYTES_MAX);
      return parseActions(new TextDecoder().decode(bytes), path);
    } catch (error) {
      if (isErrorCode(error, 'LAKE_MISSING')) return null;
      throw error;
    }
  }

  /** The state after all commits that follow. */
  async replay(from: TableState): Promise<TableState> {
    for (let state = from; ; ) {
      const version = state.version + 1;
      const actions = await this.read(version);
      if (actions === null) return state;
      state = applyCommit(state, actions, version, this.folder);
    }
  }

  /** A commit or checkpoint above this version, or null. */
  async findAbove(version: number): Promise<string | null> {
    const after = `${this.folder}/_delta_log/${formatVersion(version + 1)}`;
    for await (const { path } of this.#storage.list(`${this.folder}/_delta_log`, { after })) {
      if (/\/\d{20}\.(json|checkpoint\.parquet)$/.test(path)) return path;
    }
    return null;
  }

  /** Whether the commit of this number is ours now. */
  async put(version: number, actions: readonly Action[]): Promise<boolean> {
    try {
      const text = Buffer.from(formatActions(actions), 'utf8');
      await this.#storage.putIfAbsent(this.pathOf(version), text);
      return true;
    } catch (error) {
      if (!isErrorCode(error, 'LAKE_EXISTS', 'LAKE_UNAVAILABLE')) throw error;
      // The answer to a put that succeeded may have been lost: compare the commit's id.
      const current = await this.read(version);
      if (current !== null && commitId(current) === commitId(actions)) return true;
      if (current === null) throw error;
      return false;
    }
  }

  /** What came after `fromVersion`; null when one of the commits is gone. */
  async changes(fromVersion: number, toVersion: number): Promise<Changes | null> {
    const months = new Set<string>();
    const added = new Map<string, DataFile>();
    let onlyAdded = true;
    let rowsRemoved = false;
    for (let version = fromVersion + 1; version <= toVersion; version++) {
      const actions = await this.read(version);
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
        const file = dataFile(this.folder, action.add);
        if (action.add.dataChange) months.add(file.month ?? '');
        added.set(file.path, file);
      }
    }
    return { months: [...months].sort(), added: [...added.values()], onlyAdded, rowsRemoved };
  }
}

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
