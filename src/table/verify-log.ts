/** Whether a table's log is whole: commits without a hole, checkpoints that say the same. */
import { isErrorCode } from '../errors.ts';
import { type Pointer, readCheckpoint, readPointer } from './checkpoint.ts';
import { type AddFile, parseStats } from './delta.ts';
import type { DeltaTable } from './delta-table.ts';
import { schemaProblem } from './foreign.ts';
import { openInFlight } from './in-flight.ts';
import { type ListedLog, listLog } from './log-listing.ts';
import { stateOfCheckpoint, type TableState } from './snapshot.ts';
import { columnsOfSchema } from './table.ts';
import type { Findings, VerifyOptions } from './verify.ts';

type LogOptions = Pick<VerifyOptions, 'storage' | 'session'>;

const EXAMPLES_MAX = 5;

export async function verifyLog(
  options: LogOptions,
  table: DeltaTable,
  state: TableState,
  { differences }: Findings,
): Promise<void> {
  const { folder } = table;
  // Read before the listing: what it names stays, and others may name a newer one meanwhile.
  const pointer = await verifiedPointer(options, folder, differences);
  const listed = await listLog(options.storage, folder);
  const { commits } = listed;
  for (const [index, version] of commits.entries()) {
    const before = commits[index - 1];
    if (before === undefined || version === before + 1) continue;
    differences.push(`${folder}: commits ${before + 1} to ${version - 1} are missing`);
  }
  await verifyCommits(table, commits);
  const newest = commits.at(-1);
  // Another writer may have committed since the state was read; refresh before comparing.
  const reached =
    newest !== undefined && newest > state.version
      ? (await table.refresh()).version
      : state.version;
  if (newest !== undefined && (newest < state.version || newest > reached)) {
    differences.push(`${folder}: version ${state.version}, newest commit ${newest}`);
  }
  verifySchema(table, state, differences);
  if (pointer !== null) await verifyPointer(options, folder, pointer, listed, differences);
  await verifyCheckpoints(options, table, listed, differences);
}

/** Every commit must be readable, not only those above the checkpoint. */
async function verifyCommits(table: DeltaTable, commits: readonly number[]): Promise<void> {
  const flight = openInFlight();
  for (const version of commits) {
    await flight.add(0, async () => void (await table.readCommit(version)));
  }
  await flight.settle();
}

function verifySchema(table: DeltaTable, { metadata }: TableState, differences: string[]): void {
  if (metadata === null) return;
  const { columns, partitionColumns, folder } = table;
  const schema = Number(metadata.configuration['isobar.schema']);
  const known = columnsOfSchema(schema, columns);
  const problem = schemaProblem(metadata.schemaString, known, partitionColumns);
  if (problem !== null) differences.push(`${folder}: schema: ${problem}`);
  if (metadata.partitionColumns.join() !== partitionColumns.join()) {
    const found = metadata.partitionColumns.join(', ');
    differences.push(`${folder}: partition columns: expected ${partitionColumns}, found ${found}`);
  }
}

async function verifiedPointer(
  { storage }: LogOptions,
  folder: string,
  differences: string[],
): Promise<Pointer | null> {
  try {
    return await readPointer(storage, folder);
  } catch (error) {
    if (!isErrorCode(error, 'TABLE_CORRUPT', 'FILE_TOO_LARGE', 'FILE_NOT_REGULAR')) throw error;
    differences.push((error as Error).message);
    return null;
  }
}

async function verifyPointer(
  { storage, session }: LogOptions,
  folder: string,
  { version, size, sizeInBytes, isobar }: Pointer,
  { checkpoints }: ListedLog,
  differences: string[],
): Promise<void> {
  const place = `${folder}/_delta_log/_last_checkpoint`;
  const named = checkpoints.find((checkpoint) => checkpoint.version === version);
  if (named === undefined) {
    differences.push(`${place}: it names version ${version}, which has no checkpoint`);
    return;
  }
  if (named.form === 'v2') return;
  const stored = await Promise.all(named.paths.map((path) => storage.stat(path)));
  const bytes = stored.reduce((sum, file) => sum + (file?.bytes ?? 0), 0);
  if (sizeInBytes !== null && sizeInBytes !== bytes) {
    differences.push(`${place}: sizeInBytes is ${sizeInBytes}, the checkpoint has ${bytes} bytes`);
  }
  const rows = await readCheckpoint(storage, session, named).then(
    ({ actions }) => actions.length,
    () => null,
  );
  // Others count actions of kinds that we do not read.
  if (isobar && rows !== null && size !== rows) {
    differences.push(`${place}: size is ${size}, the checkpoint has ${rows} actions`);
  }
}

