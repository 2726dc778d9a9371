/** Looks for new versions of the table in an interval: other processes land, too. */
import type { DeltaTable } from './delta-table.ts';

export interface TableWatch {
  stop(): Promise<void>;
}

/** Calls `onVersion` after each new version, at once for those of this process. */
export async function watchTable(
  table: DeltaTable,
  lookMs: number,
  onVersion: () => void,
): Promise<TableWatch> {
  await table.refresh();
  const unlisten = table.onVersion(onVersion);
  const timer = setInterval(() => {
    // Whoever needs the table fails for the same reason, and says so.
    table.refresh().catch(() => {});
  }, lookMs);
  return {
    async stop() {
      clearInterval(timer);
      unlisten();
    },
  };
}
