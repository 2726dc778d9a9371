/** Which hours of the raw export a stretch of commits concerns. */

import { isErrorCode } from '../errors.ts';
import type { SqlSession } from '../sql/engine.ts';
import { parquetSql } from '../sql/text.ts';
import type { DeltaTable } from './delta-table.ts';
import { dataFile, removedFile, type TableState } from './snapshot.ts';
import { type DataFile, OBSERVATION_COLUMNS } from './table.ts';

interface HoursOptions {
  readonly observations: DeltaTable;
  readonly session: SqlSession;
}

/** Hours (ISO 8601) in which the commits after `fromVersion` added, replaced or removed rows. */
export async function changedHours(
  options: HoursOptions,
  fromVersion: number,
  state: TableState,
): Promise<string[]> {
  const { observations, session } = options;
  if (fromVersion === state.version) return [];
  // An older table was brought back, or the cursor was damaged: every hour may differ.
  if (fromVersion > state.version) return hoursOf(options, state.files, []);
  /** Files that this stretch of commits left live, and those of before that it removed. */
  const added = new Map<string, DataFile>();
  const removed = new Map<string, DataFile>();
  /** Files that brought rows, whatever became of them since. */
  const brought: DataFile[] = [];
  let replaced = false;
  for (let version = fromVersion + 1; version <= state.version; version++) {
    const actions = await observations.readCommit(version);
    // The commits are gone: every hour of the table may have changed.
    if (actions === null) return hoursOf(options, state.files, []);
    for (const action of actions) {
      if ('add' in action) {
        const file = dataFile(observations.folder, action.add);
        added.set(file.path, file);
        if (action.add.dataChange) brought.push(file);
      } else if ('remove' in action) {
        replaced ||= action.remove.dataChange;
        const isOfBefore = !added.delete(action.remove.path);
        if (isOfBefore) {
          removed.set(action.remove.path, removedFile(observations.folder, action.remove));
        }
      }
    }
  }
  // Without a replaced row compaction can be left aside: each file that brought rows has new ones.
  if (!replaced) {
    const single = brought.map(singleHour);
    if (!single.includes(null)) return [...new Set(single as string[])];
  }
  try {
    return replaced
      ? await hoursOf({ observations, session }, [...added.values()], [...removed.values()])
      : await hoursOf({ observations, session }, brought, []);
  } catch (error) {
    // A file that vacuum removed since: fall back to all hours of the months concerned.
    if (!isErrorCode(error, 'LAKE_MISSING')) throw error;
    const touched = [...brought, ...added.values(), ...removed.values()];
    const months = new Set(touched.map((file) => file.month));
    return hoursOf(
      { observations, session },
      state.files.filter((file) => months.has(file.month)),
      [],
    );
  }
}

/** The hour of all rows of the file when its statistics say that it is one, else null. */
function singleHour(file: DataFile): string | null {
  const [from, to] = [file.observedAtMin?.slice(0, 13), file.observedAtMax?.slice(0, 13)];
  return from !== undefined && from === to ? `${from}:00:00Z` : null;
}

/** Hours of rows that are only in the files `added` or only in the files `removed`. */
async function hoursOf(
  { observations, session }: HoursOptions,
  added: readonly DataFile[],
  removed: readonly DataFile[],
): Promise<string[]> {
  const list = async (files: readonly DataFile[]) =>
    `FROM ${parquetSql(await observations.localPaths(files), OBSERVATION_COLUMNS)} `;
  const [now, before] = [
    added.length === 0 ? null : await list(added),
    removed.length === 0 ? null : await list(removed),
  ];
  const hoursIn = (rows: string | null, others: string | null) =>
    rows === null
      ? []
      : [
          `SELECT DISTINCT date_trunc('hour', observed_at) AS hour ${rows}` +
            (others === null
              ? ''
              : `ANTI JOIN (SELECT log_id, log_partition, log_offset ${others}) ` +
                'USING (log_id, log_partition, log_offset)'),
        ];
  const selects = [...hoursIn(now, before), ...hoursIn(before, now)];
  if (selects.length === 0) return [];
  const rows = await session.query<{ hour: string }>(`${selects.join(' UNION ')} ORDER BY hour`);
  return rows.map(({ hour }) => hour);
}