/** Each checkpoint holds what the commits since the one before it, or since the first, leave. */
async function verifyCheckpoints(
  options: LogOptions,
  table: DeltaTable,
  { commits, checkpoints }: ListedLog,
  differences: string[],
): Promise<void> {
  const there = new Set(commits);
  let replayed: Replayed | null = there.has(0) ? emptyReplayed() : null;
  let version = -1;
  for (const checkpoint of checkpoints.toReversed()) {
    if (checkpoint.form === 'v2') continue;
    let state: TableState;
    try {
      const read = await readCheckpoint(options.storage, options.session, checkpoint);
      state = stateOfCheckpoint(read, table.folder);
    } catch (error) {
      if (!isErrorCode(error, 'TABLE_CORRUPT', 'TABLE_PROTOCOL', 'LAKE_MISSING')) throw error;
      differences.push((error as Error).message);
      continue;
    }
    while (replayed !== null && version < checkpoint.version) {
      version += 1;
      const isNext = there.has(version) && (await replayOn(table, version, replayed));
      if (!isNext) replayed = null;
    }
    if (replayed !== null) {
      const found = compareReplayed(state, replayed);
      const place = checkpoint.paths[0] ?? '';
      differences.push(...found.slice(0, EXAMPLES_MAX).map((problem) => `${place}: ${problem}`));
    }
    // From here on, whatever the commits before it said.
    replayed = emptyReplayed(state);
    version = checkpoint.version;
  }
}

interface Replayed {
  readonly adds: Map<string, AddFile>;
  readonly txns: Map<string, number>;
  metadata: TableState['metadata'];
}

function emptyReplayed(state?: TableState): Replayed {
  return {
    adds: new Map(state?.adds),
    txns: new Map(state?.transactions),
    metadata: state?.metadata ?? null,
  };
}

async function replayOn(table: DeltaTable, version: number, replayed: Replayed): Promise<boolean> {
  const actions = await table.readCommit(version);
  if (actions === null) return false;
  for (const action of actions) if ('remove' in action) replayed.adds.delete(action.remove.path);
  for (const action of actions) {
    if ('add' in action) replayed.adds.set(action.add.path, action.add);
    else if ('txn' in action) replayed.txns.set(action.txn.appId, action.txn.version);
    else if ('metaData' in action) replayed.metadata = action.metaData;
  }
  return true;
}

function compareReplayed(state: TableState, replayed: Replayed): string[] {
  const problems: string[] = [];
  for (const [path, add] of state.adds) {
    const other = replayed.adds.get(path);
    if (other === undefined) problems.push(`it holds ${path}, which no commit adds`);
    else if (textOf(add) !== textOf(other) || !haveSameBounds(add, other)) {
      problems.push(`${path}: the commits say otherwise`);
    }
  }
  for (const path of replayed.adds.keys()) {
    if (!state.adds.has(path)) problems.push(`it does not hold ${path}, which a commit adds`);
  }
  for (const appId of new Set([...state.txns.keys(), ...replayed.txns.keys()])) {
    const [found, wanted] = [state.transactions.get(appId), replayed.txns.get(appId)];
    if (found === wanted) continue;
    problems.push(`transaction ${appId} is ${found ?? 'absent'}, commits say ${wanted ?? 'none'}`);
  }
  if (metadataText(state.metadata) !== metadataText(replayed.metadata)) {
    problems.push('its metaData is not that of the commits');
  }
  return problems;
}

/** What matters of a file, in one form however a program wrote it. */
function textOf({ path, size, partitionValues, tags, stats }: AddFile): string {
  const { numRecords } = parseStats(stats) ?? {};
  const entries = (object: object | null) => Object.entries(object ?? {}).sort();
  return JSON.stringify([path, size, entries(partitionValues), entries(tags), numRecords]);
}

/** By the bounds that both have: other programs leave some out, and may write times otherwise. */
function haveSameBounds(a: AddFile, b: AddFile): boolean {
  const [first, second] = [parseStats(a.stats), parseStats(b.stats)];
  if (first === null || second === null) return true;
  return (['minValues', 'maxValues'] as const).every((bound) =>
    Object.entries(first[bound]).every(([name, value]) => {
      const other = second[bound][name];
      if (other === undefined || other === null || value === null) return true;
      return other === value || Date.parse(String(other)) === Date.parse(String(value));
    }),
  );
}

function metadataText(metadata: TableState['metadata']): string {
  if (metadata === null) return '';
  const { id, schemaString, partitionColumns, configuration } = metadata;
  return JSON.stringify([id, schemaString, partitionColumns, Object.entries(configuration).sort()]);
}
