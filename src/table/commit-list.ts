/** The newest commits of a table, for people: which program did what. */
import type { DeltaTable } from './delta-table.ts';
import { changesRows, originOf, resolvedUpTo } from './foreign.ts';

export interface HistoryRow {
  readonly version: number;
  /** ISO 8601, by the clock of the program that committed. */
  readonly at: string | null;
  readonly operation: string;
  readonly engine: string;
  readonly added: number;
  readonly removed: number;
  /** What about it matters to writers; empty for most. */
  readonly note: string;
}

/** Newest first; it ends early where commits are gone. */
export async function listCommits(table: DeltaTable, limit: number): Promise<HistoryRow[]> {
  const state = await table.refreshForRepair();
  const resolved = resolvedUpTo(state.metadata?.configuration ?? {});
  const waiting = new Set(state.foreign.map(({ version }) => version));
  const rows: HistoryRow[] = [];
  for (let version = state.version; version >= 0 && rows.length < limit; version -= 1) {
    const actions = await table.readCommit(version);
    if (actions === null) break;
    const info = actions.find((action) => 'commitInfo' in action)?.commitInfo ?? null;
    const { operation, engine, at } = originOf(version, info);
    const isForeign = info?.isobarCommitId == null && changesRows(actions);
    const settled = isForeign && version <= resolved ? 'accepted or undone' : '';
    rows.push({
      version,
      at: at?.toISOString() ?? null,
      operation,
      engine,
      added: actions.filter((action) => 'add' in action).length,
      removed: actions.filter((action) => 'remove' in action).length,
      note: waiting.has(version) ? 'changed rows: waits for a decision' : settled,
    });
  }
  return rows;
}
