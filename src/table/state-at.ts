/** The state of a table after an earlier commit, from what is still kept of its log. */
import type { SqlSession } from '../analytics/engine.ts';
import { IsobarError } from '../errors.ts';
import { formatVersion } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import { readCheckpointOf } from './checkpoint.ts';
import type { DeltaTable } from './commit.ts';
import { applyActions, emptyState, type TableState } from './snapshot.ts';

const CHECKPOINT = /\/(\d{20})\.checkpoint\.parquet$/;

/** Rejects with TABLE_GAP when the commits that make this version are no longer all there. */
export async function readStateAt(
  table: DeltaTable,
  storage: Storage,
  session: SqlSession,
  version: number,
): Promise<TableState> {
  const { folder } = table;
  let state = emptyState(folder);
  const checkpoint = await newestCheckpoint(storage, folder, version);
  if (checkpoint !== null) {
    const { actions, place } = await readCheckpointOf(storage, session, folder, checkpoint);
    const commit = { version: checkpoint, place, checkpoint: true };
    state = applyActions(state, actions, commit, folder);
  }
  while (state.version < version) {
    const next = state.version + 1;
    const actions = await table.readCommit(next);
    const place = `${folder}/_delta_log/${formatVersion(next)}.json`;
    if (actions === null) {
      throw new IsobarError('TABLE_GAP', `${place}: version ${version} is not kept any more`);
    }
    state = applyActions(state, actions, { version: next, place, checkpoint: false }, folder);
  }
  return state;
}

async function newestCheckpoint(
  storage: Storage,
  folder: string,
  version: number,
): Promise<number | null> {
  let newest: number | null = null;
  for await (const { path } of storage.list(`${folder}/_delta_log`)) {
    const found = CHECKPOINT.exec(path)?.[1];
    if (found !== undefined && Number(found) <= version) newest = Number(found);
  }
  return newest;
}
