/** The state of a Delta table after one commit, made by replaying actions. */
import { IsobarError } from '../errors.ts';
import {
  type Action,
  type AddFile,
  type Metadata,
  PARTITION_COLUMN,
  type Protocol,
  parseStats,
  READER_VERSION,
  type RemoveFile,
  SCHEMA_VERSION,
  type Transaction,
  WRITER_VERSION,
} from './delta.ts';
import type { DataFile, Snapshot } from './table.ts';

/** A snapshot with all that writers and checkpoints need of it. */
export interface TableState extends Snapshot {
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  readonly adds: ReadonlyMap<string, AddFile>;
  readonly removes: ReadonlyMap<string, RemoveFile>;
  readonly txns: ReadonlyMap<string, Transaction>;
  /** The first commit that changed rows and is none of ours; writers refuse to go on. */
  readonly foreignCommit: string | null;
}

/** `folder` is where the table lies in the storage. */
export function emptyState(folder: string): TableState {
  return build(folder, {
    version: -1,
    committedAt: null,
    protocol: null,
    metadata: null,
    adds: new Map(),
    removes: new Map(),
    txns: new Map(),
    foreignCommit: null,
  });
}

/** The state after one more commit, or after a checkpoint's actions on the empty state. */
export function applyActions(
  state: TableState,
  actions: readonly Action[],
  commit: { readonly version: number; readonly place: string; readonly checkpoint: boolean },
  folder: string,
): TableState {
  const adds = new Map(state.adds);
  // They are many, kept for days: those of another state are shared while nothing changes them.
  const changesRemoves = actions.some(
    (action) => 'remove' in action || ('add' in action && state.removes.has(action.add.path)),
  );
  const removes = changesRemoves ? new Map(state.removes) : null;
  const txns = new Map(state.txns);
  let { protocol, metadata, committedAt, foreignCommit } = state;
  let ours = commit.checkpoint;
  let changedRows = false;
  for (const action of actions) {
    if ('add' in action) {
      adds.set(action.add.path, action.add);
      removes?.delete(action.add.path);
      changedRows ||= action.add.dataChange;
    } else if ('remove' in action) {
      adds.delete(action.remove.path);
      removes?.set(action.remove.path, action.remove);
      changedRows ||= action.remove.dataChange;
    } else if ('txn' in action) {
      txns.set(action.txn.appId, action.txn);
    } else if ('protocol' in action) {
      protocol = action.protocol;
    } else if ('metaData' in action) {
      metadata = action.metaData;
    } else {
      committedAt = new Date(action.commitInfo.timestamp);
      ours ||= action.commitInfo.isobarCommitId !== null;
    }
  }
  if (changedRows && !ours) foreignCommit ??= commit.place;
  if (protocol !== null && protocol.minReaderVersion > READER_VERSION) {
    throw new IsobarError(
      'TABLE_NEWER',
      `${commit.place}: needs reader version ${protocol.minReaderVersion}, we have ${READER_VERSION}`,
    );
  }
  return build(folder, {
    version: commit.version,
    committedAt,
    protocol,
    metadata,
    adds,
    removes: removes ?? state.removes,
    txns,
    foreignCommit,
  });
}

/** Rejects what we must not write to: newer, foreign, or of the other kind. */
export function assertWritable(state: TableState, folder: string, simulated: boolean): void {
  if (state.version < 0) return;
  const { protocol, metadata, foreignCommit } = state;
  if (protocol === null || metadata === null) {
    throw new IsobarError('TABLE_CORRUPT', `${folder}: no commit names its protocol and schema`);
  }
  if (protocol.minWriterVersion > WRITER_VERSION) {
    throw new IsobarError(
      'TABLE_NEWER',
      `${folder}: needs writer version ${protocol.minWriterVersion}, we have ${WRITER_VERSION}`,
    );
  }
  const schema = Number(metadata.configuration['isobar.schema'] ?? Number.NaN);
  if (Number.isNaN(schema)) {
    throw new IsobarError('TABLE_FOREIGN', `${folder}: it was not made by isobar`);
  }
  if (schema > SCHEMA_VERSION) {
    throw new IsobarError('TABLE_NEWER', `${folder}: schema ${schema}, we know ${SCHEMA_VERSION}`);
  }
  if (foreignCommit !== null) {
    throw new IsobarError('TABLE_FOREIGN', `${foreignCommit}: it changed rows and is none of ours`);
  }
  if (state.simulated !== simulated) {
    throw new IsobarError(
      'TABLE_KIND',
      `${folder}: holds ${state.simulated ? 'simulated' : 'real'} data, ` +
        `what waits is ${simulated ? 'simulated' : 'real'}`,
    );
  }
}

type Replayed = Pick<
  TableState,
  | 'version'
  | 'committedAt'
  | 'protocol'
  | 'metadata'
  | 'adds'
  | 'removes'
  | 'txns'
  | 'foreignCommit'
>;

/** Files and sums are worked out when somebody asks: a writer's rounds seldom do. */
function build(folder: string, replayed: Replayed): TableState {
  let files: readonly DataFile[] | null = null;
  const transactions = new Map([...replayed.txns].map(([appId, txn]) => [appId, txn.version]));
  return {
    ...replayed,
    transactions,
    simulated: replayed.metadata?.configuration['isobar.simulated'] === 'true',
    get files() {
      files ??= [...replayed.adds.values()]
        .map((add) => dataFile(folder, add))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
      return files;
    },
    get rowCount() {
      return this.files.reduce((sum, file) => sum + file.rows, 0);
    },
  };
}

export function dataFile(folder: string, add: AddFile): DataFile {
  const stats = parseStats(add.stats);
  const bound = (values: Readonly<Record<string, unknown>> | undefined, name: string) => {
    const value = values?.[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    path: add.path,
    storagePath: `${folder}/${add.path}`,
    month: add.partitionValues[PARTITION_COLUMN] ?? null,
    bytes: add.size,
    rows: stats?.numRecords ?? 0,
    cityIdMin: bound(stats?.minValues, 'city_id'),
    cityIdMax: bound(stats?.maxValues, 'city_id'),
    observedAtMin: bound(stats?.minValues, 'observed_at'),
    observedAtMax: bound(stats?.maxValues, 'observed_at'),
  };
}

/** A removed file as far as its action tells: rows and bounds are not known. */
export function removedFile(folder: string, remove: RemoveFile): DataFile {
  const { path, size, partitionValues, dataChange } = remove;
  const known = { path, partitionValues, dataChange, modificationTime: 0, stats: null, tags: null };
  return dataFile(folder, { ...known, size: size ?? 0 });
}
