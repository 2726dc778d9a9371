/** Upkeep of a workspace: what `isobar maintain` does, and `start` does hourly. */

import { join } from 'node:path';
import type { SqlSession } from './analytics/engine.ts';
import { cleanPublications } from './analytics/publication.ts';
import { lockFolder } from './lake/folder-lock.ts';
import { type Compacted, compact } from './table/compaction.ts';
import { openRawExporter, type RawExporter } from './table/raw-export.ts';
import { type Vacuumed, vacuum } from './table/vacuum.ts';
import type { Workspace } from './workspace.ts';

const MIB = 1024 * 1024;

export interface Maintenance {
  compact(signal?: AbortSignal): Promise<readonly Compacted[]>;
  vacuum(signal?: AbortSignal): Promise<Vacuumed>;
  readonly exporter: RawExporter;
}

export async function openMaintenance(workspace: Workspace): Promise<Maintenance> {
  const { config, storage, scratch, observations, simulated } = workspace;
  const session: SqlSession = await workspace.session();
  const files = { storage, scratch, observations };
  return {
    compact: (signal) =>
      compact(
        { ...files, session, simulated, fileBytesMax: config.table.file_mib_max * MIB },
        signal,
      ),
    async vacuum(signal) {
      const keepDays = config.table.keep_days;
      const sum = { dataFiles: 0, commits: 0, bytes: 0 };
      for (const table of workspace.tables) {
        const done = await vacuum({ table, storage, keepDays }, signal);
        sum.dataFiles += done.dataFiles;
        sum.commits += done.commits;
        sum.bytes += done.bytes;
      }
      sum.dataFiles += await cleanPublications(storage, keepDays);
      return sum;
    },
    exporter: openRawExporter({
      ...files,
      session: await workspace.session(),
      claim: () => lockFolder(join(workspace.folder, 'export'), 'the raw export'),
      openHourSeconds: config.table.raw_export_open_hour_s,
      openHourRowsMax: config.table.raw_export_open_hour_rows_max,
    }),
  };
}
