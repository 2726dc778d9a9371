/** The state of a Delta table after one commit, made by replaying actions. */
import { IsobarError } from '../errors.ts';
import {
  type Action,
  type AddFile,
  type CommitInfo,
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
import {
  afterCommit,
  type CommitOrigin,
  changesRows,
  foreignRows,
  formatOrigin,
  originOf,
  protocolError,
  resolvedUpTo,
} from './foreign.ts';
import type { DataFile, Snapshot } from './table.ts';

/** A snapshot with all that writers and checkpoints need of it. */
export interface TableState extends Snapshot {
  readonly protocol: Protocol | null;
  /** The commit that raised the protocol last; null where it is ours or not known. */
  readonly protocolBy: CommitOrigin | null;
  readonly metadata: Metadata | null;
  /** The last commit of another program that wrote the metadata; null where it is ours. */
  readonly metadataBy: CommitOrigin | null;
  readonly adds: ReadonlyMap<string, AddFile>;
  readonly removes: ReadonlyMap<string, RemoveFile>;
  readonly txns: ReadonlyMap<string, Transaction>;
  /** Commits of others that changed rows and that no operator has decided about. */
  readonly foreign: readonly CommitOrigin[];
  /**
   * The checkpoint of another program that this state begins with, where the commits below it are
   * gone: they may have changed rows. Null where the whole chain is known.
   */
  readonly unproven: string | null;
}

/** `folder` is where the table lies in the storage. */
export function emptyState(folder: string): TableState {
  return build(folder, {
    version: -1,
    committedAt: null,
    protocol: null,
    protocolBy: null,
    metadata: null,
    metadataBy: null,
    adds: new Map(),
    removes: new Map(),
    txns: new Map(),
    foreign: [],
    unproven: null,
  });
}

/** The state after one more commit. */
export function applyCommit(
  state: TableState,
  actions: readonly Action[],
  version: number,
  folder: string,
): TableState {
  const info = infoOf(actions);
  const isOurs = info !== null && info.isobarCommitId !== null;
  const origin = originOf(version, info);
  const committedAt = info === null || origin.at === null ? state.committedAt : origin.at;
  const replayed = replay(state, actions, origin.at);
  const foreign = afterCommit(
    state.foreign,
    origin,
    !isOurs && changesRows(actions),
    replayed.metadata?.configuration ?? {},
  );
  const by = isOurs ? null : origin;
  return build(folder, {
    ...replayed,
    version,
    committedAt,
    protocolBy: replayed.protocol === state.protocol ? state.protocolBy : by,
    metadataBy: replayed.metadata === state.metadata ? state.metadataBy : by,
    foreign,
    unproven: state.unproven,
  });
}

/** The state that a checkpoint holds; of another program's, with what its last commits say. */
export function stateOfCheckpoint(
  checkpoint: { readonly version: number; readonly actions: readonly Action[] },
  folder: string,
  foreign: { readonly place: string; readonly known: TableState } | null = null,
): TableState {
  const { version } = checkpoint;
  const empty = emptyState(folder);
  const replayed = { ...empty, ...replay(empty, checkpoint.actions, null), version };
  if (foreign === null) return build(folder, replayed);
  const { place, known } = foreign;
  const resolved = resolvedUpTo(replayed.metadata?.configuration ?? {});
  return build(folder, {
    ...replayed,
    protocolBy: known.protocolBy,
    metadataBy: known.metadataBy,
    foreign: known.foreign.filter((commit) => commit.version > resolved),
    unproven: resolved >= version ? null : place,
  });
}

function infoOf(actions: readonly Action[]): CommitInfo | null {
  for (const action of actions) if ('commitInfo' in action) return action.commitInfo;
  return null;
}

function replay(state: TableState, actions: readonly Action[], at: Date | null) {
  const adds = new Map(state.adds);
  // They are many, kept for days: those of another state are shared while nothing changes them.
  const changesRemoves = actions.some(
    (action) => 'remove' in action || ('add' in action && state.removes.has(action.add.path)),
  );
  const removes = changesRemoves ? new Map(state.removes) : null;
  const txns = new Map(state.txns);
  let { protocol, metadata } = state;
  // Within one commit removals come first, whatever their order in the file.
  for (const action of actions) {
    if ('remove' in action) {
      const { remove } = action;
      const deletionTimestamp = remove.deletionTimestamp || (at?.getTime() ?? 0);
      adds.delete(remove.path);
      removes?.set(remove.path, { ...remove, deletionTimestamp });
    }
  }
  for (const action of actions) {
    if ('add' in action) {
      adds.set(action.add.path, action.add);
      removes?.delete(action.add.path);
    } else if ('txn' in action) {
      txns.set(action.txn.appId, action.txn);
    } else if ('protocol' in action) {
      protocol = action.protocol;
    } else if ('metaData' in action) {
      metadata = action.metaData;
    }
  }
  return { adds, removes: removes ?? state.removes, txns, protocol, metadata };
}

/** Rejects a table whose files we cannot read as they are meant. */
export function assertReadable(state: TableState, folder: string): void {
  const { protocol, protocolBy } = state;
  if (protocol === null || protocol.minReaderVersion <= READER_VERSION) return;
  throw protocolError(folder, protocol, protocolBy, state.metadata?.configuration ?? {});
}

/** Rejects what we must not write to: newer, foreign, or of the other kind. */
export function assertWritable(state: TableState, folder: string, simulated: boolean): void {
  const refusal = writeRefusal(state, folder);
  if (refusal !== null) throw refusal;
  if (state.version >= 0 && state.simulated !== simulated) {
    throw new IsobarError(
      'TABLE_KIND',
      `${folder}: holds ${state.simulated ? 'simulated' : 'real'} data, ` +
        `what waits is ${simulated ? 'simulated' : 'real'}`,
    );
  }
}

/** Why nothing is written to this table, or null; readers say so too. */
export function writeRefusal(state: TableState, folder: string): IsobarError | null {
  if (state.version < 0) return null;
  const { protocol, protocolBy, metadata, metadataBy, foreign } = state;
  if (protocol === null || metadata === null) {
    return new IsobarError('TABLE_CORRUPT', `${folder}: no commit names its protocol and schema`);
  }
  if (protocol.minWriterVersion > WRITER_VERSION || protocol.minReaderVersion > READER_VERSION) {
    return protocolError(folder, protocol, protocolBy, metadata.configuration);
  }
  if (foreign.length > 0) return foreignRows(folder, foreign, metadata.configuration);
  const schema = Number(metadata.configuration['isobar.schema'] ?? Number.NaN);
  if (Number.isNaN(schema)) {
    if (metadataBy === null) {
      return new IsobarError('TABLE_FOREIGN', `${folder}: it was not made by isobar`);
    }
    const back = Math.max(0, metadataBy.version - 1);
    return new IsobarError(
      'TABLE_FOREIGN',
      `${folder}: ${formatOrigin(metadataBy)} replaced the table’s metadata; go back with ` +
        `\`isobar table restore ${back}\``,
    );
  }
  if (schema > SCHEMA_VERSION) {
    return new IsobarError('TABLE_NEWER', `${folder}: schema ${schema}, we know ${SCHEMA_VERSION}`);
  }
  return null;
}

type Replayed = Omit<TableState, 'files' | 'rowCount' | 'transactions' | 'simulated'>;

/** Files and sums are computed on first use, because a writer's rounds seldom need them. */
function build(folder: string, replayed: Replayed): TableState {
  let files: readonly DataFile[] | null = null;
  const { adds, txns, metadata } = replayed;
  const transactions = new Map([...txns].map(([appId, txn]) => [appId, txn.version]));
  return {
    version: replayed.version,
    committedAt: replayed.committedAt,
    protocol: replayed.protocol,
    protocolBy: replayed.protocolBy,
    metadata,
    metadataBy: replayed.metadataBy,
    adds,
    removes: replayed.removes,
    txns,
    foreign: replayed.foreign,
    unproven: replayed.unproven,
    transactions,
    simulated: metadata?.configuration['isobar.simulated'] === 'true',
    get files() {
      files ??= [...adds.values()]
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

/** A removed file as its action describes it: rows and bounds are not known. */
export function removedFile(folder: string, remove: RemoveFile): DataFile {
  const { path, size, partitionValues, dataChange } = remove;
  const known = { path, partitionValues, dataChange, modificationTime: 0, stats: null, tags: null };
  return dataFile(folder, { ...known, size: size ?? 0 });
}
