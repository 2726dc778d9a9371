/** Joins the index with the publications: who writes it, and what answers questions. */
import { openAnomalySource } from '../analytics/published-anomalies.ts';
import { type AnomalySearch, openAnomalySearch } from '../index/answering.ts';
import { type IndexLoop, startIndexLoop } from '../index/index-loop.ts';
import type { Leases } from '../leases/leases.ts';
import { holdRole, type Share } from '../leases/sharing.ts';
import type { Logger } from '../logger.ts';
import type { Workspace } from './workspace.ts';

export interface Indexing {
  readonly loop: IndexLoop;
  readonly search: AnomalySearch;
  /** An index that several processes share is written by the one with the lease. */
  share(leases: Leases): Promise<Share>;
}

export async function startIndexing(
  workspace: Workspace,
  options: { readonly logger: Logger; readonly lookMs: number },
): Promise<Indexing> {
  const { logger, lookMs } = options;
  const index = await workspace.index();
  const source = await anomalySource(workspace, logger);
  // A file of this machine says by itself that another process writes it.
  const isShared = index.engine === 'opensearch';
  let writes = !isShared;
  const loop = startIndexLoop({ index, source, logger, lookMs, writes: () => writes });
  return {
    loop,
    search: openAnomalySearch({ index, loop }),
    async share(leases) {
      if (!isShared) return { stop: async () => {} };
      return holdRole({ leases, role: 'index', logger }, async () => {
        writes = true;
        loop.wake();
        return {
          async stop() {
            writes = false;
          },
        };
      });
    },
  };
}

/** The anomalies of the publications, read in a session of its own. */
export async function anomalySource(workspace: Workspace, logger: Logger) {
  return openAnomalySource(workspace.storage, await workspace.session(), (_, problem) =>
    logger.debug({ code: 'TABLE_CORRUPT' }, `stepping over a publication: ${problem}`),
  );
}
