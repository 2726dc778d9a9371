/** The table `collecting`: what the collectors did over time, one row per stretch. */
import type { Stretch } from '../model/outages.ts';
import { openSmallTable, type SmallTableOptions } from './small-table.ts';
import { COLLECTING_COLUMNS } from './table.ts';

export interface CollectingTable {
  read(): Promise<readonly Stretch[]>;
  /**
   * Adds the stretches and lets those that are there go on; removes what ended before `oldest` (ISO
   * 8601) or is beyond the newest `keepMax`. Commits nothing when nothing changes.
   */
  join(stretches: readonly Stretch[], oldest: string, keepMax: number): Promise<void>;
}

export function openCollectingTable(
  options: Omit<SmallTableOptions, 'columns' | 'key'>,
): CollectingTable {
  const columns = { columns: COLLECTING_COLUMNS, key: 'stretch_id' };
  const table = openSmallTable<Stretch>({ ...options, ...columns });
  return {
    read: () => table.read(),
    join: (stretches, oldest, keepMax) =>
      table.update((rows) => {
        const known = new Map(rows.map((row) => [row.stretch_id, row]));
        let isChanged = false;
        for (const stretch of stretches) {
          const before = known.get(stretch.stretch_id);
          if (before !== undefined && !isLater(stretch.ended_at, before.ended_at)) continue;
          known.set(stretch.stretch_id, stretch);
          isChanged = true;
        }
        if (!isChanged) return null;
        return [...known.values()]
          .filter(({ ended_at }) => isLater(ended_at, oldest))
          .sort((a, b) => (isLater(a.began_at, b.began_at) ? -1 : 1))
          .slice(0, keepMax);
      }),
  };
}

function isLater(a: string, b: string): boolean {
  return Date.parse(a) > Date.parse(b);
}
