/** The state of a table after an earlier commit, from what is still kept of its log. */

import { IsobarError } from '../errors.ts';
import { formatVersion } from '../lake/layout.ts';
import type { Storage } from '../lake/storage.ts';
import type { SqlSession } from '../sql/engine.ts';
import type { DeltaTable } from './delta-table.ts';
import { readBase } from './log-base.ts';
import { applyCommit, type TableState } from './snapshot.ts';

/** Rejects with TABLE_GAP when the commits that make this version are no longer all there. */
export async function readStateAt(
  table: DeltaTable,
  storage: Storage,
  session: SqlSession,
  version: number,
): Promise<TableState> {
  const { folder } = table;
  const readCommit = (commit: number) => table.readCommit(commit);
  let state = await readBase({ storage, session, folder, readCommit }, version);
  while (state.version < version) {
    const next = state.version + 1;
    const actions = await readCommit(next);
    if (actions === null) {
      const place = `${folder}/_delta_log/${formatVersion(next)}.json`;
      throw new IsobarError('TABLE_GAP', `${place}: version ${version} is not kept any more`);
    }
    state = applyCommit(state, actions, next, folder);
  }
  return state;
}
