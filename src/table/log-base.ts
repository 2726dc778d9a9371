/**
 * Where the replay of a table's log begins: the newest state that is known for certain.
 *
 *     1. the checkpoint that our own pointer names
 *     2. the newest checkpoint of ours, or the first commit, after which no commit is missing
 *     3. the newest checkpoint of another program after which none is missing. It is compared with
 *        the commits below it that are there. What the others did is not known: writers prove
 *        first that every row is accounted for (see `unproven`)
 *
 * A checkpoint or pointer that is damaged, or of another program, is passed over as long as the
 * commits say the same.
 */

import { IsobarError, isErrorCode } from '../errors.ts';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import {
  isOwnCheckpoint,
  readCheckpoint,
  readCheckpointOf,
  readPointerIfSound,
} from './checkpoint.ts';
import type { Action } from './delta.ts';
import { type ListedCheckpoint, type ListedLog, listLog } from './log-listing.ts';
import { applyCommit, emptyState, stateOfCheckpoint, type TableState } from './snapshot.ts';

export interface LogBaseOptions {
  readonly storage: Storage;
  readonly session: SqlSession;
  readonly folder: string;
  readonly readCommit: (version: number) => Promise<readonly Action[] | null>;
}

/** The state to go on from, of a version up to `most`. Rejects with TABLE_CORRUPT. */
export async function readBase(
  options: LogBaseOptions,
  most = Number.MAX_SAFE_INTEGER,
): Promise<TableState> {
  const { storage, session, folder } = options;
  const pointer = await readPointerIfSound(storage, folder);
  if (pointer?.isobar === true && pointer.version <= most) {
    const named = readCheckpointOf(storage, session, folder, pointer.version);
    const checkpoint = await named.catch(nullIfUnusable);
    if (checkpoint !== null) return stateOfCheckpoint(checkpoint, folder);
  }
  const listed = await listLog(storage, folder);
  const checkpoints = listed.checkpoints.filter(({ version }) => version <= most);
  const newest = Math.min(most, listed.commits.at(-1) ?? checkpoints[0]?.version ?? -1);
  const certain = await certainBase(options, listed, checkpoints, newest);
  if (certain !== null) return certain;
  let failure: unknown = null;
  for (const candidate of checkpoints) {
    if (!isWholeAbove(listed, candidate.version, newest)) continue;
    try {
      return await foreignBase(options, listed, candidate);
    } catch (error) {
      if (!isErrorCode(error, ...UNUSABLE, 'TABLE_PROTOCOL')) throw error;
      failure ??= error;
    }
  }
  if (failure !== null) throw failure;
  return emptyState(folder);
}

/** A checkpoint of ours or the beginning, from which the commits lead on; else null. */
async function certainBase(
  { storage, session, folder }: LogBaseOptions,
  listed: ListedLog,
  checkpoints: readonly ListedCheckpoint[],
  newest: number,
): Promise<TableState | null> {
  for (const candidate of checkpoints) {
    if (!isWholeAbove(listed, candidate.version, newest)) break;
    try {
      if (!(await isOwnCheckpoint(storage, session, candidate))) continue;
      const checkpoint = await readCheckpoint(storage, session, candidate);
      return stateOfCheckpoint(checkpoint, folder);
    } catch (error) {
      if (nullIfUnusable(error) === null) continue;
    }
  }
  return isWholeAbove(listed, -1, newest) ? emptyState(folder) : null;
}

async function foreignBase(
  options: LogBaseOptions,
  listed: ListedLog,
  candidate: ListedCheckpoint,
): Promise<TableState> {
  const { storage, session, folder } = options;
  const checkpoint = await readCheckpoint(storage, session, candidate);
  const state = stateOfCheckpoint(checkpoint, folder);
  let from = candidate.version;
  const commits = new Set(listed.commits);
  while (commits.has(from)) from -= 1;
  const replayed = await replayCommits(options, from + 1, candidate.version);
  const problem = differenceOf(state, replayed);
  if (problem !== null) {
    throw new IsobarError('TABLE_CORRUPT', `${checkpoint.place}: ${problem}`);
  }
  return stateOfCheckpoint(checkpoint, folder, { place: checkpoint.place, known: replayed });
}

/** What these commits leave of an empty table. */
async function replayCommits(
  { folder, readCommit }: LogBaseOptions,
  from: number,
  to: number,
): Promise<TableState> {
  let replayed = emptyState(folder);
  for (let version = from; version <= to; version++) {
    const actions = await readCommit(version);
    if (actions === null) return replayed;
    replayed = applyCommit(replayed, actions, version, folder);
  }
  return replayed;
}

/** What the last commits before it say otherwise than the state of a checkpoint. */
function differenceOf(state: TableState, replayed: TableState): string | null {
  for (const path of replayed.adds.keys()) {
    if (!state.adds.has(path)) return `it does not hold ${path}, which commits add`;
  }
  for (const path of replayed.removes.keys()) {
    if (state.adds.has(path)) return `it holds ${path}, which commits remove`;
  }
  for (const [appId, { version }] of replayed.txns) {
    const held = state.txns.get(appId)?.version;
    if (held !== version) return `transaction ${appId} is ${held}, commits say ${version}`;
  }
  return null;
}

function isWholeAbove({ commits }: ListedLog, version: number, newest: number): boolean {
  const above = commits.filter((commit) => commit > version && commit <= newest).length;
  return above === newest - version;
}

const UNUSABLE = [
  'TABLE_CORRUPT',
  'LAKE_MISSING',
  'FILE_NOT_REGULAR',
  'QUERY_FAILED',
  'QUERY_INVALID',
] as const;

function nullIfUnusable(error: unknown): null {
  if (isErrorCode(error, ...UNUSABLE)) return null;
  throw error;
}
