/** What explanations are made from in a workspace. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDataset } from '../analytics/export.ts';
import { aggregatesOf, readPublication } from '../analytics/publication.ts';
import { parseTailRecord } from '../api/tail-record.ts';
import { isErrorCode } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { contentOf } from '../model/observation.ts';
import type { Explanation } from '../model/provenance.ts';
import { type Asked, explain } from '../provenance/explain.ts';
import type { Sources, WaitingRecord } from '../provenance/sources.ts';
import type { Row, SqlEngine, SqlSession } from '../sql/engine.ts';
import { readCursor, readManifest } from '../table/export-documents.ts';
import { readHistory } from '../table/history.ts';
import { readStateAt } from '../table/state-at.ts';
import { OBSERVATION_COLUMNS, REJECTED_COLUMNS } from '../table/table.ts';
import { nextOffset } from '../table/transactions.ts';
import { readImports } from './import-states.ts';
import type { Workspace } from './workspace.ts';

/** What of a workspace explanations are made from; `engine` makes a session for each. */
export interface Explaining
  extends Pick<Workspace, 'storage' | 'observations' | 'rejected' | 'imports' | 'cities'> {
  readonly engine: Pick<SqlEngine, 'session'>;
  openLog(): Promise<Log | null>;
}

export function explainInWorkspace(
  workspace: Workspace,
  asked: Asked,
  signal?: AbortSignal,
): Promise<Explanation> {
  const { storage, observations, rejected, imports, cities, engine } = workspace;
  const openLog = () => openExistingLog(workspace);
  const parts = { storage, observations, rejected, imports, cities, engine, openLog };
  return explainWith(parts, asked, signal);
}

/** As `explain` of the room. */
export async function explainWith(
  parts: Explaining,
  asked: Asked,
  signal?: AbortSignal,
): Promise<Explanation> {
  await using session = await parts.engine.session();
  return await explain(openSources(parts, session), asked, signal);
}

function openSources(parts: Explaining, session: SqlSession): Sources {
  const { storage, observations, rejected } = parts;
  return {
    session,
    columns: OBSERVATION_COLUMNS,
    observations,
    rejectedColumns: REJECTED_COLUMNS,
    rejected,
    publication: () => readPublication(storage),
    aggregates: aggregatesOf,
    rows: async (publication, dataset) =>
      (await readDataset(storage, session, publication, dataset)) as unknown as Row[],
    stateAt: (version) => readStateAt(observations, storage, session, version),
    versions: (cityId, observedAt) =>
      readHistory({ session, observations, rejected }, cityId, observedAt),
    imports: () => readImports(parts),
    cityIds: async () => [...(await parts.cities.read()).keys()],
    log: () => parts.openLog(),
    nextOffset,
    parseRecord,
    cursor: () => readCursor(storage),
    manifest: (day) => readManifest(storage, day),
  };
}

/** Looking at a lake makes no log beside it, and one that is away keeps nothing else from view. */
async function openExistingLog(workspace: Workspace): Promise<Log | null> {
  const { config, folder } = workspace;
  if (config.log.engine === 'sqlite' && !existsSync(join(folder, 'log'))) return null;
  try {
    return await workspace.log();
  } catch (error) {
    if (isErrorCode(error, 'LOG_UNAVAILABLE')) return null;
    throw error;
  }
}

function parseRecord(value: Uint8Array): WaitingRecord | null {
  const parsed = parseTailRecord(value);
  if (parsed === null) return null;
  const { city_id, observed_at, collected_at, source, trace_id } = parsed;
  return { city_id, observed_at, collected_at, source, trace_id, values: contentOf(parsed) };
}
